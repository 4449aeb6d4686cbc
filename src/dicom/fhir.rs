//! An exam's verdict as FHIR R4 resources for systems that read no DICOM: a `DiagnosticReport` and its `Observation`.
//!
//! Pure. Patient and study are referred to by their identifiers, as in the DICOM objects; the codes are theirs too. Both
//! resources are `preliminary`, since nobody has verified them.

use serde_json::{Map, Value, json};

use super::codes;
use super::dataset::Code;
use crate::exam::record::{Exam, Order, Verdict};

/// The resources of an exam that has ended, as a bundle; none without an end, a verdict or identifiers.
pub fn bundle(exam: &Exam) -> Option<Value> {
    let (ended, verdict, uids) = (exam.ended?, exam.verdict.as_ref()?, exam.uids.as_ref()?);
    let made = &exam.provenance;
    let nobody = Order::default();
    let order = exam.order.as_ref().unwrap_or(&nobody);
    let observation_url = format!("urn:oid:{}", uids.tracking);
    let mut both = Map::new();
    both.insert("status".into(), json!("preliminary"));
    both.insert("code".into(), concept(codes::PREDICTED_GRADE));
    both.insert(
        "effectivePeriod".into(),
        json!({ "start": exam.started, "end": ended }),
    );
    both.insert("issued".into(), json!(ended));
    if let Some(subject) = subject(order) {
        both.insert("subject".into(), subject);
    }
    if let Some(accession) = known(&order.accession_number) {
        both.insert(
            "basedOn".into(),
            json!([{ "identifier": { "value": accession } }]),
        );
    }

    let mut observation = both.clone();
    observation.insert("resourceType".into(), json!("Observation"));
    let grade = codes::grade(verdict.verdict);
    observation.insert("valueCodeableConcept".into(), concept(grade));
    observation.insert("component".into(), components(verdict, made.band));
    observation.insert("note".into(), json!([{ "text": exam.label }]));
    let model = &made.model;
    let device = format!("{} {} (SHA-256 {})", model.name, model.version, model.sha256);
    observation.insert("device".into(), json!({ "display": device }));

    let mut report = both;
    report.insert("resourceType".into(), json!("DiagnosticReport"));
    report.insert("result".into(), json!([{ "reference": observation_url }]));
    let study = json!({ "system": "urn:dicom:uid", "value": format!("urn:oid:{}", uids.study) });
    report.insert("imagingStudy".into(), json!([{ "identifier": study }]));
    report.insert("conclusion".into(), json!(format!("{}. {}", grade.2, exam.label)));

    let report_url = format!("urn:oid:{}", uids.report.instance);
    let entries = [(report_url, report), (observation_url, observation)];
    let entries = entries.map(|(url, resource)| json!({ "fullUrl": url, "resource": resource }));
    Some(json!({ "resourceType": "Bundle", "type": "collection", "timestamp": ended, "entry": entries }))
}

fn known(value: &Option<String>) -> Option<&str> {
    value.as_deref().map(str::trim).filter(|value| !value.is_empty())
}

fn subject(order: &Order) -> Option<Value> {
    let mut subject = Map::new();
    if let Some(id) = known(&order.patient_id) {
        subject.insert("identifier".into(), json!({ "value": id }));
    }
    if let Some(name) = known(&order.patient_name) {
        let parts = name.split('^').filter(|part| !part.is_empty());
        subject.insert("display".into(), json!(parts.collect::<Vec<_>>().join(" ")));
    }
    (!subject.is_empty()).then_some(Value::Object(subject))
}

/// A concept of our scheme.
fn concept(Code(code, _, words): Code) -> Value {
    let system = format!("urn:oid:{}", codes::OWN_UID);
    json!({ "coding": [{ "system": system, "code": code, "display": words }], "text": words })
}

fn components(verdict: &Verdict, band: [f32; 2]) -> Value {
    let interval = verdict.ci95.map_or([None, None], |limits| limits.map(Some));
    let numbers = [
        (codes::SCORE, verdict.score),
        (codes::INTERVAL_LOW, interval[0]),
        (codes::INTERVAL_HIGH, interval[1]),
        (codes::BAND_LOW, Some(band[0])),
        (codes::BAND_HIGH, Some(band[1])),
    ];
    let component = |name, value: Value, Code(unit, ..): Code| {
        let quantity = json!({ "value": value, "system": "http://unitsofmeasure.org", "code": unit });
        json!({ "code": concept(name), "valueQuantity": quantity })
    };
    // Through its shortest decimal: 0.7 as f32 is not 0.699999988 to a reader.
    let decimal = |value: f32| json!(value.to_string().parse::<f64>().ok());
    let given = numbers
        .into_iter()
        .filter_map(|(name, value)| Some(component(name, decimal(value?), codes::NO_UNITS)));
    let mut all: Vec<Value> = given.collect();
    all.push(component(
        codes::FRAMES_SCORED,
        json!(verdict.frames_scored),
        codes::FRAMES,
    ));
    Value::Array(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exam::record::Uids;
    use crate::store::tests::{ended, exam};

    const ID: &str = "20260131T094500.123Z-7f3a";

    #[test]
    fn the_observation_says_what_the_exam_says_and_unknown_things_are_absent() {
        let mut exam = ended(ID, 412);
        assert_eq!(bundle(&exam), None, "no identifiers yet");
        exam.uids = Some(Uids::assign(None));
        let bundle = bundle(&exam).expect("an exam that has ended");
        let (report, observation) = (&bundle["entry"][0]["resource"], &bundle["entry"][1]["resource"]);
        assert_eq!(report["result"][0]["reference"], bundle["entry"][1]["fullUrl"]);
        assert_eq!(
            observation["valueCodeableConcept"]["coding"][0]["code"],
            "GRADE-HIGH"
        );
        let value = |n: usize| observation["component"][n]["valueQuantity"]["value"].clone();
        assert_eq!(
            (value(0), value(1), value(2), value(5)),
            (json!(0.731), json!(0.66), json!(0.79), json!(412))
        );
        assert!(observation.get("subject").is_none() && report.get("basedOn").is_none());
    }

    #[test]
    fn an_exam_that_goes_on_has_no_resources() {
        assert_eq!(bundle(&exam(ID)), None);
    }
}
