//! Reading the store: exams, frames, pictures, the outbox. Any thread may.

use sled::{IVec, Tree};

use super::codec::Packed;
use super::key::{self, ExamKey};
use super::schema::TO_FILE;
use super::seal::Seal;
use super::{Delivery, FrameRecord, KeyFramePath, Opened, Store, StoreError, corrupt, files};
use crate::exam::record::Exam;

/// The file of the store's folder that holds the worklist.
const WORKLIST: &str = "worklist";

/// A key and its value.
pub(super) type Row = (IVec, IVec);

impl Store {
    /// Every exam, newest first. A damaged record is an error in its place; the ones after it still come.
    pub fn exams(&self) -> impl Iterator<Item = Result<Exam, StoreError>> + use<> {
        let seal = self.seal.clone();
        self.scan(|opened| opened.db.exams.iter().rev())
            .map(move |row| row.and_then(|(key, bytes)| read_exam(&seal, &key, &bytes)))
    }

    /// As [`Store::exams`], those before the exam `id` alone.
    pub fn exams_before(
        &self,
        id: &str,
    ) -> Result<impl Iterator<Item = Result<Exam, StoreError>> + use<>, StoreError> {
        let end = ExamKey::of(id)?.bytes().to_vec();
        let rows = self.scan(|opened| opened.db.exams.range(..end).rev());
        let seal = self.seal.clone();
        Ok(rows.map(move |row| row.and_then(|(key, bytes)| read_exam(&seal, &key, &bytes))))
    }

    /// The exam `id`, or none where there is none of that name.
    pub fn exam(&self, id: &str) -> Result<Option<Exam>, StoreError> {
        let Ok(key) = ExamKey::of(id) else {
            return Ok(None);
        };
        let bytes = self.get(key.bytes(), |opened| &opened.db.exams)?;
        bytes
            .map(|bytes| read_exam(&self.seal, key.bytes(), &bytes))
            .transpose()
    }

    /// The exam's scored frames in the order of their numbers. A damaged record is an error in its place; the
    /// ones after it still come.
    pub fn frames(
        &self,
        exam_id: &str,
    ) -> Result<impl Iterator<Item = Result<FrameRecord, StoreError>> + use<>, StoreError> {
        let key = ExamKey::of(exam_id)?;
        let seal = self.seal.clone();
        Ok(self
            .frame_rows(&key)
            .map(move |row| row.and_then(|(key, bytes)| read_frame(&seal, &key, &bytes))))
    }

    /// How many scored frames the exam has, damaged ones included.
    pub fn frame_count(&self, exam_id: &str) -> Result<u64, StoreError> {
        let mut rows = self.frame_rows(&ExamKey::of(exam_id)?);
        rows.try_fold(0, |count, row| row.map(|_| count + 1))
    }

    /// One scored frame, or none where that frame was not scored.
    pub fn frame(&self, exam_id: &str, seq: u64) -> Result<Option<FrameRecord>, StoreError> {
        let key = ExamKey::of(exam_id)?.frame(seq);
        let bytes = self.get(&key, |opened| &opened.db.frames)?;
        bytes
            .map(|bytes| read_frame(&self.seal, &key, &bytes))
            .transpose()
    }

    /// The exam's key frames in the order of their numbers.
    pub fn key_frames(&self, exam_id: &str) -> Result<Vec<KeyFramePath>, StoreError> {
        ExamKey::of(exam_id)?;
        files::key_frames(&self.exam_folder(exam_id))
    }

    /// The bytes of a file of the exam's folder, such as [`KeyFramePath::name`].
    pub fn exam_file(&self, exam_id: &str, name: &str) -> Result<Vec<u8>, StoreError> {
        ExamKey::of(exam_id)?;
        if name.contains('/') {
            return Err(StoreError::Unstorable {
                what: format!("a file named \"{name}\""),
                expected: String::from("the name of a file in the exam's folder"),
            });
        }
        self.seal.read_file(&self.exam_folder(exam_id).join(name))
    }

    /// What [`Store::keep_worklist`] kept last.
    pub fn kept_worklist(&self) -> Result<Option<Vec<u8>>, StoreError> {
        match self.seal.read_file(&self.dir.join(WORKLIST)) {
            Err(error) if error.is_missing_file() => Ok(None),
            kept => kept.map(Some),
        }
    }

    /// Keeps the worklist for when there is no network, durably.
    pub fn keep_worklist(&self, bytes: &[u8]) -> Result<(), StoreError> {
        self.seal.write_file(&self.dir.join(WORKLIST), bytes)
    }

    /// The outbox, oldest exam first. A damaged record is an error in its place; the ones after it still come.
    pub fn outbox(&self) -> impl Iterator<Item = Result<Delivery, StoreError>> + use<> {
        let seal = self.seal.clone();
        self.scan(|opened| opened.db.outbox.iter())
            .map(move |row| row.and_then(|(key, bytes)| read_delivery(&seal, &key, &bytes)))
    }

    /// The exam's entries of the outbox.
    pub fn deliveries_of(&self, exam_id: &str) -> Result<Vec<Delivery>, StoreError> {
        let key = ExamKey::of(exam_id)?;
        self.scan(move |opened| opened.db.outbox.scan_prefix(key.bytes()))
            .map(|row| row.and_then(|(key, bytes)| read_delivery(&self.seal, &key, &bytes)))
            .collect()
    }

    /// The ids of the exams whose folder is behind the database, oldest first.
    pub fn unfiled(&self) -> impl Iterator<Item = Result<String, StoreError>> + use<> {
        self.noted(TO_FILE)
    }

    /// The ids of the exams with this note in `todo`.
    pub(super) fn noted(
        &self,
        note: &'static [u8],
    ) -> impl Iterator<Item = Result<String, StoreError>> + use<> {
        let seal = self.seal.clone();
        let id = move |(key, bytes): Row| {
            let body = seal.open("todo", &key, &bytes).ok()?;
            let exam = ExamKey::before(&key).filter(|_| body == note);
            exam.and_then(|key| key.id())
        };
        self.scan(|opened| opened.db.todo.iter())
            .filter_map(move |row| row.map(&id).transpose())
    }

    /// The exam's frames as their records hold them. A damaged one is left out and logged: `check` finds it.
    pub(super) fn packed(&self, exam: &ExamKey) -> Result<Vec<(u64, Packed)>, StoreError> {
        let mut frames = Vec::new();
        for row in self.frame_rows(exam) {
            let (key, bytes) = row?;
            match unpack(&self.seal, &key, &bytes) {
                Ok(frame) => frames.push(frame),
                Err(error) => tracing::error!("{error}"),
            }
        }
        Ok(frames)
    }

    fn frame_rows(&self, exam: &ExamKey) -> impl Iterator<Item = Result<Row, StoreError>> + use<> {
        let exam = *exam;
        self.scan(move |opened| opened.db.frames.scan_prefix(exam.bytes()))
    }

    fn get(&self, key: &[u8], tree: impl FnOnce(&Opened) -> &Tree) -> Result<Option<IVec>, StoreError> {
        let opened = self.opened()?;
        opened.db.call("read a record", || tree(&opened).get(key))
    }

    /// The rows of a scan, which ends after sled's first error.
    pub(super) fn scan<I, F>(&self, start: F) -> impl Iterator<Item = Result<Row, StoreError>> + use<I, F>
    where
        I: Iterator<Item = sled::Result<Row>>,
        F: FnOnce(&Opened) -> I,
    {
        let (mut rows, mut failed) = match self.opened() {
            Ok(opened) => (Some((start(&opened), opened)), None),
            Err(error) => (None, Some(error)),
        };
        std::iter::from_fn(move || {
            if let Some(error) = failed.take() {
                return Some(Err(error));
            }
            let (scan, opened) = rows.as_mut()?;
            let row = opened.db.call("read records", || scan.next().transpose());
            if row.is_err() {
                rows = None;
            }
            row.transpose()
        })
    }
}

pub(super) fn read_exam(seal: &Seal, key: &[u8], bytes: &[u8]) -> Result<Exam, StoreError> {
    let exam = seal.open("exams", key, bytes).and_then(|body| {
        let exam: Exam =
            serde_json::from_slice(&body).map_err(|error| format!("an exam as JSON, found {error}"))?;
        let own = ExamKey::of(&exam.id).is_ok_and(|own| own.bytes() == key);
        own.then_some(exam)
            .ok_or_else(|| String::from("the exam of this key, found another"))
    });
    exam.map_err(corrupt("exams", key))
}

pub(super) fn read_delivery(seal: &Seal, key: &[u8], bytes: &[u8]) -> Result<Delivery, StoreError> {
    let delivery = seal.open("outbox", key, bytes).and_then(|body| {
        let delivery: Delivery =
            serde_json::from_slice(&body).map_err(|error| format!("a delivery as JSON, found {error}"))?;
        let own = ExamKey::of(&delivery.exam).is_ok_and(|exam| delivery.key(&exam) == key);
        own.then_some(delivery)
            .ok_or_else(|| String::from("the delivery of this key, found another"))
    });
    delivery.map_err(corrupt("outbox", key))
}

fn read_frame(seal: &Seal, key: &[u8], bytes: &[u8]) -> Result<FrameRecord, StoreError> {
    unpack(seal, key, bytes).map(|(seq, packed)| packed.record(seq))
}

/// A frame's number and what its record holds.
pub(super) fn unpack(seal: &Seal, key: &[u8], bytes: &[u8]) -> Result<(u64, Packed), StoreError> {
    let seq = key::seq_of(key).ok_or_else(|| format!("a key of 18 bytes, found {}", key.len()));
    let frame = seq.and_then(|seq| Ok((seq, Packed::decode(&seal.open("frames", key, bytes)?)?)));
    frame.map_err(corrupt("frames", key))
}

/// The record, or nothing and a note where it is damaged.
///
/// # Errors
/// [`StoreError`] for whatever is no damage of this record alone.
pub fn whole<T>(record: Result<T, StoreError>, damaged: &mut Vec<String>) -> Result<Option<T>, StoreError> {
    match record {
        Ok(record) => Ok(Some(record)),
        Err(error @ (StoreError::Corrupt { .. } | StoreError::DamagedFile { .. })) => {
            damaged.push(error.to_string());
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
