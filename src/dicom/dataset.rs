//! How data sets are put together: value representations come from the data dictionary, texts are made fit for DICOM.

use chrono::{DateTime, Utc};
use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{StandardDataDictionary, tags};
use dicom_object::InMemDicomObject;

/// A data set or an item of a sequence.
pub(super) type DataSet = InMemDicomObject;

/// Puts a value of the representation that the standard gives `tag`.
pub(super) fn put(set: &mut DataSet, tag: Tag, value: impl Into<PrimitiveValue>) {
    let vr = StandardDataDictionary
        .by_tag(tag)
        .map_or(VR::UN, |entry| entry.vr().relaxed());
    set.put(DataElement::new(tag, vr, value.into()));
}

/// Puts an element without a value: what is not known (type 2).
pub(super) fn put_empty(set: &mut DataSet, tag: Tag) {
    put(set, tag, PrimitiveValue::Empty);
}

/// Puts a value, or an empty element where there is none (type 2).
pub(super) fn put_known(set: &mut DataSet, tag: Tag, value: Option<&str>) {
    put(
        set,
        tag,
        value.map_or(PrimitiveValue::Empty, PrimitiveValue::from),
    );
}

/// Puts a sequence.
pub(super) fn put_items(set: &mut DataSet, tag: Tag, items: Vec<DataSet>) {
    set.put(DataElement::new(tag, VR::SQ, DataSetSequence::from(items)));
}

/// A coded concept: value, scheme, meaning.
#[derive(Clone, Copy, Debug)]
pub(super) struct Code(pub &'static str, pub &'static str, pub &'static str);

/// Puts a sequence of one code.
pub(super) fn put_code(set: &mut DataSet, tag: Tag, Code(value, scheme, meaning): Code) {
    let mut item = DataSet::new_empty();
    put(&mut item, tags::CODE_VALUE, value);
    put(&mut item, tags::CODING_SCHEME_DESIGNATOR, scheme);
    put(&mut item, tags::CODE_MEANING, meaning);
    put_items(set, tag, vec![item]);
}

/// A reference to an object.
pub(super) fn reference(class: &str, instance: &str) -> DataSet {
    let mut item = DataSet::new_empty();
    put(&mut item, tags::REFERENCED_SOP_CLASS_UID, class);
    put(&mut item, tags::REFERENCED_SOP_INSTANCE_UID, instance);
    item
}

/// `YYYYMMDD` (DA). All times are UTC, and say so.
pub(super) fn date(time: DateTime<Utc>) -> String {
    time.format("%Y%m%d").to_string()
}

/// `HHMMSS.ffffff` (TM).
pub(super) fn time_of_day(time: DateTime<Utc>) -> String {
    time.format("%H%M%S%.6f").to_string()
}

/// Date and time with the offset from UTC (DT).
pub(super) fn date_time(time: DateTime<Utc>) -> String {
    time.format("%Y%m%d%H%M%S%.6f+0000").to_string()
}

/// At most 16 characters of a decimal number (DS).
pub(super) fn decimal(value: f32) -> String {
    let exact = value.to_string();
    if exact.len() <= 16 {
        exact
    } else {
        format!("{value:.8e}")
    }
}

/// The beginning of `text` that an LO element holds: 64 letters, no backslash (it divides values), no control characters.
pub(super) fn short(text: &str) -> String {
    let plain = text
        .chars()
        .map(|c| if c == '\\' { '/' } else { c })
        .filter(|c| !c.is_control());
    plain.take(64).collect::<String>().trim().to_owned()
}
