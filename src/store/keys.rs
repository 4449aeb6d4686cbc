//! The two keys of an encrypted store.
//!
//! What lies in the store is encrypted with its *data key*, which was drawn when the store was made and never changes. It
//! lies in the store twice (`key.1`, `key.2`), each time encrypted with the *outer key*: 32 bytes in a file or systemd
//! credential. So another outer key is a matter of two small files, and without these two nothing in the store can be read
//! again.
//!
//! Each copy is replaced whole, the second only after the first is durable: whatever is interrupted, one of them opens with
//! the key that is in force, and the other is then written again.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::crash::point;
use super::files::{self, fault};
use super::seal::{self, Cipher, Key, Seal};
use super::{StoreError, lock};

/// The two copies of the data key.
pub(super) const COPIES: [&str; 2] = ["key.1", "key.2"];
/// The first bytes of a copy, and what it is bound to.
const MAGIC: &[u8; 8] = b"SONOKEY1";
/// The credential's name.
const CREDENTIAL: &str = "store.key";

/// Where the outer key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFile {
    path: PathBuf,
    /// It is ours to make and to change: the one beside the store.
    ours: bool,
}

impl KeyFile {
    /// The key of the store in `store`: the file `given`, else systemd's credential `store.key`, else the file beside the
    /// store that is named like it with `.key` added.
    pub fn of(store: &Path, given: Option<&Path>) -> Self {
        let credential =
            std::env::var_os("CREDENTIALS_DIRECTORY").map(|dir| Path::new(&dir).join(CREDENTIAL));
        let elsewhere = given
            .map(Path::to_owned)
            .or(credential.filter(|path| path.exists()));
        Self {
            ours: elsewhere.is_none(),
            path: elsewhere.unwrap_or_else(|| beside(store)),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn read(&self) -> Result<Key, StoreError> {
        let bytes = fs::read(&self.path).map_err(|source| StoreError::KeyFile {
            path: self.path.clone(),
            source,
        })?;
        bytes.as_slice().try_into().map_err(|_| StoreError::NotAKey {
            path: self.path.clone(),
            found: bytes.len(),
        })
    }

    fn cipher(&self) -> Result<Cipher, StoreError> {
        Cipher::new(&self.read()?)
    }
}

/// `DIR.key` of the store `DIR`.
fn beside(store: &Path) -> PathBuf {
    let store = fs::canonicalize(store).unwrap_or_else(|_| store.to_owned());
    store.with_added_extension("key")
}

/// Whether the store in `store` has a data key.
pub(super) fn are_in(store: &Path) -> bool {
    COPIES.iter().any(|name| store.join(name).exists())
}

/// The data key of the store in `store`, and words if a copy of it had to be written again.
pub(super) fn open(store: &Path, outer: &KeyFile) -> Result<(Seal, Option<String>), StoreError> {
    let cipher = outer.cipher()?;
    let (key, stale) = unlock(store, outer, &cipher)?;
    let mut notice = None;
    for name in stale {
        write_copy(store, name, &cipher, &key)?;
        notice = Some(format!(
            "`{name}` was damaged or left by an interrupted `store rekey` and has been written again"
        ));
    }
    Ok((Seal::of(&key)?, notice))
}

/// The data key, and which copies do not open.
fn unlock(store: &Path, outer: &KeyFile, cipher: &Cipher) -> Result<(Key, Vec<&'static str>), StoreError> {
    let (mut key, mut stale) = (None, Vec::new());
    for name in COPIES {
        let path = store.join(name);
        let bytes = match files::read_whole(&path) {
            Err(error) if error.is_missing_file() => Vec::new(),
            bytes => bytes?,
        };
        let sealed = bytes.strip_prefix(MAGIC);
        let opened = sealed.and_then(|sealed| cipher.decrypt(MAGIC, sealed)?.try_into().ok());
        match opened {
            Some(opened) => key = Some(opened),
            None => stale.push(name),
        }
    }
    let wrong = || StoreError::WrongKey {
        store: store.to_owned(),
        key: outer.path.clone(),
    };
    Ok((key.ok_or_else(wrong)?, stale))
}

fn write_copy(store: &Path, name: &str, cipher: &Cipher, key: &Key) -> Result<(), StoreError> {
    files::write_whole(&store.join(name), &cipher.encrypt(MAGIC, MAGIC, key))
}

/// Draws a data key for the store in `store`, which has none, and an outer key where that is missing and ours to make.
pub(super) fn make(store: &Path, outer: &KeyFile) -> Result<Seal, StoreError> {
    if outer.ours && !outer.path.exists() {
        write_key(&outer.path)?;
        tracing::info!(
            "{} is the key of what is stored: keep a copy of it elsewhere, for without it no exam can be read again, and see \
             the README on keeping it off this disk, for whoever takes both can read all",
            outer.path.display()
        );
    }
    let (cipher, key) = (outer.cipher()?, seal::random()?);
    for name in COPIES {
        write_copy(store, name, &cipher, &key)?;
        point("key-copied");
    }
    Seal::of(&key)
}

/// Draws a key and writes it to `path`, for this user alone, durably.
fn write_key(path: &Path) -> Result<(), StoreError> {
    let part = path.with_added_extension("part");
    match fs::remove_file(&part) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(fault("remove", &part)(error)),
        _ => {}
    }
    let key: Key = seal::random()?;
    let mut file = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&part)
        .map_err(fault("create", &part))?;
    file.write_all(&key)
        .and_then(|()| file.sync_all())
        .map_err(fault("write", &part))?;
    files::rename(&part, path)
}

/// Puts the data key of the store in `store` under another outer key: that in the file `new`, made if it is missing; without
/// it a new one in place of the one beside the store. Until this returns the old key is to be kept.
///
/// # Errors
/// [`StoreError`]; the store then opens as it did before.
pub fn rekey(store: &Path, outer: &KeyFile, new: Option<&Path>) -> Result<PathBuf, StoreError> {
    let _lock = lock(store)?;
    if !are_in(store) {
        return Err(StoreError::NotEncrypted(store.to_owned()));
    }
    let (key, _) = unlock(store, outer, &outer.cipher()?)?;
    let (path, next) = match new {
        Some(path) => (path.to_owned(), path.to_owned()),
        None if outer.ours => (outer.path.clone(), outer.path.with_added_extension("new")),
        None => return Err(StoreError::KeyNotOurs(outer.path.clone())),
    };
    if new.is_none() || !next.exists() {
        write_key(&next)?;
    }
    let cipher = KeyFile {
        path: next.clone(),
        ours: false,
    }
    .cipher()?;
    point("rekey-made");
    // The second copy opens with the old key until the new one is in its place, from when on the first does.
    write_copy(store, COPIES[0], &cipher, &key)?;
    point("rekey-first");
    if next != path {
        files::rename(&next, &path)?;
    }
    point("rekey-placed");
    write_copy(store, COPIES[1], &cipher, &key)?;
    point("rekey-second");
    Ok(path)
}

/// Overwrites and removes the data key of the store in `store`, durably, and the outer key too where that is beside it.
pub(super) fn destroy(store: &Path) -> Result<(), StoreError> {
    for path in COPIES
        .map(|name| store.join(name))
        .into_iter()
        .chain([beside(store)])
    {
        let Ok(data) = fs::metadata(&path) else { continue };
        let file = File::options()
            .write(true)
            .open(&path)
            .map_err(fault("open", &path))?;
        let zeros = vec![0; data.len() as usize];
        (&file)
            .write_all(&zeros)
            .and_then(|()| file.sync_all())
            .map_err(fault("overwrite", &path))?;
        fs::remove_file(&path).map_err(fault("remove", &path))?;
        path.parent().map_or(Ok(()), files::sync_folder)?;
    }
    Ok(())
}
