//! The codes in our objects. Those of DICOM (PS3.16), SNOMED CT and UCUM are used as they are; what no scheme has a
//! code for is in a scheme of our own, `99SONOGRADE`, and nowhere else.
//!
//! A prediction from an image is not histology, so no code for a histologic grade is used.

use dicom_dictionary_std::tags;

use super::dataset::{Code, DataSet, put, put_items};
use crate::exam::record::Grade;

/// Our scheme.
const OWN: &str = "99SONOGRADE";
/// Its UID: `header::derived_uid(&["coding scheme", "99SONOGRADE"])`.
pub(super) const OWN_UID: &str = "2.25.284007643986259732716159535212794765129";

pub(super) const PREDICTED_GRADE: Code = Code("GRADE", OWN, "AI-predicted nuclear grade");
const LOW: Code = Code("GRADE-LOW", OWN, "AI-predicted low nuclear grade (I-II)");
const HIGH: Code = Code("GRADE-HIGH", OWN, "AI-predicted high nuclear grade (III-IV)");
const INDETERMINATE: Code = Code("GRADE-INDET", OWN, "AI-predicted nuclear grade indeterminate");
pub(super) const SCORE: Code = Code("SCORE", OWN, "AI-predicted probability of high nuclear grade");
pub(super) const INTERVAL_LOW: Code = Code("CI95-LOW", OWN, "Lower limit of 95% interval");
pub(super) const INTERVAL_HIGH: Code = Code("CI95-HIGH", OWN, "Upper limit of 95% interval");
pub(super) const BAND_LOW: Code = Code("BAND-LOW", OWN, "Lower limit of indeterminate scores");
pub(super) const BAND_HIGH: Code = Code("BAND-HIGH", OWN, "Upper limit of indeterminate scores");
pub(super) const FRAMES_SCORED: Code = Code("FRAMES-SCORED", OWN, "Number of frames scored");

pub(super) const NO_UNITS: Code = Code("1", "UCUM", "no units");
pub(super) const FRAMES: Code = Code("{frames}", "UCUM", "frames");

pub(super) const KIDNEY: Code = Code("64033007", "SCT", "Kidney");
pub(super) const ABDOMEN: Code = Code("818981001", "SCT", "Abdomen");
pub(super) const FINDING_SITE: Code = Code("363698007", "SCT", "Finding Site");
pub(super) const IMAGING_PROCEDURE: Code = Code("363679005", "SCT", "Imaging procedure");
pub(super) const QUANTITY: Code = Code("246205007", "SCT", "Quantity");
pub(super) const SOURCE: Code = Code("260753009", "SCT", "Source");

pub(super) const ENGLISH: Code = Code("en", "RFC5646", "English");
pub(super) const LANGUAGE: Code = Code("121049", "DCM", "Language of Content Item and Descendants");
pub(super) const REPORT: Code = Code("126000", "DCM", "Imaging Measurement Report");
pub(super) const MEASUREMENTS: Code = Code("126010", "DCM", "Imaging Measurements");
pub(super) const GROUP: Code = Code("125007", "DCM", "Measurement Group");
pub(super) const FINDING: Code = Code("121071", "DCM", "Finding");
pub(super) const COMMENT: Code = Code("121106", "DCM", "Comment");
pub(super) const PROCEDURE_REPORTED: Code = Code("121058", "DCM", "Procedure reported");
pub(super) const TRACKING_IDENTIFIER: Code = Code("112039", "DCM", "Tracking Identifier");
pub(super) const TRACKING_UID: Code = Code("112040", "DCM", "Tracking Unique Identifier");
pub(super) const ALGORITHM_NAME: Code = Code("111001", "DCM", "Algorithm Name");
pub(super) const ALGORITHM_PARAMETERS: Code = Code("111002", "DCM", "Algorithm Parameters");
pub(super) const ALGORITHM_VERSION: Code = Code("111003", "DCM", "Algorithm Version");
pub(super) const OBSERVER_TYPE: Code = Code("121005", "DCM", "Observer Type");
pub(super) const DEVICE: Code = Code("121007", "DCM", "Device");
pub(super) const OBSERVER_UID: Code = Code("121012", "DCM", "Device Observer UID");
pub(super) const OBSERVER_NAME: Code = Code("121013", "DCM", "Device Observer Name");
pub(super) const OBSERVER_MANUFACTURER: Code = Code("121014", "DCM", "Device Observer Manufacturer");
pub(super) const OBSERVER_MODEL: Code = Code("121015", "DCM", "Device Observer Model Name");
pub(super) const PROCESSING_EQUIPMENT: Code = Code("109102", "DCM", "Processing Equipment");
pub(super) const CLASS_ACTIVATION: Code = Code("130402", "DCM", "Class activation");
pub(super) const ANATOMIC_IMAGE: Code = Code("121338", "DCM", "Anatomic image");
pub(super) const FUNCTIONAL_IMAGE: Code = Code("121339", "DCM", "Functional image");

/// What an exam concludes.
pub(super) fn grade(grade: Grade) -> Code {
    match grade {
        Grade::Low => LOW,
        Grade::High => HIGH,
        Grade::Indeterminate => INDETERMINATE,
    }
}

/// Says whose scheme ours is (Coding Scheme Identification Sequence).
pub(super) fn put_own_scheme(set: &mut DataSet) {
    let mut item = DataSet::new_empty();
    put(&mut item, tags::CODING_SCHEME_DESIGNATOR, OWN);
    put(&mut item, tags::CODING_SCHEME_UID, OWN_UID);
    put(&mut item, tags::CODING_SCHEME_NAME, "Sonograde private codes");
    put(
        &mut item,
        tags::CODING_SCHEME_RESPONSIBLE_ORGANIZATION,
        "Sonograde",
    );
    put_items(set, tags::CODING_SCHEME_IDENTIFICATION_SEQUENCE, vec![item]);
}
