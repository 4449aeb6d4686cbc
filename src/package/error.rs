//! What can go wrong with a model package, in words for whoever must put it right.

use std::io;
use std::path::{Path, PathBuf};

use crate::infer::ModelError;

/// Why a package was not verified, installed or run.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// A file of whoever calls cannot be read.
    #[error("cannot read {}; check the path and its permissions", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A file is larger than it may be. It was not read to its end.
    #[error("{} has more than {most} bytes: no package or part of one is that large", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most that it may have.
        most: u64,
    },
    /// Nobody is trusted.
    #[error(
        "no key is trusted here, so no package can be: name the public key of whoever signs your models with --key FILE, \
         or in the config as trusted_keys under [model]"
    )]
    NoKey,
    /// A key is none.
    #[error(
        "{what} is not a minisign public key: expected the .pub file of `minisign -G`, or its second line"
    )]
    Key {
        /// The file or the text.
        what: String,
    },
    /// There is no signature beside the package.
    #[error(
        "{} has no signature: expected {} beside it; ask whoever made the package for both files",
        path.display(), super::signature_of(path).display()
    )]
    Unsigned {
        /// The package.
        path: PathBuf,
    },
    /// The signature does not hold.
    #[error("the signature of {} does not hold: {reason}", path.display())]
    Signature {
        /// The package.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// The signature holds, but this is not what `sonograde model pack` makes.
    #[error("{} is not a model package: {reason}; `sonograde model pack` makes one (models/README.md)", path.display())]
    Foreign {
        /// The package.
        path: PathBuf,
        /// Where and how.
        reason: String,
    },
    /// The model cannot be used.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The model gives other results here than where it was made.
    #[error(
        "{} fails its golden vectors on this box: {reason}; do not use it here, and ask whoever made it",
        path.display()
    )]
    Golden {
        /// The package.
        path: PathBuf,
        /// Which picture, what was given, what was expected.
        reason: String,
    },
    /// An installed package is not the one that was installed.
    #[error("{} is damaged: its SHA-256 is not its name; install it again", path.display())]
    Damaged {
        /// The package.
        path: PathBuf,
    },
    /// The list of installed packages is damaged.
    #[error("{} is damaged: remove it and install again", path.display())]
    List {
        /// The list.
        path: PathBuf,
        /// Where.
        source: serde_json::Error,
    },
    /// There is nothing to go back to.
    #[error("nothing is installed in {}: the shipped model runs already", .0.display())]
    NothingInstalled(PathBuf),
    /// The folder of installed packages, or the package that is made, cannot be written.
    #[error("cannot {what} {}: check that the disk is there, has space and may be written by this user", path.display())]
    Write {
        /// What was tried.
        what: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// An error of writing, ready for `map_err`.
pub(super) fn fault(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> PackageError {
    let path = path.to_owned();
    move |source| PackageError::Write { what, path, source }
}
