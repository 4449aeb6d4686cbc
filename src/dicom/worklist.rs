//! Modality Worklist (PS3.4, K): the question that is asked, and what an answer says as an order.

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use serde::{Deserialize, Serialize};

use super::dataset::{put, put_empty, put_items};
use crate::exam::record::Order;

/// What is to be known of the patient and the order, beside the scheduled step.
const ASKED: [Tag; 9] = [
    tags::ACCESSION_NUMBER,
    tags::REFERRING_PHYSICIAN_NAME,
    tags::PATIENT_NAME,
    tags::PATIENT_ID,
    tags::PATIENT_BIRTH_DATE,
    tags::PATIENT_SEX,
    tags::STUDY_INSTANCE_UID,
    tags::REQUESTED_PROCEDURE_DESCRIPTION,
    tags::REQUESTED_PROCEDURE_ID,
];

/// Which steps are asked for.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Of this modality; of any if empty.
    pub modality: String,
    /// Scheduled for this station; for any if absent.
    pub station_ae: Option<String>,
    /// Scheduled for these days: `YYYYMMDD-YYYYMMDD`.
    pub days: String,
}

/// A scheduled step of the worklist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What it is known by: study, requested procedure and step.
    pub id: String,
    /// Whose it is and who wants it.
    pub order: Order,
    /// When it is scheduled: `YYYYMMDD HHMM`, as far as it is said; the cart's or the server's local time.
    pub scheduled: String,
    /// What is to be done.
    pub description: String,
    /// `SCHEDULED`, `ARRIVED`, `CANCELLED` and others (0040,0020); empty if it is not said.
    pub status: String,
}

/// The question for steps that pass `filter`.
pub fn question(filter: &Filter) -> InMemDicomObject {
    let mut step = InMemDicomObject::new_empty();
    put(&mut step, tags::MODALITY, filter.modality.as_str());
    put(
        &mut step,
        tags::SCHEDULED_STATION_AE_TITLE,
        filter.station_ae.as_deref().unwrap_or_default(),
    );
    put(
        &mut step,
        tags::SCHEDULED_PROCEDURE_STEP_START_DATE,
        filter.days.as_str(),
    );
    for tag in [
        tags::SCHEDULED_PROCEDURE_STEP_START_TIME,
        tags::SCHEDULED_PROCEDURE_STEP_DESCRIPTION,
        tags::SCHEDULED_PROCEDURE_STEP_ID,
        tags::SCHEDULED_PROCEDURE_STEP_STATUS,
    ] {
        put_empty(&mut step, tag);
    }
    let mut set = InMemDicomObject::new_empty();
    for tag in ASKED {
        put_empty(&mut set, tag);
    }
    put_items(&mut set, tags::SCHEDULED_PROCEDURE_STEP_SEQUENCE, vec![step]);
    set
}

/// The step that an answer speaks of; none if it names no patient.
pub fn step(answer: &InMemDicomObject) -> Option<Step> {
    let step = answer
        .element(tags::SCHEDULED_PROCEDURE_STEP_SEQUENCE)
        .ok()
        .and_then(|element| element.items()?.first())?;
    let order = Order {
        patient_id: text(answer, tags::PATIENT_ID),
        patient_name: text(answer, tags::PATIENT_NAME),
        birth_date: text(answer, tags::PATIENT_BIRTH_DATE).filter(|date| is_date(date)),
        sex: text(answer, tags::PATIENT_SEX).filter(|sex| matches!(sex.as_str(), "M" | "F" | "O")),
        accession_number: text(answer, tags::ACCESSION_NUMBER),
        study_instance_uid: text(answer, tags::STUDY_INSTANCE_UID).filter(|uid| is_uid(uid)),
        requested_procedure: text(answer, tags::REQUESTED_PROCEDURE_DESCRIPTION),
        referring_physician: text(answer, tags::REFERRING_PHYSICIAN_NAME),
    };
    if order.patient_id.is_none() && order.patient_name.is_none() {
        return None;
    }
    let known_by = [
        text(answer, tags::STUDY_INSTANCE_UID),
        text(answer, tags::REQUESTED_PROCEDURE_ID),
        text(step, tags::SCHEDULED_PROCEDURE_STEP_ID),
    ];
    let said = |tag| text(step, tag).unwrap_or_default();
    let (date, time) = (
        said(tags::SCHEDULED_PROCEDURE_STEP_START_DATE),
        said(tags::SCHEDULED_PROCEDURE_STEP_START_TIME),
    );
    let time: String = time.chars().filter(char::is_ascii_digit).take(4).collect();
    let described = text(step, tags::SCHEDULED_PROCEDURE_STEP_DESCRIPTION);
    Some(Step {
        id: known_by.map(Option::unwrap_or_default).join("/"),
        scheduled: format!("{date} {time}").trim().to_owned(),
        description: described
            .or_else(|| order.requested_procedure.clone())
            .unwrap_or_default(),
        status: said(tags::SCHEDULED_PROCEDURE_STEP_STATUS),
        order,
    })
}

/// A text without what pads it; none if nothing is left.
fn text(set: &InMemDicomObject, tag: Tag) -> Option<String> {
    let text = set.element(tag).ok()?.to_str().ok()?;
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn is_date(text: &str) -> bool {
    text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_uid(text: &str) -> bool {
    text.len() <= 64 && text.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

#[cfg(test)]
mod tests {
    use dicom_core::DataElement;
    use dicom_core::VR;
    use dicom_core::value::PrimitiveValue;

    use super::*;

    #[test]
    fn an_answer_is_an_order_and_one_that_names_nobody_is_none() {
        let filter = Filter {
            modality: "US".into(),
            station_ae: None,
            days: "20260131-20260201".into(),
        };
        let mut answer = question(&filter);
        assert_eq!(step(&answer), None);
        for (tag, value) in [
            (tags::PATIENT_NAME, "Yamada^Tarou=山田^太郎"),
            (tags::PATIENT_ID, " 42 "),
            (tags::PATIENT_BIRTH_DATE, "1950"),
            (tags::PATIENT_SEX, "F "),
            (tags::STUDY_INSTANCE_UID, "1.2.3\0"),
        ] {
            answer.put(DataElement::new(tag, VR::LO, PrimitiveValue::from(value)));
        }
        let found = step(&answer).expect("a patient");
        assert_eq!(found.order.patient_id.as_deref(), Some("42"));
        assert_eq!(
            found.order.patient_name.as_deref(),
            Some("Yamada^Tarou=山田^太郎")
        );
        assert_eq!(found.order.birth_date, None, "half a date is none");
        assert_eq!(found.order.sex.as_deref(), Some("F"));
        assert_eq!(found.order.study_instance_uid.as_deref(), Some("1.2.3"));
        assert_eq!(found.id, "1.2.3//");
    }
}
