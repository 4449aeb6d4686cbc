//! The end of a store: its data key first, so that nothing of it can be read from then on, then everything.

use std::fs;
use std::path::{Path, PathBuf};

use super::crash::point;
use super::files::{self, fault};
use super::{StoreError, keys, lock};

/// Says that a store is being wiped: it is the first that is written and the last that goes.
const MARK: &str = "wiped";
/// What belongs to a store.
const OURS: [&str; 11] = [
    "sled",
    "exams",
    "commits",
    "worklist",
    "quarantine",
    "removed",
    "audit",
    "bedside.toml",
    "probe",
    "key",
    "lock",
];
/// What the mark says of an encrypted store.
const ENCRYPTED: &[u8] = b"encrypted";

/// What a wipe did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wiped {
    /// Whether its data was encrypted, so that what the disk may still hold of it cannot be read.
    pub encrypted: bool,
    /// What lies in the folder and is not the store's: left there.
    pub left: Vec<PathBuf>,
}

/// Destroys the store in `store`, audit trail and all. Needs no key. Interrupted, it is to be called again: until then the
/// store does not open.
///
/// # Errors
/// [`StoreError`].
pub fn wipe(store: &Path) -> Result<Wiped, StoreError> {
    let _lock = lock(store)?;
    let mark = store.join(MARK);
    if !is_marked(store) {
        let words = if keys::are_in(store) { ENCRYPTED } else { b"plain" };
        files::write_whole(&mark, words)?;
    }
    let encrypted = files::read_whole(&mark)? == ENCRYPTED;
    point("wipe-marked");
    keys::destroy(store)?;
    point("wipe-destroyed");
    let mut left = Vec::new();
    for path in files::list(store)? {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if name == MARK {
            continue;
        }
        let stem = name.split('.').next().unwrap_or_default();
        if !OURS.contains(&stem) {
            left.push(path);
        } else if path.is_dir() {
            files::remove_folder(&path)?;
        } else {
            fs::remove_file(&path).map_err(fault("remove", &path))?;
        }
        point("wipe-removed");
    }
    files::sync_folder(store)?;
    fs::remove_file(&mark).map_err(fault("remove", &mark))?;
    files::sync_folder(store)?;
    Ok(Wiped { encrypted, left })
}

/// Whether a wipe of the store in `store` was begun.
pub(super) fn is_marked(store: &Path) -> bool {
    store.join(MARK).exists()
}
