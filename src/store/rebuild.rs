//! A database made anew: from the exams' folders where the old one is damaged, or from itself where the disk failed or it
//! has grown.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use chrono::Utc;
use sled::Tree;

use super::codec::Packed;
use super::commits::{self, COMMITS_KEY};
use super::crash::point;
use super::database::Database;
use super::key::ExamKey;
use super::schema::{SCHEMA, SCHEMA_KEY, TO_FILE, TO_REMOVE};
use super::seal::Seal;
use super::{Opened, Store, StoreError, files, folder, read, seal_delivery, seal_exam, swap};

/// What a frame takes in a database that was just made, about: its record of 125 bytes, its key of 18, and sled's own
/// share.
const FRAME_BYTES: u64 = 184;
/// How much larger than that a database may grow, and how much it may have anyway.
const GROWN_TIMES: u64 = 3;
const GROWN_BYTES: u64 = 64 << 20;
/// How long readers may keep a database open that is to be closed.
const PATIENCE: Duration = Duration::from_secs(5);

/// Makes the database of the store in `store` anew from the folders, after `error`; what the damaged one still has of exams
/// that no folder has, or has whole, is taken from there. Gives words for people.
pub(super) fn from_folders(store: &Path, seal: &Seal, error: &StoreError) -> Result<String, StoreError> {
    let broken = Database::open(&store.join("sled"), seal).ok();
    let found = broken
        .as_ref()
        .and_then(|db| db.number(COMMITS_KEY).ok().flatten());
    let last = commits::known(store)?.max(found).unwrap_or(0);
    let made = swap::make(store, seal, |db| {
        db.set_number(SCHEMA_KEY, SCHEMA)?;
        db.set_number(COMMITS_KEY, last + 1)?;
        let (mut exams, mut damaged) = (0, Vec::new());
        for folder in exam_folders(store)? {
            match take_folder(db, &folder) {
                Ok(()) => exams += 1,
                Err(error @ StoreError::NoKey(_)) => return Err(error),
                Err(error) => damaged.push(crate::one_line(&error)),
            }
            point("rebuild-exam");
        }
        if let Some(broken) = &broken {
            // As far as it can be read.
            let _ = salvage(broken, db);
        }
        Ok(Some((exams, damaged)))
    })?;
    let (exams, damaged) = made.unwrap_or_default();
    drop(broken);
    let aside = format!("sled.broken-{}", Utc::now().format("%Y%m%dT%H%M%S%.3fZ"));
    swap::place(store, Some(&aside))?;
    damaged.iter().for_each(|words| tracing::error!("{words}"));
    let rest = match damaged.len() {
        0 => String::new(),
        n => format!(", {n} exams are damaged there: run `sonograde check`"),
    };
    Ok(format!(
        "the database was damaged and has been made anew from the folders of {exams} exams{rest}; the damaged one is \
         {aside} ({})",
        crate::one_line(error)
    ))
}

/// The folders of all exams, oldest first.
pub(super) fn exam_folders(store: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let mut folders = vec![store.join("exams")];
    for _ in ["year", "month", "day", "exam"] {
        let below: Result<Vec<_>, _> = folders.iter().map(|folder| files::list(folder)).collect();
        folders = below?.concat();
    }
    folders.retain(|folder| folder.is_dir());
    Ok(folders)
}

/// Puts everything that the folder of an exam has into `db`; of an exam whose frames cannot be read, the rest.
pub(super) fn take_folder(db: &Database, folder: &Path) -> Result<(), StoreError> {
    let file = folder::read(folder, &db.seal)?;
    let key = ExamKey::of(&file.exam.id)?;
    let record = seal_exam(&db.seal, &key, &file.exam)?;
    db.call("store an exam", || db.exams.insert(key.bytes(), record))?;
    for delivery in &file.deliveries {
        let (at, entry) = seal_delivery(&db.seal, &key, delivery);
        db.call("store a delivery", || db.outbox.insert(at, entry))?;
    }
    if !file.files.iter().any(|entry| entry.name == folder::FRAMES) {
        return note(db, &key); // the exam ran
    }
    for (seq, packed) in folder::read_frames(folder, &db.seal)? {
        put_frame(db, &key, seq, &packed)?;
    }
    if db.seal.lacks(&folder.join(folder::EXAM)) {
        note(db, &key)?;
    }
    Ok(())
}

/// Stores a frame as it is.
pub(super) fn put_frame(db: &Database, key: &ExamKey, seq: u64, packed: &Packed) -> Result<(), StoreError> {
    let at = key.frame(seq);
    let sealed = db.seal.record("frames", &at, &packed.encode());
    db.call("store a frame", || db.frames.insert(at, sealed))
        .map(drop)
}

/// Notes that the exam's folder is behind.
fn note(db: &Database, key: &ExamKey) -> Result<(), StoreError> {
    let note = db.seal.record("todo", key.bytes(), TO_FILE);
    db.call("note an exam", || db.todo.insert(key.bytes(), note))
        .map(drop)
}

/// Takes from a damaged database the exams that were not in a folder yet, or not whole there.
fn salvage(broken: &Database, db: &Database) -> Result<(), StoreError> {
    for row in broken.exams.iter() {
        let (at, bytes) = broken.call("read records", || row)?;
        let (Ok(_), Some(key)) = (read::read_exam(&broken.seal, &at, &bytes), ExamKey::before(&at)) else {
            continue;
        };
        let known = db.call("look for an exam", || db.exams.get(&at))?;
        let known = known.and_then(|bytes| read::read_exam(&db.seal, &at, &bytes).ok());
        let note_of = broken.call("look for a note", || broken.todo.get(&at))?;
        let goes = note_of.is_some_and(|note| {
            let note = broken.seal.open("todo", &at, &note);
            note.is_ok_and(|note| note == TO_REMOVE)
        });
        // A folder is written after the database, so where it has the exam's end nothing here is newer: a database that
        // lost its end speaks of what was before.
        if goes || known.is_some_and(|known| known.ended.is_some()) {
            continue;
        }
        let rows = |from: &Tree| from.scan_prefix(key.bytes());
        let trees = [
            ("exams", rows(&broken.exams), &db.exams),
            ("frames", rows(&broken.frames), &db.frames),
            ("outbox", rows(&broken.outbox), &db.outbox),
        ];
        note(db, &key)?;
        for (tree, rows, to) in trees {
            for row in rows {
                let (at, bytes) = broken.call("read records", || row)?;
                if let Ok(body) = broken.seal.open(tree, &at, &bytes) {
                    let record = db.seal.record(tree, &at, &body);
                    db.call("copy a record", || to.insert(at, record))?;
                }
            }
        }
    }
    Ok(())
}

impl Store {
    /// Closes the database and opens it again after an error, makes a new one of what it holds and goes on with that: what
    /// the kernel had not written when the disk failed may be missing in the old one's files without a further error.
    /// `between` is called now and then meanwhile.
    pub fn recover(&self, mut between: impl FnMut()) -> Result<(), StoreError> {
        self.probe()?;
        self.close()?;
        swap::finish(&self.dir)?;
        let opened = match Opened::open(&self.dir, &self.seal) {
            Err(error) if error.is_damage() => {
                let notice = from_folders(&self.dir, &self.seal, &error)?;
                tracing::error!("{notice}");
                Opened::open(&self.dir, &self.seal)
            }
            opened => opened,
        }?;
        let damaged = swap::make(&self.dir, &self.seal, |db| {
            swap::copy(&opened.db, db, || {
                between();
                true
            })
        })?;
        drop(opened);
        swap::place(&self.dir, None)?;
        if let Some(damaged @ 1..) = damaged {
            tracing::error!("{damaged} records are damaged: run `sonograde check`");
        }
        self.set_opened(Opened::open(&self.dir, &self.seal)?);
        Ok(())
    }

    /// Makes the database anew, without the space that it no longer needs, unless `goes_on` says no. Says whether it did.
    pub fn compact(&self, goes_on: impl FnMut() -> bool) -> Result<bool, StoreError> {
        let opened = self.opened()?;
        let copied = swap::make(&self.dir, &self.seal, |db| swap::copy(&opened.db, db, goes_on))?;
        drop(opened);
        if copied.is_none() {
            return Ok(false);
        }
        self.close()?;
        swap::place(&self.dir, None)?;
        self.set_opened(Opened::open(&self.dir, &self.seal)?);
        Ok(true)
    }

    /// Whether the database takes so much more than its records need that it should be compacted.
    pub fn has_grown(&self) -> Result<bool, StoreError> {
        let frames = self.exams().flatten().filter_map(|exam| exam.verdict);
        let needed: u64 = frames.map(|v| v.frames_scored * FRAME_BYTES).sum();
        Ok(self.database_bytes()? > GROWN_BYTES + GROWN_TIMES * needed)
    }

    /// Bytes that the database takes on the disk.
    pub fn database_bytes(&self) -> Result<u64, StoreError> {
        self.opened()?.db.bytes()
    }

    /// Whether the disk takes and keeps a file.
    fn probe(&self) -> Result<(), StoreError> {
        let path = self.dir.join("probe");
        let written = files::write_whole(&path, &[0; 256 << 10]);
        let _ = std::fs::remove_file(&path);
        written
    }

    /// Closes the database as soon as no reader is in it.
    fn close(&self) -> Result<(), StoreError> {
        let opened = self.opened.write().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut opened) = opened else {
            return Ok(());
        };
        let patience = Instant::now() + PATIENCE;
        loop {
            match Arc::try_unwrap(opened) {
                Ok(closed) => {
                    drop(closed);
                    return Ok(());
                }
                Err(shared) if Instant::now() < patience => {
                    opened = shared;
                    thread::sleep(Duration::from_millis(5));
                }
                Err(shared) => {
                    *self.opened.write().unwrap_or_else(PoisonError::into_inner) = Some(shared);
                    return Err(StoreError::InUse {
                        dir: self.dir.clone(),
                    });
                }
            }
        }
    }

    fn set_opened(&self, opened: Opened) {
        *self.opened.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(opened));
    }
}
