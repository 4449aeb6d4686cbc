//! The verdict as a structured report that nobody has verified (PS3.3, A.35.13; PS3.16, TID 1500 and TID 1501).

use dicom_core::PrimitiveValue;
use dicom_dictionary_std::{tags, uids};

use super::content::{
    self, CONTAINS, CONTEXT, MODIFIER, PROPERTY, code, container, number, related, text, uid,
};
use super::dataset::{DataSet, put, put_empty, put_items, reference};
use super::header::{self, Kind, MAKER};
use super::{Case, DicomError, capture, codes, map};
use crate::exam::record::{ObjectUids, Order, Verdict};

pub(super) const CLASS: &str = uids::COMPREHENSIVE3_DSR_STORAGE;

/// Makes the report.
pub(super) fn make(case: &Case) -> Result<DataSet, DicomError> {
    let kind = Kind {
        class: CLASS,
        modality: "SR",
        series_number: "9003",
        series_description: "AI nuclear grade: report",
    };
    let mut set = header::begin(case, &kind, &case.uids.report)?;
    codes::put_own_scheme(&mut set);
    put_items(
        &mut set,
        tags::REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE,
        vec![],
    );
    put_items(&mut set, tags::PERFORMED_PROCEDURE_CODE_SEQUENCE, vec![]);
    put(&mut set, tags::COMPLETION_FLAG, "COMPLETE");
    put(&mut set, tags::VERIFICATION_FLAG, "UNVERIFIED");
    put(&mut set, tags::PRELIMINARY_FLAG, "PRELIMINARY");
    if let Some(order) = case
        .exam
        .order
        .as_ref()
        .filter(|order| order.study_instance_uid.is_some())
    {
        let request = request(case, order, &set);
        put_items(&mut set, tags::REFERENCED_REQUEST_SEQUENCE, vec![request]);
    }
    if !case.pictures.is_empty() {
        put_items(
            &mut set,
            tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE,
            vec![evidence(case)],
        );
    }
    for element in tree(case) {
        set.put(element);
    }
    Ok(set)
}

/// The order that this report answers.
fn request(case: &Case, order: &Order, set: &DataSet) -> DataSet {
    let mut item = DataSet::new_empty();
    put(&mut item, tags::STUDY_INSTANCE_UID, case.uids.study.as_str());
    if let Ok(accession) = set.element(tags::ACCESSION_NUMBER) {
        item.put(accession.clone());
    }
    put_items(&mut item, tags::REFERENCED_STUDY_SEQUENCE, vec![]);
    let procedure = order.requested_procedure.as_deref().map(super::dataset::short);
    super::dataset::put_known(
        &mut item,
        tags::REQUESTED_PROCEDURE_DESCRIPTION,
        procedure.as_deref(),
    );
    put_items(&mut item, tags::REQUESTED_PROCEDURE_CODE_SEQUENCE, vec![]);
    put_empty(&mut item, tags::REQUESTED_PROCEDURE_ID);
    put_empty(&mut item, tags::PLACER_ORDER_NUMBER_IMAGING_SERVICE_REQUEST);
    put_empty(&mut item, tags::FILLER_ORDER_NUMBER_IMAGING_SERVICE_REQUEST);
    item
}

/// The two other objects, which the report speaks of.
fn evidence(case: &Case) -> DataSet {
    let series = |class: &str, uids: &ObjectUids| {
        let mut item = DataSet::new_empty();
        put(&mut item, tags::SERIES_INSTANCE_UID, uids.series.as_str());
        put_items(
            &mut item,
            tags::REFERENCED_SOP_SEQUENCE,
            vec![reference(class, &uids.instance)],
        );
        item
    };
    let mut study = DataSet::new_empty();
    put(&mut study, tags::STUDY_INSTANCE_UID, case.uids.study.as_str());
    let both = vec![
        series(capture::CLASS, &case.uids.capture),
        series(map::CLASS, &case.uids.map),
    ];
    put_items(&mut study, tags::REFERENCED_SERIES_SEQUENCE, both);
    study
}

/// The content: who observes, and one measurement group.
fn tree(case: &Case) -> DataSet {
    let made = &case.exam.provenance;
    let model = format!("{} {}", made.model.name, made.model.version);
    let measurements = container(codes::MEASUREMENTS, None, vec![related(CONTAINS, group(case))]);
    let children = vec![
        code(MODIFIER, codes::LANGUAGE, codes::ENGLISH),
        code(CONTEXT, codes::OBSERVER_TYPE, codes::DEVICE),
        uid(CONTEXT, codes::OBSERVER_UID, &header::device_uid(made)),
        text(CONTEXT, codes::OBSERVER_NAME, MAKER),
        text(CONTEXT, codes::OBSERVER_MANUFACTURER, MAKER),
        text(CONTEXT, codes::OBSERVER_MODEL, &model),
        code(MODIFIER, codes::PROCEDURE_REPORTED, codes::IMAGING_PROCEDURE),
        related(CONTAINS, measurements),
    ];
    container(codes::REPORT, Some("1500"), children)
}

/// What is said of the lesion.
fn group(case: &Case) -> DataSet {
    let made = &case.exam.provenance;
    let band = format!(
        "scores from {} to {} are indeterminate",
        made.band[0], made.band[1]
    );
    let how = format!(
        "SHA-256 {}, {}, temperature {}",
        made.model.sha256, made.engine, made.temperature
    );
    let mut items = vec![
        text(CONTEXT, codes::TRACKING_IDENTIFIER, &case.exam.id),
        uid(CONTEXT, codes::TRACKING_UID, &case.uids.tracking),
        code(CONTAINS, codes::FINDING, codes::PREDICTED_GRADE),
        code(MODIFIER, codes::FINDING_SITE, codes::KIDNEY),
        text(MODIFIER, codes::ALGORITHM_NAME, &made.model.name),
        text(MODIFIER, codes::ALGORITHM_VERSION, &made.model.version),
        text(MODIFIER, codes::ALGORITHM_PARAMETERS, &band),
        text(MODIFIER, codes::ALGORITHM_PARAMETERS, &how),
        text(CONTAINS, codes::COMMENT, &case.exam.label),
    ];
    if !case.pictures.is_empty() {
        let frames = (1..=case.pictures.len()).map(|n| n.to_string());
        let all = PrimitiveValue::Strs(frames.collect());
        for (name, class, uids) in [
            (codes::SOURCE, capture::CLASS, &case.uids.capture),
            (codes::CLASS_ACTIVATION, map::CLASS, &case.uids.map),
        ] {
            let mut frames = reference(class, &uids.instance);
            put(&mut frames, tags::REFERENCED_FRAME_NUMBER, all.clone());
            items.push(content::image(CONTAINS, name, frames));
        }
    }
    if let Some(verdict) = &case.exam.verdict {
        items.extend(score(verdict, made.band));
        items.push(number(
            CONTAINS,
            codes::FRAMES_SCORED,
            verdict.frames_scored as f32,
            codes::FRAMES,
            vec![],
        ));
        items.push(code(
            CONTAINS,
            codes::PREDICTED_GRADE,
            codes::grade(verdict.verdict),
        ));
    }
    container(codes::GROUP, Some("1501"), items)
}

/// The score with its interval and the band that makes a grade of it.
fn score(verdict: &Verdict, band: [f32; 2]) -> Option<DataSet> {
    let property = |name, value| number(PROPERTY, name, value, codes::NO_UNITS, vec![]);
    let mut properties = vec![
        property(codes::BAND_LOW, band[0]),
        property(codes::BAND_HIGH, band[1]),
    ];
    if let Some([low, high]) = verdict.ci95 {
        properties.push(property(codes::INTERVAL_LOW, low));
        properties.push(property(codes::INTERVAL_HIGH, high));
    }
    let score = verdict.score?;
    Some(number(CONTAINS, codes::SCORE, score, codes::NO_UNITS, properties))
}
