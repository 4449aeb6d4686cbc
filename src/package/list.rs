//! What a folder of installed models says: which package is current, which was before it, which failed.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{PackageError, read_file};

/// The list's file.
pub(super) const LIST: &str = "installed.json";
const MAX_LIST_BYTES: u64 = 64 << 10;

/// An installed package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// SHA-256 of the package, in hexadecimal; its file's name.
    pub package: Id,
    /// The model's name.
    pub name: String,
    /// The model's version.
    pub version: String,
    /// SHA-256 of the model, as in records.
    pub model: String,
    /// When it was installed.
    pub installed: DateTime<Utc>,
}

impl Entry {
    /// Where the package lies.
    pub fn path_in(&self, folder: &Path) -> PathBuf {
        folder.join(&self.package.0).with_added_extension("tar")
    }
}

/// SHA-256 in lower-case hexadecimal, which cannot lead out of the folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Id(String);

impl Id {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(crate::hex(&Sha256::digest(bytes)))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Id {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let hexadecimal = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() == 64 && text.bytes().all(hexadecimal) {
            Ok(Self(text))
        } else {
            Err("expected 64 hexadecimal digits")
        }
    }
}

impl From<Id> for String {
    fn from(id: Id) -> Self {
        id.0
    }
}

/// A package that was current until it failed its self-test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The package.
    #[serde(flatten)]
    pub entry: Entry,
    /// Why.
    pub reason: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Entry { name, version, .. } = &self.entry;
        write!(
            f,
            "{name} {version} failed its self-test and was rolled back: {}",
            self.reason
        )
    }
}

/// What the folder says. No package means the shipped model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installed {
    /// What runs.
    pub current: Option<Entry>,
    /// What ran before, for a rollback.
    pub previous: Option<Entry>,
    /// What failed since the last install or rollback by hand.
    pub refused: Vec<Refused>,
}

impl Installed {
    /// After the current package failed.
    pub(super) fn without_current(self, reason: &str) -> Self {
        let mut refused = self.refused;
        let reason = reason.to_owned();
        refused.extend(self.current.map(|entry| Refused { entry, reason }));
        Self {
            current: self.previous,
            previous: None,
            refused,
        }
    }

    pub(super) fn notice(&self) -> Option<String> {
        let said: Vec<String> = self.refused.iter().map(Refused::to_string).collect();
        (!said.is_empty()).then(|| said.join("; "))
    }

    pub(super) fn names(&self, id: &Id) -> bool {
        [&self.current, &self.previous]
            .into_iter()
            .flatten()
            .any(|entry| entry.package == *id)
    }
}

/// What `folder` says is installed; nothing where there is no such folder.
///
/// # Errors
/// [`PackageError::Read`], [`PackageError::List`].
pub fn read_list(folder: &Path) -> Result<Installed, PackageError> {
    let path = folder.join(LIST);
    match read_file(&path, MAX_LIST_BYTES) {
        Err(PackageError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Ok(Installed::default())
        }
        read => serde_json::from_slice(&read?).map_err(|source| PackageError::List { path, source }),
    }
}
