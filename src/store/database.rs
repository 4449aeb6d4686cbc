//! sled, opened with care and made durable in one place.
//!
//! Three things that sled 0.34 does not do by itself are done here, and nowhere else: its files are synced after each
//! flush (its own does not survive a power cut); what it answers with a panic becomes an error; and what it loses in
//! silence is noticed. It takes a damaged place in its log for the log's end and opens without the rest, so each
//! commit has a number, kept in sled and, once it is durable there, in the file `commits` beside it: sled
//! may be ahead of the file (a cut between the two), never behind.
//!
//! Owning thread: whoever calls; commits queue up behind each other. Knows nothing of exams and frames.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::files::{fault, open_or_create, sync_folder};
use super::{SledFault, StoreError, codec, corrupt};

/// The layout of folder, trees and keys; records carry a version of their own.
pub const SCHEMA: u64 = 1;
/// The key of the schema's number in the tree `meta`.
pub(super) const SCHEMA_KEY: &[u8] = b"schema";
/// The key of the last commit's number in the tree `meta`; its seal is that of the file `commits` too.
const COMMITS_KEY: &[u8] = b"commits";
/// Memory that sled may use for pages. Its default of 1 GiB is more than a small cart has to spare.
const CACHE_BYTES: u64 = 64 << 20;

/// sled and its files.
pub(super) struct Database {
    dir: PathBuf,
    db: sled::Db,
    pub(super) meta: sled::Tree,
    /// sled's own files and folders.
    pub(super) synced: Vec<(PathBuf, File)>,
    /// The file `commits`.
    number: (PathBuf, File),
    /// The last commit's number.
    last: Mutex<u64>,
}

impl Database {
    /// Opens or creates sled in the folder `sled` of the store's folder `store`, which is there.
    pub(super) fn open(store: &Path) -> Result<Self, StoreError> {
        let dir = store.join("sled");
        remove_half_snapshots(&dir)?;
        let config = sled::Config::new()
            .path(&dir)
            .cache_capacity(CACHE_BYTES)
            .flush_every_ms(None);
        let opened = caught(|| {
            let db = config.open()?;
            let meta = db.open_tree("meta")?;
            Ok((db, meta))
        });
        let (db, meta) = opened.map_err(|source| match source {
            // sled has no kind of its own for this.
            SledFault::Error(sled::Error::Io(error)) if error.to_string().contains("acquire lock") => {
                StoreError::InUse {
                    dir: store.to_owned(),
                }
            }
            SledFault::Error(sled::Error::Io(error)) => fault("open", &dir)(error),
            source => StoreError::Open {
                dir: dir.clone(),
                source,
            },
        })?;

        let synced = ["db", "conf", "blobs", ""].map(|name| dir.join(name));
        let synced = synced.map(|path| {
            File::open(&path)
                .map_err(fault("open", &path))
                .map(|file| (path, file))
        });
        let synced = synced.into_iter().collect::<Result<_, _>>()?;
        let path = store.join("commits");
        let file = open_or_create(&path)?;
        let known = fs::read(&path).map_err(fault("read", &path))?;
        let known = unseal_number(COMMITS_KEY, &known).unwrap_or(0); // not whole: the cart lost power while it was written

        let last = Mutex::new(0);
        let database = Self {
            dir,
            db,
            meta,
            synced,
            number: (path, file),
            last,
        };
        let schema = database.meta_number(SCHEMA_KEY)?;
        let found = database.meta_number(COMMITS_KEY)?.unwrap_or(0);
        match schema {
            Some(schema) if schema > SCHEMA => {
                return Err(StoreError::Newer {
                    dir: store.to_owned(),
                    found: schema,
                    known: SCHEMA,
                });
            }
            _ if found < known => {
                return Err(StoreError::Shortened {
                    dir: store.to_owned(),
                    found,
                    known,
                });
            }
            None if found > 0 => {
                return Err(corrupt("meta", SCHEMA_KEY)(String::from(
                    "the number of its schema, found none",
                )));
            }
            _ => {}
        }
        let sealed = codec::seal(SCHEMA_KEY, &SCHEMA.to_le_bytes());
        database.call("write the schema", || database.meta.insert(SCHEMA_KEY, sealed))?;
        *database.last.lock().unwrap_or_else(PoisonError::into_inner) = found;
        database.commit()?;
        sync_folder(store)?;
        Ok(database)
    }

    /// The tree `name`, made where there is none.
    pub(super) fn tree(&self, name: &str) -> Result<sled::Tree, StoreError> {
        self.call("open a tree", || self.db.open_tree(name))
    }

    /// Calls sled.
    pub(super) fn call<T>(
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

    /// Makes everything inserted so far survive a power cut.
    pub(super) fn commit(&self) -> Result<(), StoreError> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let sealed = codec::seal(COMMITS_KEY, &(*last + 1).to_le_bytes());
        self.call("number a commit", || {
            self.meta.insert(COMMITS_KEY, sealed.as_slice())
        })?;
        self.call("flush", || self.db.flush())?;
        for (path, file) in &self.synced {
            file.sync_all().map_err(fault("sync", path))?;
        }
        let (path, file) = &self.number;
        file.write_all_at(&sealed, 0)
            .and_then(|()| file.sync_data())
            .map_err(fault("write", path))?;
        *last += 1;
        Ok(())
    }

    fn meta_number(&self, key: &[u8]) -> Result<Option<u64>, StoreError> {
        let sealed = self.call("read the schema", || self.meta.get(key))?;
        let number = sealed.map(|sealed| unseal_number(key, &sealed)).transpose();
        number.map_err(corrupt("meta", key))
    }
}

fn unseal_number(key: &[u8], sealed: &[u8]) -> Result<u64, String> {
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
