//! One object of one exam, made ready to be sent from what the store has: the same bytes each time.

use dicom_object::{FileDicomObject, InMemDicomObject};
use dicom_transfer_syntax_registry::entries::EXPLICIT_VR_LITTLE_ENDIAN;
use sha2::{Digest, Sha256};

use super::trouble::Trouble;
use crate::dicom::{self, Picture};
use crate::exam::record::Exam;
use crate::store::{KeyFramePath, Store, StoreError};

/// Which object, by its identifiers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub class: &'static str,
    pub study: String,
    pub series: String,
    pub instance: String,
}

impl Target {
    /// The identifiers of an exam's object, once it has ended.
    pub fn of(exam: &Exam, object: &str) -> Option<Self> {
        let uids = exam.uids.as_ref()?;
        let own = uids.object(object)?;
        let (_, class) = dicom::OBJECTS.iter().find(|(name, _)| *name == object)?;
        Some(Self {
            class,
            study: uids.study.clone(),
            series: own.series.clone(),
            instance: own.instance.clone(),
        })
    }
}

/// An object that can be sent.
pub(super) struct Parcel {
    pub target: Target,
    /// The data set in Explicit VR Little Endian.
    pub data: Vec<u8>,
    pub file: FileDicomObject<InMemDicomObject>,
}

impl Parcel {
    /// Makes the object from the store; none where the exam has no such object.
    pub fn make(store: &Store, exam: &Exam, object: &str) -> Result<Option<Self>, Trouble> {
        let refused = |words: String| Trouble::Refused(format!("the object cannot be made: {words}"));
        let target = Target::of(exam, object).ok_or_else(|| refused("the exam has no identifiers".into()))?;
        let pictures = pictures(store, exam).map_err(|e| Trouble::Later(crate::one_line(&e)))?;
        let made = dicom::make(object, exam, &pictures).map_err(|e| refused(crate::one_line(&e)))?;
        let Some(made) = made else { return Ok(None) };
        let mut data = Vec::new();
        made.file
            .write_dataset_with_ts(&mut data, &EXPLICIT_VR_LITTLE_ENDIAN.erased())
            .map_err(|e| refused(crate::one_line(&e)))?;
        Ok(Some(Self {
            target,
            data,
            file: made.file,
        }))
    }

    /// The hash of the data set.
    pub fn sha256(&self) -> String {
        crate::hex(&Sha256::digest(&self.data))
    }
}

/// The exam's key frames with their records. What is damaged is left out, as in an export.
fn pictures(store: &Store, exam: &Exam) -> Result<Vec<Picture>, StoreError> {
    let first_ms = store
        .frames(&exam.id)?
        .find_map(Result::ok)
        .map_or(0, |frame| frame.t_ms);
    let mut pictures = Vec::new();
    for key in store.key_frames(&exam.id)? {
        let png = store.exam_file(&exam.id, &key.name());
        match png.and_then(|png| picture(store, exam, &key, &png, first_ms)) {
            Ok(made) => pictures.extend(made),
            Err(error @ (StoreError::Corrupt { .. } | StoreError::DamagedFile { .. })) => {
                tracing::error!("{error}");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(pictures)
}

/// A key frame, whose file holds `png`, with its record; none where it has none. `first_ms` is the time of the exam's first record.
///
/// # Errors
/// [`StoreError`] if the record cannot be read or the file is no picture.
pub(crate) fn picture(
    store: &Store,
    exam: &Exam,
    key: &KeyFramePath,
    png: &[u8],
    first_ms: u64,
) -> Result<Option<Picture>, StoreError> {
    let Some(frame) = store.frame(&exam.id, key.seq)? else {
        return Ok(None);
    };
    let pane = image::load_from_memory(png).map_err(|error| StoreError::DamagedFile {
        path: key.path.clone(),
        expected: format!("a picture, found {error}"),
    })?;
    Ok(Some(Picture {
        since_first_ms: frame.t_ms.saturating_sub(first_ms),
        score: frame.score,
        map: frame.map,
        pane: pane.into_rgb8(),
    }))
}
