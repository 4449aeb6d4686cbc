//! What can go wrong in the store, in words for whoever must put it right.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::Delivery;

/// An error of the store.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Another process, or another [`Store`](super::Store) of this one, has the folder.
    #[error(
        "the store {} is in use by another sonograde: stop that one first, or name another folder with --store",
        dir.display()
    )]
    InUse {
        /// The store's folder.
        dir: PathBuf,
    },
    /// A file or folder beside sled could not be made, read or written.
    #[error("cannot {what} {}: check that the disk is there, has space and may be written by this user", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The store was written by a newer program.
    #[error("the store {} has schema {found}, this program knows schemas up to {known}: run the newer program", dir.display())]
    Newer {
        /// The store's folder.
        dir: PathBuf,
        /// The schema found there.
        found: u64,
        /// The newest schema that this program knows.
        known: u64,
    },
    /// sled will not open.
    #[error("the database {} will not open", dir.display())]
    Open {
        /// sled's folder.
        dir: PathBuf,
        /// What sled said.
        source: SledFault,
    },
    /// sled opened without records that had been made durable.
    #[error(
        "the database {} lost its newest records: it holds commits up to {found}, {known} were made",
        dir.join("sled").display()
    )]
    Shortened {
        /// The store's folder.
        dir: PathBuf,
        /// The last commit that sled knows.
        found: u64,
        /// The last commit that was made.
        known: u64,
    },
    /// The database is not open: it could not be opened again after an error.
    #[error("the database of the store {} is not open at the moment: it is being made anew, or the disk failed", .0.display())]
    Closed(PathBuf),
    /// sled failed while it was open.
    #[error("cannot {what} in the database {}", dir.display())]
    Sled {
        /// What was tried.
        what: &'static str,
        /// sled's folder.
        dir: PathBuf,
        /// What sled said.
        source: SledFault,
    },
    /// A record is not what was written.
    #[error("damaged record in `{tree}` at {key}: expected {expected}")]
    Corrupt {
        /// The tree it lies in.
        tree: &'static str,
        /// Its key, as text.
        key: String,
        /// What should have been there.
        expected: String,
    },
    /// A file of an exam's folder is not what was written.
    #[error("damaged file {}: expected {expected}", path.display())]
    DamagedFile {
        /// The file.
        path: PathBuf,
        /// What should have been there.
        expected: String,
    },
    /// The caller gave something that no record can hold.
    #[error("{what} cannot be stored: expected {expected}")]
    Unstorable {
        /// What it is.
        what: String,
        /// What a record can hold.
        expected: String,
    },
    /// An exam begins under a name that is taken.
    #[error("exam {id} is in the store already: each exam needs an id of its own")]
    Taken {
        /// The exam's id.
        id: String,
    },
    /// A frame or a picture came before its exam.
    #[error("{what} belongs to no exam: an exam has to begin before its frames")]
    NoExam {
        /// What came.
        what: String,
    },
    /// A delivery changes that is not in the outbox.
    #[error("there is no delivery of {} of exam {} to {}", .0.address.object, .0.exam, .0.address.destination)]
    NoDelivery(Box<Delivery>),
    /// The file of the outer key cannot be read.
    #[error(
        "cannot read the key {} of the store: put it back, or name another with [store] key or --key; nothing was changed",
        path.display()
    )]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file of the outer key holds no key.
    #[error(
        "{} is no key of a store: expected 32 bytes, found {found}; `head -c 32 /dev/urandom > FILE` makes one for a new store",
        path.display()
    )]
    NotAKey {
        /// The file.
        path: PathBuf,
        /// Its length in bytes.
        found: usize,
    },
    /// The outer key opens neither copy of the data key.
    #[error(
        "the key {} does not open the store {}: put back the key that it was made with, or name it with [store] key or --key; \
         nothing was changed",
        key.display(),
        store.display()
    )]
    WrongKey {
        /// The store's folder.
        store: PathBuf,
        /// The file of the key that was tried.
        key: PathBuf,
    },
    /// Something is encrypted, and the store's data key is gone.
    #[error(
        "{} is encrypted and the store has no `key.1` or `key.2` any more: put one back; without them nothing can be read, and \
         `sonograde store wipe` removes the rest",
        .0.display()
    )]
    NoKey(PathBuf),
    /// The store is encrypted and the config says that it is not to be.
    #[error(
        "the store {} is encrypted, and [store] encryption is off: leave that away, or name another folder as [store] path",
        .0.display()
    )]
    Encrypted(PathBuf),
    /// The store is not encrypted and was expected to be.
    #[error("the store {} is not encrypted: `sonograde run` encrypts it unless [store] encryption is off", .0.display())]
    NotEncrypted(PathBuf),
    /// The outer key is not the one beside the store, so it is not ours to replace.
    #[error("the key {} is not this program's to replace: name the new one with --new-key", .0.display())]
    KeyNotOurs(PathBuf),
    /// The store was being wiped.
    #[error("the store {} was being wiped: run `sonograde store wipe` again to finish it", .0.display())]
    Wiped(PathBuf),
    /// The thread that writes is gone.
    #[error("the store thread ended unexpectedly: restart the program; what was reported saved is saved")]
    WriterGone,
}

impl StoreError {
    /// Whether the database is damaged, so that it has to be made anew from the exams' folders.
    pub(super) fn is_damage(&self) -> bool {
        match self {
            Self::Open { .. } | Self::Shortened { .. } | Self::Corrupt { tree: "meta", .. } => true,
            // What the disk refuses has a number, and is not the database's fault.
            Self::Sled { source, .. } => {
                !matches!(source, SledFault::Error(sled::Error::Io(error)) if error.raw_os_error().is_some())
            }
            _ => false,
        }
    }

    /// Whether the file that the error is about is not there.
    pub(super) fn is_missing_file(&self) -> bool {
        matches!(self, Self::File { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// What sled answered: an error of its own, or a panic, which it does on some damaged files.
#[derive(Debug, Error)]
pub enum SledFault {
    /// An error.
    #[error("{0}")]
    Error(sled::Error),
    /// A panic, caught.
    #[error("it panicked: {0}")]
    Panic(String),
}
