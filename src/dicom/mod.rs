//! An exam as DICOM objects for the patient's study: report, pictures, activation maps; and as FHIR resources ([`fhir`]).
//!
//! | object | SOP class | what it holds |
//! |---|---|---|
//! | `report` | Comprehensive 3D SR | grade, score, interval, band, algorithm (TID 1500, TID 1501) |
//! | `capture` | Multi-frame True Color Secondary Capture | key frames with map, colour bar, score and label burned in |
//! | `map` | Parametric Map | the activation maps of the same frames in the same order, as f32 |
//!
//! The three refer to each other. Their identifiers are the exam's [`Uids`], given once when it ended, and nothing here
//! reads a clock, so that an object made twice is the same, byte for byte. Pure: no I/O, no threads.
//!
//! Deliberately not here: physical sizes (the screen's scale is not known, so no pixel spacing is given), and codes for a
//! histologic grade (a prediction is none).

mod capture;
mod codes;
mod content;
mod dataset;
pub mod fhir;
mod header;
mod map;
mod report;
pub mod worklist;

use chrono::{DateTime, Utc};
use dicom_dictionary_std::uids;
use dicom_object::meta::FileMetaTableBuilder;
use dicom_object::{FileDicomObject, InMemDicomObject};
use image::RgbImage;
use thiserror::Error;

use crate::exam::record::{ActivationMap, Exam, Uids};
use dataset::DataSet;

/// The objects by name, with their SOP classes.
pub const OBJECTS: [(&str, &str); 3] = [
    ("report", report::CLASS),
    ("capture", capture::CLASS),
    ("map", map::CLASS),
];

/// A key frame with what is known of it.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Milliseconds since the exam's first scored frame.
    pub since_first_ms: u64,
    /// P(high grade), 0..1.
    pub score: f32,
    /// The activation map over the lesion ROI.
    pub map: ActivationMap,
    /// The contrast pane.
    pub pane: RgbImage,
}

/// One DICOM object.
pub struct Object {
    /// `report`, `capture` or `map`: the name of its file without `.dcm`.
    pub name: &'static str,
    /// The object in the transfer syntax Explicit VR Little Endian.
    pub file: FileDicomObject<InMemDicomObject>,
}

/// Why an exam cannot be made into DICOM objects.
#[derive(Debug, Error)]
pub enum DicomError {
    /// It has no end, or was recorded before exams had identifiers.
    #[error("the exam has no identifiers for DICOM objects: it did not end, or version 0.1.0 recorded it")]
    Unidentified,
    /// Its order holds what DICOM cannot.
    #[error(
        "the {what} of its order has {letters} letters: expected {expected}, no backslash and no control characters"
    )]
    Order {
        /// Which attribute. Its value is the patient's and stays out of errors.
        what: &'static str,
        /// What DICOM holds.
        expected: &'static str,
        /// What was found.
        letters: usize,
    },
    /// A data set that DICOM cannot hold.
    #[error("cannot make the {name}")]
    Meta {
        /// Which object.
        name: &'static str,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// An exam that can be made into objects.
struct Case<'a> {
    exam: &'a Exam,
    ended: DateTime<Utc>,
    uids: &'a Uids,
    /// Key frames in the order of time, all of whose maps have one size.
    pictures: &'a [Picture],
}

/// The objects of an exam that has ended. `pictures` are its key frames in the order of time; without any there is the
/// report alone.
pub fn objects(exam: &Exam, pictures: &[Picture]) -> Result<Vec<Object>, DicomError> {
    let made = OBJECTS.iter().map(|(name, _)| make(name, exam, pictures));
    made.filter_map(Result::transpose).collect()
}

/// One of [`OBJECTS`] as in [`objects`]; none where there is no such object of this exam.
pub fn make(name: &str, exam: &Exam, pictures: &[Picture]) -> Result<Option<Object>, DicomError> {
    let (Some(ended), Some(uids)) = (exam.ended, &exam.uids) else {
        return Err(DicomError::Unidentified);
    };
    let case = Case {
        exam,
        ended,
        uids,
        pictures,
    };
    match (name, pictures.first()) {
        ("report", _) => object("report", report::make(&case)?).map(Some),
        ("capture", Some(_)) => object("capture", capture::make(&case)?).map(Some),
        ("map", Some(first)) => object("map", map::make(&case, &first.map)?).map(Some),
        _ => Ok(None),
    }
}

fn object(name: &'static str, set: DataSet) -> Result<Object, DicomError> {
    let meta = FileMetaTableBuilder::new().transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN);
    let file = set.with_meta(meta).map_err(|source| DicomError::Meta {
        name,
        source: Box::new(source),
    })?;
    Ok(Object { name, file })
}
