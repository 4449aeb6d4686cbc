//! What can go wrong with the trail, in words for whoever must put it right.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// An error of the audit trail.
#[derive(Debug, Error)]
pub enum AuditError {
    /// A file or folder of the trail could not be made, read or written.
    #[error("cannot {what} {}: check that the disk is there, has space and may be written by this user", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// There is no trail.
    #[error("there is no audit trail in {}: name the folder that `run` or `demo` writes with --store", .0.display())]
    None(PathBuf),
    /// An event does not fit into a record.
    #[error("a record of {length} bytes is longer than {longest}: shorten the path in it")]
    TooLong {
        /// Its length.
        length: usize,
        /// The longest.
        longest: usize,
    },
    /// The trail is not what was written.
    #[error("the audit trail in {} is not what was written: {faults} faults", dir.display())]
    Broken {
        /// The trail's folder.
        dir: PathBuf,
        /// How many.
        faults: usize,
    },
    /// The trail cannot be printed.
    #[error("cannot print")]
    Print(#[source] io::Error),
}

/// An error about a file, ready for `map_err`.
pub(super) fn fault(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> AuditError {
    let path = path.to_owned();
    move |source| AuditError::File { what, path, source }
}
