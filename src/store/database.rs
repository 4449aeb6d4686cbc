//! sled, opened with care and made durable in one place.
//!
//! Two things that sled 0.34 does not do by itself are done here, and nowhere else: its files are synced after each
//! flush (its own does not survive a power cut); and what it answers with a panic becomes an error. What it loses in
//! silence is noticed by [`Commits`](super::commits::Commits).
//!
//! Owning thread: whoever calls. Knows nothing of exams and frames.

use std::fs::{self, File};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use sled::transaction::{ConflictableTransactionResult, TransactionError, TransactionalTree};
use sled::{Transactional, Tree};

use super::crash::point;
use super::files::fault;
use super::seal::Seal;
use super::{SledFault, StoreError, codec, corrupt};

/// The key in the tree `meta` of the number that says whether the other trees are encrypted: 1 if so.
const SEALED_KEY: &[u8] = b"sealed";

/// Memory that sled may use for pages. Its default of 1 GiB is more than a small cart has to spare.
const CACHE_BYTES: u64 = 16 << 20;

/// sled, its trees and its files.
pub(super) struct Database {
    dir: PathBuf,
    db: sled::Db,
    /// What the records of every tree but `meta` are encrypted with.
    pub seal: Seal,
    /// The numbers of the schema and of the last commit, and whether the other trees are encrypted. Is not encrypted itself.
    pub meta: Tree,
    /// Exam by [`ExamKey`](super::key::ExamKey).
    pub exams: Tree,
    /// Scored frame by exam and frame number.
    pub frames: Tree,
    /// Delivery by exam, object and destination.
    pub outbox: Tree,
    /// What is still to be done with an exam's folder, by exam.
    pub todo: Tree,
    /// sled's own files and folders.
    pub synced: Vec<(PathBuf, File)>,
}

/// What a transaction is given: exams, outbox, todo.
pub(super) type Trees = (TransactionalTree, TransactionalTree, TransactionalTree);

impl Database {
    /// Opens or creates sled in the folder `dir`, which is there; `seal` is used if its records are encrypted.
    pub fn open(dir: &Path, seal: &Seal) -> Result<Self, StoreError> {
        remove_half_snapshots(dir)?;
        let config = sled::Config::new()
            .path(dir)
            .cache_capacity(CACHE_BYTES)
            .flush_every_ms(None);
        let opened = caught(|| {
            let db = config.open()?;
            let tree = |name| db.open_tree(name);
            let trees = [
                tree("meta")?,
                tree("exams")?,
                tree("frames")?,
                tree("outbox")?,
                tree("todo")?,
            ];
            Ok((db, trees))
        });
        let (db, [meta, exams, frames, outbox, todo]) = opened.map_err(|source| match source {
            // sled has no kind of its own for this.
            SledFault::Error(sled::Error::Io(error)) if error.to_string().contains("acquire lock") => {
                StoreError::InUse {
                    dir: dir.parent().unwrap_or(dir).to_owned(),
                }
            }
            // What the disk refuses has a number; sled's own complaints about a file's content have none.
            SledFault::Error(sled::Error::Io(error)) if error.raw_os_error().is_some() => {
                fault("open", dir)(error)
            }
            source => StoreError::Open {
                dir: dir.to_owned(),
                source,
            },
        })?;
        let synced = ["db", "conf", "blobs", ""].map(|name| dir.join(name));
        let synced = synced.map(|path| {
            File::open(&path)
                .map_err(fault("open", &path))
                .map(|file| (path, file))
        });
        let mut opened = Self {
            dir: dir.to_owned(),
            db,
            seal: Seal::off(),
            meta,
            exams,
            frames,
            outbox,
            todo,
            synced: synced.into_iter().collect::<Result<_, _>>()?,
        };
        if opened.number(SEALED_KEY)? == Some(1) {
            if !seal.is_on() {
                return Err(StoreError::NoKey(dir.to_owned()));
            }
            opened.seal = seal.clone();
        }
        Ok(opened)
    }

    /// Has the records of a new database encrypted, if `seal` does.
    pub fn encrypt(&mut self, seal: &Seal) -> Result<(), StoreError> {
        if seal.is_on() {
            self.set_number(SEALED_KEY, 1)?;
        }
        self.seal = seal.clone();
        Ok(())
    }

    /// Calls sled.
    pub fn call<T>(
        &self,
        what: &'static str,
        call: impl FnOnce() -> sled::Result<T>,
    ) -> Result<T, StoreError> {
        caught(call).map_err(|source| StoreError::Sled {
            what,
            dir: self.dir.clone(),
            source,
        })
    }

    /// Changes exams, outbox and todo together: all of it or nothing survives.
    pub fn transaction(
        &self,
        what: &'static str,
        change: impl Fn(&Trees) -> ConflictableTransactionResult<(), sled::Error>,
    ) -> Result<(), StoreError> {
        self.call(what, || {
            let done = (&self.exams, &self.outbox, &self.todo).transaction(|trees| change(trees));
            done.map_err(|error| match error {
                TransactionError::Abort(error) | TransactionError::Storage(error) => error,
            })
        })
    }

    /// Makes everything inserted so far survive a power cut: the one place that flushes.
    pub fn sync(&self) -> Result<(), StoreError> {
        point("sync-begin");
        self.call("flush", || self.db.flush())?;
        point("sync-flushed");
        for (path, file) in &self.synced {
            file.sync_all().map_err(fault("sync", path))?;
        }
        point("sync-done");
        Ok(())
    }

    /// Bytes that sled takes on the disk.
    pub fn bytes(&self) -> Result<u64, StoreError> {
        self.call("measure", || self.db.size_on_disk())
    }

    /// The number at `key` of the tree `meta`.
    pub fn number(&self, key: &[u8]) -> Result<Option<u64>, StoreError> {
        let sealed = self.call("read a number", || self.meta.get(key))?;
        let number = sealed.map(|sealed| unseal_number(key, &sealed)).transpose();
        number.map_err(corrupt("meta", key))
    }

    /// Sets the number at `key` of the tree `meta`.
    pub fn set_number(&self, key: &[u8], number: u64) -> Result<(), StoreError> {
        let sealed = seal_number(key, number);
        self.call("write a number", || self.meta.insert(key, sealed))
            .map(drop)
    }
}

/// A number as it is stored at `key`.
pub(super) fn seal_number(key: &[u8], number: u64) -> Vec<u8> {
    codec::seal(key, &number.to_le_bytes())
}

/// The number stored at `key`, or what was expected there.
pub(super) fn unseal_number(key: &[u8], sealed: &[u8]) -> Result<u64, String> {
    let body = codec::unseal(key, sealed)?;
    let bytes = body
        .try_into()
        .map_err(|_| format!("a number of 8 bytes, found {}", body.len()))?;
    Ok(u64::from_le_bytes(bytes))
}

/// Calls sled, which answers some damage with a panic.
fn caught<T>(call: impl FnOnce() -> sled::Result<T>) -> Result<T, SledFault> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(answer) => answer.map_err(SledFault::Error),
        Err(panic) => {
            let words = panic.downcast_ref::<String>().map(String::as_str);
            let words = words.or_else(|| panic.downcast_ref::<&str>().copied());
            Err(SledFault::Panic(String::from(words.unwrap_or("without words"))))
        }
    }
}

/// Removes the snapshots that sled had not finished when it was killed. It would take one for its newest and not
/// open; the one before it is still there.
fn remove_half_snapshots(dir: &Path) -> Result<(), StoreError> {
    for entry in fs::read_dir(dir).map_err(fault("list", dir))? {
        let path = entry.map_err(fault("list", dir))?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "generating")
        {
            fs::remove_file(&path).map_err(fault("remove", &path))?;
        }
    }
    Ok(())
}
