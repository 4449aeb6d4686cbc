//! What was graded, on disk: the only module that names sled.
//!
//! ```text
//! DIR.key                               the outer key, if it is nowhere else (`keys.rs`)
//! DIR/key.1, DIR/key.2                  the data key, encrypted with it
//! DIR/lock                              held while a process has the store
//! DIR/commits                           how many commits are durable in sled
//! DIR/sled/                             trees `exams`, `frames`, `outbox`, `todo`, `meta`
//! DIR/exams/YYYY/MM/DD/<exam id>/       pictures, frames.csv, exam.json (`folder.rs`)
//! DIR/sled.broken-<time>/               a database that was damaged and has been made anew from these folders
//! DIR/quarantine/                       what `sonograde check --repair` found damaged
//! ```
//!
//! Owning thread: `store` (the [`Writer`]) makes every write; any thread may read. A record is durable after
//! [`Store::commit`] and not before: sled's own flush does not survive a power cut, so commit also syncs
//! sled's files, and nothing else flushes. A frame's record holds what differs from frame to frame; how it was made
//! (model, engine, thresholds, ROI) is the [`Provenance`](crate::exam::record::Provenance) in the record of its exam,
//! which is written first and under which the frame's key lies.
//!
//! sled is fast and forgets; the folders are plain and stay. Each exam is in both: `todo` names the exams whose folder is
//! behind the database, and whatever was interrupted there is done again. A sled that will not open is made anew from the
//! folders (`rebuild.rs`).
//!
//! Deliberately not here: frames without a score (the verdict counts them), pictures inside sled (it would
//! grow), and the decision which frames are key frames.

mod check;
mod codec;
mod commits;
mod crash;
mod database;
mod error;
mod files;
mod folder;
mod key;
mod keys;
mod outbox;
mod read;
mod rebuild;
mod retention;
mod schema;
mod seal;
mod settings;
mod space;
mod swap;
mod wipe;
mod writer;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

pub use check::{Finding, Findings};
pub use error::{SledFault, StoreError};
pub use files::KeyFramePath;
pub use keys::{KeyFile, rekey};
use outbox::seal_delivery;
pub use outbox::{Address, Delivery, DeliveryState};
pub use read::whole;
pub use retention::Keep;
pub use schema::SCHEMA;
pub use settings::Settings;
pub use space::Space;
pub use wipe::{Wiped, wipe};
pub use writer::{Entry, Policy, Queue, Status, Writer};

use crate::exam::record::{ActivationMap, Exam, Fitness, Graded, KeyFrame};
use codec::Packed;
use commits::Commits;
use crash::point;
use database::Database;
use files::fault;
use key::ExamKey;
use seal::Seal;

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
    /// How good the picture is; absent in records of schemas before 4.
    pub fitness: Option<Fitness>,
}

/// The store's folder, opened by one process at a time and once in it.
pub struct Store {
    dir: PathBuf,
    /// None where it could not be opened again after an error.
    opened: RwLock<Option<Arc<Opened>>>,
    /// What the records and the exams' files are encrypted with.
    seal: Seal,
    notice: Option<String>,
    _lock: File,
}

/// Whether a store is encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// It is not, and one that is is refused.
    Off,
    /// It is if it has been made so, with this key.
    AsItIs(KeyFile),
    /// It is, with this key; one that is not is encrypted when it is opened.
    On(KeyFile),
}

/// An open database that is not behind its commit number.
struct Opened {
    db: Database,
    commits: Commits,
}

impl Opened {
    fn open(dir: &Path, seal: &Seal) -> Result<Self, StoreError> {
        let sled = dir.join("sled");
        files::create_folder(&sled)?;
        let db = Database::open(&sled, seal)?;
        let commits = Commits::open(dir, &db)?;
        schema::bring_up(dir, &db)?;
        commits.commit(&db)?;
        files::sync_folder(dir)?;
        Ok(Self { db, commits })
    }
}

/// How long a store may be in use before that is said.
const PATIENCE: Duration = Duration::from_secs(1);

impl Store {
    /// [`Store::open_with`] as it is: a new one is not encrypted.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        Self::open_with(dir, &Encryption::AsItIs(KeyFile::of(dir, None)))
    }

    /// Opens the store in `dir`, creating it (for this user alone) where there is none. A database that is damaged is set
    /// aside and made anew from the exams' folders; [`Store::notice`] says so.
    ///
    /// Fails if another process has it, a newer program wrote it, the key is not its, or the folder cannot be written; each
    /// error says what to do.
    pub fn open_with(dir: &Path, encryption: &Encryption) -> Result<Self, StoreError> {
        // A program that the last owner was just starting holds its locks for a moment longer than the owner.
        let patience = Instant::now() + PATIENCE;
        loop {
            match Self::try_open(dir, encryption) {
                Err(StoreError::InUse { .. }) if Instant::now() < patience => thread::sleep(PATIENCE / 50),
                done => return done,
            }
        }
    }

    fn try_open(dir: &Path, encryption: &Encryption) -> Result<Self, StoreError> {
        files::create_folder(dir)?;
        let lock = lock(dir)?;
        if wipe::is_marked(dir) {
            return Err(StoreError::Wiped(dir.to_owned()));
        }
        let (mut seal, rewritten) = match encryption {
            _ if !keys::are_in(dir) => (Seal::off(), None),
            Encryption::Off => return Err(StoreError::Encrypted(dir.to_owned())),
            Encryption::AsItIs(key) | Encryption::On(key) => keys::open(dir, key)?,
        };
        swap::finish(dir)?;
        let counted = commits::known(dir)?.is_some();
        let (mut opened, anew) = match Opened::open(dir, &seal) {
            Err(error) if error.is_damage() => {
                let notice = rebuild::from_folders(dir, &seal, &error)?;
                tracing::error!("{notice}");
                (Opened::open(dir, &seal)?, Some(notice))
            }
            opened => (opened?, None),
        };
        if let Encryption::On(key) = encryption
            && !seal.is_on()
        {
            seal = keys::make(dir, key)?;
        }
        if seal.is_on() && !opened.db.seal.is_on() {
            opened = encrypt(dir, opened, &seal)?;
        }
        let damaged = || String::from("the file `commits` was damaged and has been written again");
        let notices = [anew.or_else(|| (!counted).then(damaged)), rewritten];
        let store = Self {
            dir: dir.to_owned(),
            opened: RwLock::new(Some(Arc::new(opened))),
            seal,
            notice: notices.into_iter().flatten().reduce(|a, b| format!("{a}; {b}")),
            _lock: lock,
        };
        store.finish_removals()?;
        Ok(store)
    }

    /// What people have to know about how the store was opened; none if there is nothing.
    pub fn notice(&self) -> Option<&str> {
        self.notice.as_deref()
    }

    fn opened(&self) -> Result<Arc<Opened>, StoreError> {
        let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner);
        opened.clone().ok_or_else(|| StoreError::Closed(self.dir.clone()))
    }

    /// Stores an exam that begins. Not durable until [`Store::commit`].
    pub fn begin(&self, exam: &Exam) -> Result<(), StoreError> {
        let key = ExamKey::of(&exam.id)?;
        let db = &self.opened()?.db;
        if db.call("look for an exam", || db.exams.contains_key(key.bytes()))? {
            return Err(StoreError::Taken { id: exam.id.clone() });
        }
        self.put(exam, &[])
    }

    /// Stores a frame of the exam `exam_id` if it has a score. Not durable until [`Store::commit`].
    pub fn append(&self, exam_id: &str, graded: &Graded) -> Result<(), StoreError> {
        let Ok(scored) = &graded.outcome else {
            return Ok(());
        };
        let key = ExamKey::of(exam_id)?.frame(graded.seq);
        let packed = Packed::of(graded.t_ms, scored).map_err(|expected| StoreError::Unstorable {
            what: format!("frame {}", graded.seq),
            expected,
        })?;
        let db = &self.opened()?.db;
        let sealed = self.seal.record("frames", &key, &packed.encode());
        db.call("store a frame", || db.frames.insert(key, sealed))?;
        point("frame-stored");
        Ok(())
    }

    /// Stores a key frame of the exam `exam_id` as `key-<seq>-<reason>.png` in the exam's folder: the pane alone, whole
    /// and durable when this returns.
    pub fn keep(&self, exam_id: &str, key: &KeyFrame) -> Result<(), StoreError> {
        ExamKey::of(exam_id)?;
        files::write_key_frame(&self.exam_folder(exam_id), key, &self.seal)
    }

    /// Stores an exam that somebody added to. What is another object by that (in an archive, if the exam was given to another
    /// patient) is to be delivered again. Not durable until [`Store::commit`].
    pub fn amend(&self, exam: &Exam, addresses: &[Address]) -> Result<(), StoreError> {
        let before = self.exam(&exam.id)?.filter(|before| before.uids.is_some());
        let is_other = |at: &&Address| {
            let before = before.as_ref().map(|before| before.instance(&at.object));
            before.is_some_and(|before| before != exam.instance(&at.object))
        };
        let others: Vec<Address> = addresses.iter().filter(is_other).cloned().collect();
        self.put(exam, &others)
    }

    /// Stores an exam with its end and its verdict, and what is to be delivered of it, together. Not durable until
    /// [`Store::commit`].
    pub fn end(&self, exam: &Exam, addresses: &[Address]) -> Result<(), StoreError> {
        self.put(exam, addresses)?;
        point("exam-ended");
        Ok(())
    }

    /// Stores an exam and its entries of the outbox in one transaction, with a note that its folder is behind.
    fn put(&self, exam: &Exam, addresses: &[Address]) -> Result<(), StoreError> {
        let key = ExamKey::of(&exam.id)?;
        let record = seal_exam(&self.seal, &key, exam)?;
        let deliveries = addresses.iter().map(|address| Delivery {
            instance: exam.instance(&address.object),
            ..Delivery::pending(&exam.id, address)
        });
        let deliveries: Vec<_> = deliveries.map(|d| seal_delivery(&self.seal, &key, &d)).collect();
        let note = self.seal.record("todo", key.bytes(), schema::TO_FILE);
        let db = &self.opened()?.db;
        db.transaction("store an exam", |(exams, outbox, todo)| {
            exams.insert(key.bytes(), record.as_slice())?;
            todo.insert(key.bytes(), note.as_slice())?;
            for (key, entry) in &deliveries {
                outbox.insert(key.as_slice(), entry.as_slice())?;
            }
            Ok(())
        })
    }

    /// Makes everything stored so far survive a power cut: the one durability function.
    pub fn commit(&self) -> Result<(), StoreError> {
        let opened = self.opened()?;
        opened.commits.commit(&opened.db)
    }

    /// Writes the exam's folder as the database has it, durably; with its frames unless it is `running`. Only what is
    /// durable in the database may be written there.
    pub fn file(&self, exam_id: &str, running: bool) -> Result<(), StoreError> {
        let key = ExamKey::of(exam_id)?;
        let Some(exam) = self.exam(exam_id)? else {
            return Ok(());
        };
        let frames = if running { None } else { Some(self.packed(&key)?) };
        folder::write(
            &self.exam_folder(exam_id),
            &self.seal,
            &exam,
            self.deliveries_of(exam_id)?,
            frames,
        )?;
        if !running {
            let db = &self.opened()?.db;
            db.call("note a folder", || db.todo.remove(key.bytes()))?;
        }
        Ok(())
    }

    /// Where the files of an exam lie. The id has to be a good one.
    fn exam_folder(&self, exam_id: &str) -> PathBuf {
        let day = [&exam_id[..4], &exam_id[4..6], &exam_id[6..8], exam_id];
        self.dir.join("exams").join(PathBuf::from_iter(day))
    }
}

/// Makes an encrypted database of one that is not. The exams' files are encrypted when their folders are written next, as
/// all of them are noted to be.
fn encrypt(dir: &Path, plain: Opened, seal: &Seal) -> Result<Opened, StoreError> {
    let damaged = swap::make(dir, seal, |db| {
        let damaged = swap::copy(&plain.db, db, || true)?;
        schema::file_everything(db)?;
        Ok(damaged)
    })?;
    if let Some(damaged @ 1..) = damaged {
        tracing::error!("{damaged} records are damaged: run `sonograde check`");
    }
    drop(plain);
    swap::place(dir, None)?;
    Opened::open(dir, seal)
}

/// An exam's record.
fn seal_exam(seal: &Seal, key: &ExamKey, exam: &Exam) -> Result<Vec<u8>, StoreError> {
    let bytes = serde_json::to_vec(exam).map_err(|error| error.to_string());
    let body = bytes.and_then(|bytes| match serde_json::from_slice::<Exam>(&bytes) {
        Ok(read) if read == *exam => Ok(bytes),
        _ => Err(String::from("finite numbers throughout")),
    });
    let body = body.map_err(|expected| StoreError::Unstorable {
        what: format!("exam {}", exam.id),
        expected,
    })?;
    Ok(seal.record("exams", key.bytes(), &body))
}

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

#[cfg(test)]
pub(crate) mod tests;
