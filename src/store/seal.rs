//! How what lies on the disk is encrypted: ChaCha20-Poly1305 (RFC 8439) under the store's data key, which `keys.rs` keeps.
//!
//! | | bytes | bound to |
//! |---|---|---|
//! | a record | version 2 (1), nonce (12), ciphertext, tag (16) | its tree and key |
//! | a file of an exam | [`MAGIC`] (8), nonce (12), ciphertext, tag (16) | the exam's id and the file's name |
//!
//! What is bound is authenticated: a record or file in another's place is as damaged as one with a flipped bit. The tag
//! takes the place of the envelope's checksum. Keys of records, names, sizes and times of files, the tree `meta` and the
//! file `commits` are not encrypted: who has the disk without a key learns when exams were, how long, and where they went.
//!
//! No I/O but that of the three functions for files.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, Nonce};

use super::{StoreError, codec, files};

/// A key.
pub(super) type Key = [u8; 32];

/// The first byte of an encrypted record; a plain one begins with [`codec`]'s.
const VERSION: u8 = 2;
/// The first bytes of an encrypted file.
const MAGIC: &[u8; 8] = b"SONOSEAL";
const NONCE: usize = 12;

/// What seals and opens; nothing of both where the store is not encrypted.
#[derive(Clone)]
pub(super) struct Seal(Option<Arc<Cipher>>);

/// A key in use. No nonce comes twice: they count up from a place among 2^96 that is drawn whenever the store is opened.
pub(super) struct Cipher {
    aead: ChaCha20Poly1305,
    salt: [u8; NONCE - 8],
    next: AtomicU64,
}

impl Cipher {
    pub fn new(key: &Key) -> Result<Self, StoreError> {
        let drawn: [u8; NONCE] = random()?;
        let (salt, next) = drawn.split_last_chunk::<8>().expect("twelve are more than eight");
        Ok(Self {
            aead: ChaCha20Poly1305::new(key.into()),
            salt: salt.try_into().expect("twelve less eight are four"),
            next: AtomicU64::new(u64::from_le_bytes(*next)),
        })
    }

    /// Nonce, ciphertext and tag after `head`.
    pub fn encrypt(&self, head: &[u8], aad: &[u8], msg: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE];
        nonce[..4].copy_from_slice(&self.salt);
        nonce[4..].copy_from_slice(&self.next.fetch_add(1, Ordering::Relaxed).to_le_bytes());
        let sealed = self.aead.encrypt(&Nonce::from(nonce), Payload { msg, aad });
        let sealed = sealed.expect("nothing here is 256 GiB long");
        [head, &nonce, &sealed].concat()
    }

    /// What [`Cipher::encrypt`] was given, from what it made without `head`; none if that is changed, bound to something
    /// else, or under another key.
    pub fn decrypt(&self, aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, msg) = sealed.split_first_chunk::<NONCE>()?;
        self.aead.decrypt(&Nonce::from(*nonce), Payload { msg, aad }).ok()
    }
}

/// Random bytes of the system's.
pub(super) fn random<const N: usize>() -> Result<[u8; N], StoreError> {
    let mut bytes = [0; N];
    let drawn = getrandom::fill(&mut bytes).map_err(std::io::Error::from);
    drawn.map_err(files::fault(
        "read random numbers from",
        Path::new("/dev/urandom"),
    ))?;
    Ok(bytes)
}

impl Seal {
    /// Of a store that is not encrypted.
    pub fn off() -> Self {
        Self(None)
    }

    /// Of a store with this data key.
    pub fn of(key: &Key) -> Result<Self, StoreError> {
        Ok(Self(Some(Arc::new(Cipher::new(key)?))))
    }

    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// The record of `body` at `key` of the tree `tree`.
    pub fn record(&self, tree: &str, key: &[u8], body: &[u8]) -> Vec<u8> {
        match &self.0 {
            Some(cipher) => cipher.encrypt(&[VERSION], &bound(tree.as_bytes(), key), body),
            None => codec::seal(key, body),
        }
    }

    /// The body of the record at `key` of the tree `tree`, or what was expected there.
    pub fn open<'a>(&self, tree: &str, key: &[u8], bytes: &'a [u8]) -> Result<Cow<'a, [u8]>, String> {
        let Some(cipher) = &self.0 else {
            return codec::unseal(key, bytes).map(Cow::Borrowed);
        };
        let opened = match bytes.split_first() {
            Some((&VERSION, sealed)) => cipher.decrypt(&bound(tree.as_bytes(), key), sealed),
            _ => None,
        };
        opened.map(Cow::Owned).ok_or_else(|| {
            format!(
                "a record that was encrypted for this place, found {} bytes that do not open",
                bytes.len()
            )
        })
    }

    /// Writes a file of an exam's folder, whole and durable.
    pub fn write_file(&self, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        match &self.0 {
            Some(cipher) => files::write_whole(path, &cipher.encrypt(MAGIC, &place(path), bytes)),
            None => files::write_whole(path, bytes),
        }
    }

    /// Reads a file of an exam's folder. One that is not encrypted is read as it is: it may be from before.
    pub fn read_file(&self, path: &Path) -> Result<Vec<u8>, StoreError> {
        let bytes = files::read_whole(path)?;
        let Some(sealed) = bytes.strip_prefix(MAGIC) else {
            return Ok(bytes);
        };
        let Some(cipher) = &self.0 else {
            return Err(StoreError::NoKey(path.to_owned()));
        };
        cipher
            .decrypt(&place(path), sealed)
            .ok_or_else(|| StoreError::DamagedFile {
                path: path.to_owned(),
                expected: String::from("a file that was encrypted for this place"),
            })
    }

    /// Whether a file of an exam's folder still has to be encrypted.
    pub fn lacks(&self, path: &Path) -> bool {
        let head = || {
            let mut head = Vec::new();
            File::open(path)?
                .take(MAGIC.len() as u64)
                .read_to_end(&mut head)?;
            Ok::<_, std::io::Error>(head)
        };
        self.is_on() && head().is_ok_and(|head| head != MAGIC)
    }
}

/// What a record or file is bound to; the first is never part of the second.
fn bound(first: &[u8], second: &[u8]) -> Vec<u8> {
    [first, b"\0", second].concat()
}

/// The exam's id and the file's name in the path of a file.
fn place(path: &Path) -> Vec<u8> {
    let exam = path.parent().and_then(Path::file_name).unwrap_or_default();
    let name = path.file_name().unwrap_or_default();
    bound(exam.as_encoded_bytes(), name.as_encoded_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal() -> Seal {
        Seal::of(&[7; 32]).expect("random numbers")
    }

    #[test]
    fn a_record_opens_in_its_place_alone_and_no_changed_byte_passes() {
        let seal = seal();
        let record = seal.record("frames", b"key", b"body");
        assert_eq!(record.len(), 4 + 29);
        assert_eq!(
            seal.open("frames", b"key", &record).expect("its place"),
            &b"body"[..]
        );
        assert!(seal.open("exams", b"key", &record).is_err());
        assert!(seal.open("frames", b"kez", &record).is_err());
        let other = Seal::of(&[8; 32]).expect("random numbers");
        assert!(other.open("frames", b"key", &record).is_err());
        for at in 0..record.len() {
            let mut changed = record.clone();
            changed[at] ^= 1;
            assert!(seal.open("frames", b"key", &changed).is_err(), "byte {at}");
            assert!(seal.open("frames", b"key", &record[..at]).is_err(), "cut to {at}");
        }
        assert!(
            seal.open("frames", b"key", &codec::seal(b"key", b"body"))
                .is_err(),
            "a plain record"
        );
        assert_ne!(seal.record("frames", b"key", b"body"), record, "another nonce");
    }

    #[test]
    fn a_file_opens_under_its_name_alone_and_one_from_before_as_it_is() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let (path, other) = (dir.path().join("exam.json"), dir.path().join("frames.csv"));
        let seal = seal();
        files::write_whole(&path, b"plain").expect("a writable folder");
        assert_eq!(seal.read_file(&path).expect("from before"), b"plain");
        assert!(seal.lacks(&path));
        seal.write_file(&path, b"words").expect("a writable folder");
        assert_eq!(seal.read_file(&path).expect("its name"), b"words");
        assert!(!seal.lacks(&path));
        assert!(matches!(Seal::off().read_file(&path), Err(StoreError::NoKey(_))));
        std::fs::copy(&path, &other).expect("a writable folder");
        assert!(matches!(
            seal.read_file(&other),
            Err(StoreError::DamagedFile { .. })
        ));
    }
}
