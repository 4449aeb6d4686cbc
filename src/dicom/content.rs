//! Content items of a structured report (PS3.3, C.17.3).

use dicom_dictionary_std::tags;

use super::dataset::{Code, DataSet, decimal, put, put_code, put_items};

/// How an item stands to the one above it.
pub(super) const CONTAINS: &str = "CONTAINS";
pub(super) const CONTEXT: &str = "HAS OBS CONTEXT";
pub(super) const MODIFIER: &str = "HAS CONCEPT MOD";
pub(super) const PROPERTY: &str = "HAS PROPERTIES";

/// A heading with what stands under it.
pub(super) fn container(name: Code, template: Option<&str>, children: Vec<DataSet>) -> DataSet {
    let mut item = DataSet::new_empty();
    put(&mut item, tags::VALUE_TYPE, "CONTAINER");
    put_code(&mut item, tags::CONCEPT_NAME_CODE_SEQUENCE, name);
    put(&mut item, tags::CONTINUITY_OF_CONTENT, "SEPARATE");
    if let Some(template) = template {
        let mut of = DataSet::new_empty();
        put(&mut of, tags::MAPPING_RESOURCE, "DCMR");
        put(&mut of, tags::TEMPLATE_IDENTIFIER, template);
        put_items(&mut item, tags::CONTENT_TEMPLATE_SEQUENCE, vec![of]);
    }
    put_items(&mut item, tags::CONTENT_SEQUENCE, children);
    item
}

/// The item below another.
pub(super) fn related(relation: &str, mut item: DataSet) -> DataSet {
    put(&mut item, tags::RELATIONSHIP_TYPE, relation);
    item
}

fn item(relation: &str, kind: &str, name: Code) -> DataSet {
    let mut item = DataSet::new_empty();
    put(&mut item, tags::RELATIONSHIP_TYPE, relation);
    put(&mut item, tags::VALUE_TYPE, kind);
    put_code(&mut item, tags::CONCEPT_NAME_CODE_SEQUENCE, name);
    item
}

pub(super) fn code(relation: &str, name: Code, value: Code) -> DataSet {
    let mut item = item(relation, "CODE", name);
    put_code(&mut item, tags::CONCEPT_CODE_SEQUENCE, value);
    item
}

pub(super) fn text(relation: &str, name: Code, value: &str) -> DataSet {
    let mut item = item(relation, "TEXT", name);
    put(&mut item, tags::TEXT_VALUE, value);
    item
}

pub(super) fn uid(relation: &str, name: Code, value: &str) -> DataSet {
    let mut item = item(relation, "UIDREF", name);
    put(&mut item, tags::UID, value);
    item
}

/// A number, and its properties below it.
pub(super) fn number(
    relation: &str,
    name: Code,
    value: f32,
    unit: Code,
    properties: Vec<DataSet>,
) -> DataSet {
    let mut measured = DataSet::new_empty();
    put(&mut measured, tags::NUMERIC_VALUE, decimal(value));
    put(&mut measured, tags::FLOATING_POINT_VALUE, f64::from(value));
    put_code(&mut measured, tags::MEASUREMENT_UNITS_CODE_SEQUENCE, unit);
    let mut item = item(relation, "NUM", name);
    put_items(&mut item, tags::MEASURED_VALUE_SEQUENCE, vec![measured]);
    if !properties.is_empty() {
        put_items(&mut item, tags::CONTENT_SEQUENCE, properties);
    }
    item
}

pub(super) fn image(relation: &str, name: Code, reference: DataSet) -> DataSet {
    let mut item = item(relation, "IMAGE", name);
    put_items(&mut item, tags::REFERENCED_SOP_SEQUENCE, vec![reference]);
    item
}
