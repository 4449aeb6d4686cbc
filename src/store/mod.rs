//! What was graded, on disk: the only module that names sled.
//!
//! ```text
//! DIR/lock                                       held while a process has the store
//! DIR/commits                                    how many commits are durable in sled
//! DIR/sled/                                      trees `exams`, `frames`, `meta`
//! DIR/exams/YYYY/MM/DD/<exam id>/key-<seq>-<reason>.png
//! ```
//!
//! Owning thread: `store` (the [`Writer`]) makes every write; any thread may read. A record is durable after
//! [`Store::commit`] and not before: sled's own flush does not survive a power cut, so commit also syncs
//! sled's files, and nothing else flushes. A frame's record holds what differs from frame to frame; how it was made
//! (model, engine, thresholds, ROI) is the [`Provenance`](crate::exam::record::Provenance) in the record of its exam,
//! which is written first and under which the frame's key lies.
//!
//! Deliberately not here: frames without a score (the verdict counts them), pictures inside sled (it would
//! grow), and the decision which frames are key frames.

mod codec;
mod database;
mod error;
mod files;
mod key;
mod writer;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

pub use database::SCHEMA;
pub use error::{SledFault, StoreError};
pub use files::KeyFramePath;
pub use writer::{Entry, Status, Writer};

use crate::exam::record::{ActivationMap, Exam, Graded, KeyFrame};
use database::Database;
use files::fault;
use key::ExamKey;

/// A scored frame as it is stored. It has no quality reason: a frame that has one is not scored.
#[derive(Clone, Debug, PartialEq)]
pub struct FrameRecord {
    /// The source's frame number.
    pub seq: u64,
    /// Milliseconds since the source was opened.
    pub t_ms: u64,
    /// P(high grade), 0..1.
    pub score: f32,
    /// The activation map, each value within 1/8190 of the map's range.
    pub map: ActivationMap,
}

/// The store's folder, opened by one process at a time and once in it.
pub struct Store {
    dir: PathBuf,
    db: Database,
    exams: sled::Tree,
    frames: sled::Tree,
    _lock: File,
}

/// How long a store may be in use before that is said.
const PATIENCE: Duration = Duration::from_secs(1);

impl Store {
    /// Opens the store in `dir`, creating it (for this user alone) where there is none.
    ///
    /// Fails if another process has it, a newer program wrote it, the folder cannot be written, or sled's files are
    /// damaged; each error says what to do.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        // A program that the last owner was just starting holds its locks for a moment longer than the owner.
        let patience = Instant::now() + PATIENCE;
        loop {
            match Self::try_open(dir) {
                Err(StoreError::InUse { .. }) if Instant::now() < patience => thread::sleep(PATIENCE / 50),
                done => return done,
            }
        }
    }

    fn try_open(dir: &Path) -> Result<Self, StoreError> {
        files::create_folder(&dir.join("sled"))?;
        let lock = lock(dir)?;
        let db = Database::open(dir)?;
        let (exams, frames) = (db.tree("exams")?, db.tree("frames")?);
        Ok(Self {
            dir: dir.to_owned(),
            db,
            exams,
            frames,
            _lock: lock,
        })
    }

    /// Stores an exam that begins. Not durable until [`Store::commit`].
    pub fn begin(&self, exam: &Exam) -> Result<(), StoreError> {
        let key = ExamKey::of(&exam.id)?;
        if self
            .db
            .call("look for an exam", || self.exams.contains_key(key.bytes()))?
        {
            return Err(StoreError::Taken { id: exam.id.clone() });
        }
        self.end(exam)
    }

    /// Stores a frame of the exam `exam_id` if it has a score. Not durable until [`Store::commit`].
    pub fn append(&self, exam_id: &str, graded: &Graded) -> Result<(), StoreError> {
        let Ok(scored) = &graded.outcome else {
            return Ok(());
        };
        let key = ExamKey::of(exam_id)?.frame(graded.seq);
        let body = codec::encode_frame(graded.t_ms, scored).map_err(|expected| StoreError::Unstorable {
            what: format!("frame {}", graded.seq),
            expected,
        })?;
        self.db.call("store a frame", || {
            self.frames.insert(key, codec::seal(&key, &body))
        })?;
        Ok(())
    }

    /// Stores a key frame of the exam `exam_id` as `key-<seq>-<reason>.png` in the exam's folder: the pane alone, whole
    /// and durable when this returns.
    pub fn keep(&self, exam_id: &str, key: &KeyFrame) -> Result<(), StoreError> {
        ExamKey::of(exam_id)?;
        files::write_key_frame(&self.exam_folder(exam_id), key)
    }

    /// Stores an exam with its end and its verdict. Not durable until [`Store::commit`].
    pub fn end(&self, exam: &Exam) -> Result<(), StoreError> {
        let key = ExamKey::of(&exam.id)?;
        let bytes = serde_json::to_vec(exam).map_err(|error| error.to_string());
        let body = bytes.and_then(|bytes| match serde_json::from_slice::<Exam>(&bytes) {
            Ok(read) if read == *exam => Ok(bytes),
            _ => Err(String::from("finite numbers throughout")),
        });
        let body = body.map_err(|expected| StoreError::Unstorable {
            what: format!("exam {}", exam.id),
            expected,
        })?;
        self.db.call("store an exam", || {
            self.exams.insert(key.bytes(), codec::seal(key.bytes(), &body))
        })?;
        Ok(())
    }

    /// Makes everything stored so far survive a power cut: the one durability function.
    pub fn commit(&self) -> Result<(), StoreError> {
        self.db.commit()
    }

    /// Every exam, newest first. A damaged record is an error in its place; the ones after it still come.
    pub fn exams(&self) -> impl Iterator<Item = Result<Exam, StoreError>> {
        self.rows(self.exams.iter().rev()).map(|row| {
            let (key, bytes) = row?;
            read_exam(&key, &bytes)
        })
    }

    /// As [`Store::exams`], those before the exam `id` alone.
    pub fn exams_before(
        &self,
        id: &str,
    ) -> Result<impl Iterator<Item = Result<Exam, StoreError>>, StoreError> {
        let key = ExamKey::of(id)?;
        let rows = self.rows(self.exams.range(..key.bytes().to_vec()).rev());
        Ok(rows.map(|row| {
            let (key, bytes) = row?;
            read_exam(&key, &bytes)
        }))
    }

    /// The exam `id`, or none where there is none of that name.
    pub fn exam(&self, id: &str) -> Result<Option<Exam>, StoreError> {
        let Ok(key) = ExamKey::of(id) else {
            return Ok(None);
        };
        let bytes = self.db.call("read an exam", || self.exams.get(key.bytes()))?;
        bytes.map(|bytes| read_exam(key.bytes(), &bytes)).transpose()
    }

    /// The exam's scored frames in the order of their numbers. A damaged record is an error in its place; the
    /// ones after it still come.
    pub fn frames<'a>(
        &'a self,
        exam_id: &str,
    ) -> Result<impl Iterator<Item = Result<FrameRecord, StoreError>> + use<'a>, StoreError> {
        let rows = self.rows(self.frames.scan_prefix(ExamKey::of(exam_id)?.bytes()));
        Ok(rows.map(|row| {
            let (key, bytes) = row?;
            read_frame(&key, &bytes)
        }))
    }

    /// How many scored frames the exam has, damaged ones included.
    pub fn frame_count(&self, exam_id: &str) -> Result<u64, StoreError> {
        let mut rows = self.rows(self.frames.scan_prefix(ExamKey::of(exam_id)?.bytes()));
        rows.try_fold(0, |count, row| row.map(|_| count + 1))
    }

    /// One scored frame, or none where that frame was not scored.
    pub fn frame(&self, exam_id: &str, seq: u64) -> Result<Option<FrameRecord>, StoreError> {
        let key = ExamKey::of(exam_id)?.frame(seq);
        let bytes = self.db.call("read a frame", || self.frames.get(key))?;
        bytes.map(|bytes| read_frame(&key, &bytes)).transpose()
    }

    /// The exam's key frames in the order of their numbers.
    pub fn key_frames(&self, exam_id: &str) -> Result<Vec<KeyFramePath>, StoreError> {
        ExamKey::of(exam_id)?;
        files::key_frames(&self.exam_folder(exam_id))
    }

    /// Where the files of an exam lie. The id has to be a good one.
    fn exam_folder(&self, exam_id: &str) -> PathBuf {
        let day = [&exam_id[..4], &exam_id[4..6], &exam_id[6..8], exam_id];
        self.dir.join("exams").join(PathBuf::from_iter(day))
    }

    /// The rows of a scan, which ends after sled's first error.
    fn rows(
        &self,
        mut scan: impl Iterator<Item = sled::Result<Row>>,
    ) -> impl Iterator<Item = Result<Row, StoreError>> {
        let mut broken = false;
        std::iter::from_fn(move || {
            if broken {
                return None;
            }
            let row = self.db.call("read records", || scan.next().transpose());
            broken = row.is_err();
            row.transpose()
        })
    }
}

/// A key and its value.
type Row = (sled::IVec, sled::IVec);

/// Takes the folder for this process; the lock goes with the file.
fn lock(dir: &Path) -> Result<File, StoreError> {
    let path = dir.join("lock");
    let file = files::open_or_create(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse { dir: dir.to_owned() }),
        Err(TryLockError::Error(error)) => Err(fault("lock", &path)(error)),
    }
}

/// An error about the record at `key`, ready for `map_err`.
fn corrupt(tree: &'static str, key: &[u8]) -> impl FnOnce(String) -> StoreError {
    let key = key::words(key);
    move |expected| StoreError::Corrupt { tree, key, expected }
}

fn read_exam(key: &[u8], bytes: &[u8]) -> Result<Exam, StoreError> {
    let exam = codec::unseal(key, bytes).and_then(|body| {
        serde_json::from_slice::<Exam>(body).map_err(|error| format!("an exam as JSON, found {error}"))
    });
    exam.map_err(corrupt("exams", key))
}

fn read_frame(key: &[u8], bytes: &[u8]) -> Result<FrameRecord, StoreError> {
    let seq = key::seq_of(key).ok_or_else(|| format!("a key of 18 bytes, found {}", key.len()));
    let frame = seq.and_then(|seq| codec::decode_frame(seq, codec::unseal(key, bytes)?));
    frame.map_err(corrupt("frames", key))
}

#[cfg(test)]
pub(crate) mod tests;
