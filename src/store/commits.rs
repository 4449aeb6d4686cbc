//! How many commits are durable, counted in sled and beside it.
//!
//! sled 0.34 takes a damaged place in its log for the log's end and opens without the rest, in silence. So each commit
//! has a number, kept in sled and, once it is durable there, in the file `commits` beside it: sled may be ahead of the
//! file (a cut between the two), never behind.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::StoreError;
use super::crash::point;
use super::database::{Database, seal_number, unseal_number};
use super::files::{fault, open_or_create};

/// The key of the last commit's number in the tree `meta`; its seal is that of the file `commits` too.
pub(super) const COMMITS_KEY: &[u8] = b"commits";

/// The file `commits`.
pub(super) struct Commits {
    path: PathBuf,
    file: File,
    last: Mutex<u64>,
}

impl Commits {
    /// Opens the counter of the store in `store` for `db`, which must not be behind it.
    pub fn open(store: &Path, db: &Database) -> Result<Self, StoreError> {
        let (found, known) = (db.number(COMMITS_KEY)?.unwrap_or(0), known(store)?.unwrap_or(0));
        if found < known {
            return Err(StoreError::Shortened {
                dir: store.to_owned(),
                found,
                known,
            });
        }
        let path = store.join("commits");
        let file = open_or_create(&path)?;
        let last = Mutex::new(found);
        Ok(Self { path, file, last })
    }

    /// Makes everything inserted into `db` so far survive a power cut; commits queue up behind each other.
    pub fn commit(&self, db: &Database) -> Result<(), StoreError> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let next = *last + 1;
        db.set_number(COMMITS_KEY, next)?;
        db.sync()?;
        let sealed = seal_number(COMMITS_KEY, next);
        let written = self
            .file
            .write_all_at(&sealed, 0)
            .and_then(|()| self.file.sync_data());
        written.map_err(fault("write", &self.path))?;
        point("commit-numbered");
        *last = next;
        Ok(())
    }
}

/// The number in the file `commits` of the store in `store`; 0 in a new store, none where it is damaged.
pub(super) fn known(store: &Path) -> Result<Option<u64>, StoreError> {
    let path = store.join("commits");
    match fs::read(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Some(0)),
        bytes => {
            let bytes = bytes.map_err(fault("read", &path))?;
            Ok(if bytes.is_empty() {
                Some(0)
            } else {
                unseal_number(COMMITS_KEY, &bytes).ok()
            })
        }
    }
}
