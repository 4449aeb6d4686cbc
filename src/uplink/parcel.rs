//! One object of one exam, made ready to be sent from what the store has: the same bytes each time.

use dicom_object::{FileDicomObject, InMemDicomObject};
use dicom_transfer_syntax_registry::entries::EXPLICIT_VR_LITTLE_ENDIAN;
use sha2::{Digest, Sha256};

use super::trouble::Trouble;
use crate::dicom::{self, Picture};
use crate::exam::record::Exam;
use crate::store::{Store, StoreError};

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
        let name = key.name();
        let png = store.exam_file(&exam.id, &name);
        let (frame, png) = match (store.frame(&exam.id, key.seq), png) {
            (Ok(Some(frame)), Ok(png)) => (frame, png),
            (Ok(None), _) => continue,
            (Err(error @ (StoreError::Corrupt { .. } | StoreError::DamagedFile { .. })), _)
            | (_, Err(error @ (StoreError::Corrupt { .. } | StoreError::DamagedFile { .. }))) => {
                tracing::error!("{error}");
                continue;
            }
            (Err(error), _) | (_, Err(error)) => return Err(error),
        };
        match image::load_from_memory(&png) {
            Ok(pane) => pictures.push(Picture {
                since_first_ms: frame.t_ms.saturating_sub(first_ms),
                score: frame.score,
                map: frame.map,
                pane: pane.into_rgb8(),
            }),
            Err(error) => tracing::error!("{name} of exam {}: {error}", exam.id),
        }
    }
    Ok(pictures)
}
