//! One object of one exam, made ready to be sent from what the store has: the same bytes each time.

use chrono::NaiveDate;
use dicom_object::{FileDicomObject, InMemDicomObject};
use dicom_transfer_syntax_registry::entries::EXPLICIT_VR_LITTLE_ENDIAN;
use sha2::{Digest, Sha256};

use super::sheet;
use super::trouble::Trouble;
use crate::dicom::{self, Picture};
use crate::exam::record::Exam;
use crate::store::{FrameRecord, KeyFramePath, Store, StoreError};

/// The objects of an exam for a store of objects: name, folder and extension there.
pub(super) const SHEETS: [(&str, &str, &str); 2] =
    [("exam", "exams", "json"), ("frames", "frames", "parquet")];

/// Which object, and what names it where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// As in the outbox: another one is another object.
    pub instance: String,
    at: Place,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Archive(Archive),
    Bucket(Sheet),
}

/// What names an object in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Archive {
    pub class: &'static str,
    pub study: String,
    pub series: String,
}

/// What names an object in a store of objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sheet {
    pub folder: &'static str,
    pub extension: &'static str,
    /// When the exam began, in UTC, as in its name.
    pub date: NaiveDate,
    pub exam: String,
}

impl Target {
    /// The identifiers of an exam's object, once it has ended.
    pub fn of(exam: &Exam, object: &str) -> Option<Self> {
        let instance = exam.instance(object)?;
        if let Some((_, folder, extension)) = SHEETS.into_iter().find(|(name, ..)| *name == object) {
            let at = Place::Bucket(Sheet {
                folder,
                extension,
                date: exam.started.date_naive(),
                exam: exam.id.clone(),
            });
            return Some(Self { instance, at });
        }
        let uids = exam.uids.as_ref()?;
        let (_, class) = dicom::OBJECTS.into_iter().find(|(name, _)| *name == object)?;
        let at = Place::Archive(Archive {
            class,
            study: uids.study.clone(),
            series: uids.object(object)?.series.clone(),
        });
        Some(Self { instance, at })
    }

    /// One that only its instance tells from others.
    #[cfg(test)]
    pub fn in_archive(instance: String) -> Self {
        let at = Place::Archive(Archive {
            class: "1.2",
            study: "1".into(),
            series: "2".into(),
        });
        Self { instance, at }
    }

    /// What names it in an archive.
    pub fn archive(&self) -> Result<&Archive, Trouble> {
        match &self.at {
            Place::Archive(archive) => Ok(archive),
            Place::Bucket(_) => Err(other_kind()),
        }
    }

    /// What names it in a store of objects.
    pub fn sheet(&self) -> Result<&Sheet, Trouble> {
        match &self.at {
            Place::Bucket(sheet) => Ok(sheet),
            Place::Archive(_) => Err(other_kind()),
        }
    }
}

/// Why something is refused that a destination of this name once took.
pub(super) const OTHER_KIND: &str = "the destination is of another kind than when this was owed to it";

fn other_kind() -> Trouble {
    Trouble::Refused(OTHER_KIND.into())
}

/// An object of an exam that is there, made or not.
pub(super) struct Ready {
    pub target: Option<Target>,
    /// None where the exam has no such object.
    pub made: Result<Option<Parcel>, Trouble>,
}

impl Ready {
    /// Makes an object from the store; none where the exam is gone.
    pub fn make(store: &Store, exam: &str, object: &str) -> Result<Option<Self>, Trouble> {
        let exam = store
            .exam(exam)
            .map_err(|e| Trouble::Later(crate::one_line(&e)))?;
        Ok(exam.map(|exam| Self {
            target: Target::of(&exam, object),
            made: Parcel::make(store, &exam, object),
        }))
    }
}

/// An object that can be sent.
pub(super) struct Parcel {
    pub target: Target,
    /// The data set in Explicit VR Little Endian, or the file.
    pub data: Vec<u8>,
    /// With its meta information, if it is a DICOM object.
    file: Option<FileDicomObject<InMemDicomObject>>,
}

impl Parcel {
    /// Makes the object from the store; none where the exam has no such object.
    fn make(store: &Store, exam: &Exam, object: &str) -> Result<Option<Self>, Trouble> {
        let refused = |words: String| Trouble::Refused(format!("the object cannot be made: {words}"));
        let later = |e: StoreError| Trouble::Later(crate::one_line(&e));
        let target = Target::of(exam, object).ok_or_else(|| refused("the exam has no identifiers".into()))?;
        if let Place::Bucket(_) = target.at {
            let data = match object {
                "frames" => {
                    let frames = frames(store, exam).map_err(later)?;
                    sheet::frames(exam, &frames).map_err(|e| refused(crate::one_line(&e)))?
                }
                _ => exam.shared_json(),
            };
            let file = None;
            return Ok(Some(Self { target, data, file }));
        }
        let pictures = pictures(store, exam).map_err(later)?;
        let made = dicom::make(object, exam, &pictures).map_err(|e| refused(crate::one_line(&e)))?;
        let Some(made) = made else { return Ok(None) };
        let mut data = Vec::new();
        made.file
            .write_dataset_with_ts(&mut data, &EXPLICIT_VR_LITTLE_ENDIAN.erased())
            .map_err(|e| refused(crate::one_line(&e)))?;
        Ok(Some(Self {
            target,
            data,
            file: Some(made.file),
        }))
    }

    /// The DICOM object.
    pub fn file(&self) -> Result<&FileDicomObject<InMemDicomObject>, Trouble> {
        self.file.as_ref().ok_or_else(other_kind)
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

/// The exam's frames. What is damaged is left out, as in an export.
fn frames(store: &Store, exam: &Exam) -> Result<Vec<FrameRecord>, StoreError> {
    let mut frames = Vec::new();
    for frame in store.frames(&exam.id)? {
        match frame {
            Ok(frame) => frames.push(frame),
            Err(error @ StoreError::Corrupt { .. }) => tracing::error!("{error}"),
            Err(error) => return Err(error),
        }
    }
    Ok(frames)
}
