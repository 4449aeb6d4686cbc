//! What can go wrong in the store, in words for whoever must put it right.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

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
    #[error(
        "the database {} will not open: set that folder aside (rename it) and start again; the pictures in exams/ stay",
        dir.display()
    )]
    Open {
        /// sled's folder.
        dir: PathBuf,
        /// What sled said.
        source: SledFault,
    },
    /// sled opened without records that had been made durable.
    #[error(
        "the database {} lost its newest records: it holds commits up to {found}, {known} were made. Check the disk; \
         set that folder aside (rename it), or remove {} to go on with what is left",
        dir.join("sled").display(), dir.join("commits").display()
    )]
    Shortened {
        /// The store's folder.
        dir: PathBuf,
        /// The last commit that sled knows.
        found: u64,
        /// The last commit that was made.
        known: u64,
    },
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
    /// The thread that writes is gone.
    #[error("the store thread ended unexpectedly: restart the program; what was reported saved is saved")]
    WriterGone,
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
