//! What every object of an exam begins with: patient, study, series, the equipment that made it.

use dicom_core::PrimitiveValue;
use dicom_dictionary_std::tags;
use sha2::{Digest, Sha256};

use super::dataset::{
    Code, DataSet, date, date_time, put, put_code, put_empty, put_items, put_known, reference, short,
    time_of_day,
};
use super::{Case, DicomError, codes};
use crate::exam::record::{ObjectUids, Order, Provenance};

/// Who makes these objects, and what.
pub(super) const MAKER: &str = "Sonograde";

/// What differs from one kind of object to the next.
pub(super) struct Kind {
    /// SOP Class UID.
    pub class: &'static str,
    pub modality: &'static str,
    /// Series numbers are high, so that they come after the scanner's own.
    pub series_number: &'static str,
    pub series_description: &'static str,
}

/// A data set of this kind with everything but its content.
pub(super) fn begin(case: &Case, kind: &Kind, uids: &ObjectUids) -> Result<DataSet, DicomError> {
    let mut set = DataSet::new_empty();
    let (started, ended) = (case.exam.started, case.ended);
    put(&mut set, tags::SPECIFIC_CHARACTER_SET, "ISO_IR 192");
    put(&mut set, tags::SOP_CLASS_UID, kind.class);
    put(&mut set, tags::SOP_INSTANCE_UID, uids.instance.as_str());
    put(&mut set, tags::INSTANCE_CREATION_DATE, date(ended));
    put(&mut set, tags::INSTANCE_CREATION_TIME, time_of_day(ended));
    put(&mut set, tags::INSTANCE_NUMBER, "1");
    put(&mut set, tags::TIMEZONE_OFFSET_FROM_UTC, "+0000");
    put(&mut set, tags::STUDY_DATE, date(started));
    put(&mut set, tags::STUDY_TIME, time_of_day(started));
    put(&mut set, tags::SERIES_DATE, date(started));
    put(&mut set, tags::SERIES_TIME, time_of_day(started));
    put(&mut set, tags::CONTENT_DATE, date(ended));
    put(&mut set, tags::CONTENT_TIME, time_of_day(ended));
    patient_and_study(&mut set, case)?;

    put(&mut set, tags::MODALITY, kind.modality);
    put(&mut set, tags::SERIES_INSTANCE_UID, uids.series.as_str());
    put(&mut set, tags::SERIES_NUMBER, kind.series_number);
    put(&mut set, tags::SERIES_DESCRIPTION, kind.series_description);
    equipment(&mut set, case);
    Ok(set)
}

fn patient_and_study(set: &mut DataSet, case: &Case) -> Result<(), DicomError> {
    let nobody = Order::default();
    let order = case.exam.order.as_ref().unwrap_or(&nobody);
    let patient_id = identifier("patient ID", order.patient_id.as_deref(), 64)?;
    let accession = identifier("accession number", order.accession_number.as_deref(), 16)?;
    put_known(set, tags::PATIENT_ID, patient_id);
    put_known(set, tags::ACCESSION_NUMBER, accession);
    let name = |name: &Option<String>| name.as_deref().map(person).filter(|name| !name.is_empty());
    put_known(set, tags::PATIENT_NAME, name(&order.patient_name).as_deref());
    let referrer = name(&order.referring_physician);
    put_known(set, tags::REFERRING_PHYSICIAN_NAME, referrer.as_deref());
    let birth = order.birth_date.as_deref().filter(|date| !date.is_empty());
    if let Some(date) = birth.filter(|date| date.len() != 8 || !date.bytes().all(|b| b.is_ascii_digit())) {
        return Err(DicomError::Order {
            what: "birth date",
            expected: "YYYYMMDD",
            letters: date.chars().count(),
        });
    }
    put_known(set, tags::PATIENT_BIRTH_DATE, birth);
    let sex = order.sex.as_deref().filter(|sex| matches!(*sex, "M" | "F" | "O"));
    put_known(set, tags::PATIENT_SEX, sex);
    put(set, tags::STUDY_INSTANCE_UID, case.uids.study.as_str());
    put_empty(set, tags::STUDY_ID);
    if let Some(procedure) = &order.requested_procedure {
        put(set, tags::STUDY_DESCRIPTION, short(procedure));
    }
    Ok(())
}

/// An identifier as it is: one that was cut could be somebody else's.
fn identifier<'a>(
    what: &'static str,
    value: Option<&'a str>,
    letters: usize,
) -> Result<Option<&'a str>, DicomError> {
    let value = value.map(str::trim).filter(|value| !value.is_empty());
    match value {
        Some(id) if id.chars().count() > letters || id.contains(|c: char| c == '\\' || c.is_control()) => {
            let expected = if letters == 16 {
                "at most 16 letters"
            } else {
                "at most 64 letters"
            };
            Err(DicomError::Order {
                what,
                expected,
                letters: id.chars().count(),
            })
        }
        value => Ok(value),
    }
}

/// A name as DICOM writes it: up to three ways of writing it, divided by `=`, each of at most five parts, divided by `^`,
/// and 64 letters (PS3.5, 6.2).
fn person(name: &str) -> String {
    let way = |way: &str| {
        let parts: Vec<String> = way.splitn(5, '^').map(|part| part.replace('^', " ")).collect();
        short(&parts.join("^"))
    };
    let ways: Vec<String> = name.split('=').take(3).map(way).collect();
    ways.join("=").trim_end_matches(['=', '^']).to_owned()
}

fn equipment(set: &mut DataSet, case: &Case) {
    let made = &case.exam.provenance;
    let model = format!("{} {}", made.model.name, made.model.version);
    let device = device_uid(made);
    let software = || {
        PrimitiveValue::Strs(
            [&made.software, &model]
                .map(|text| short(text))
                .into_iter()
                .collect(),
        )
    };
    put(set, tags::MANUFACTURER, MAKER);
    put(set, tags::MANUFACTURER_MODEL_NAME, MAKER);
    put(set, tags::DEVICE_SERIAL_NUMBER, "UNKNOWN");
    put(set, tags::SOFTWARE_VERSIONS, software());

    let mut item = DataSet::new_empty();
    put_code(
        &mut item,
        tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE,
        codes::PROCESSING_EQUIPMENT,
    );
    put(&mut item, tags::MANUFACTURER, MAKER);
    put(&mut item, tags::MANUFACTURER_MODEL_NAME, short(&model));
    put(&mut item, tags::SOFTWARE_VERSIONS, software());
    put(&mut item, tags::DEVICE_UID, device);
    put(&mut item, tags::CONTRIBUTION_DATE_TIME, date_time(case.ended));
    let how = format!(
        "{} SHA-256 {}, {}, temperature {}, input {}",
        case.exam.label, made.model.sha256, made.engine, made.temperature, made.preprocessing
    );
    put(&mut item, tags::CONTRIBUTION_DESCRIPTION, how.replace('\\', "/"));
    put_items(set, tags::CONTRIBUTING_EQUIPMENT_SEQUENCE, vec![item]);
}

/// The Device UID of a model: another model file is another device.
pub(super) fn device_uid(made: &Provenance) -> String {
    derived_uid(&["model", &made.model.sha256])
}

/// A UID that follows from `parts`: `2.25.` and a UUID of version 8 (RFC 9562) made of their SHA-256.
pub(super) fn derived_uid(parts: &[&str]) -> String {
    let hash = Sha256::digest(parts.join("\n"));
    let half = hash
        .iter()
        .take(16)
        .fold(0u128, |n, byte| n << 8 | u128::from(*byte));
    let version = half & !(0xf << 76) | 0x8 << 76;
    format!("2.25.{}", version & !(0b11 << 62) | 0b10 << 62)
}

/// Another object of the same exam, and what it is there for.
pub(super) fn put_relative(set: &mut DataSet, class: &str, uids: &ObjectUids, purpose: Code) {
    let mut item = reference(class, &uids.instance);
    put_code(&mut item, tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE, purpose);
    put_items(set, tags::REFERENCED_IMAGE_SEQUENCE, vec![item]);
    put_series_of(set, class, uids);
}

/// In which series an object lies that is referred to (Common Instance Reference).
pub(super) fn put_series_of(set: &mut DataSet, class: &str, uids: &ObjectUids) {
    let mut series = DataSet::new_empty();
    put(&mut series, tags::SERIES_INSTANCE_UID, uids.series.as_str());
    let instance = reference(class, &uids.instance);
    put_items(&mut series, tags::REFERENCED_INSTANCE_SEQUENCE, vec![instance]);
    put_items(set, tags::REFERENCED_SERIES_SEQUENCE, vec![series]);
}
