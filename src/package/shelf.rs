//! The folder of installed models.
//!
//! ```text
//! DIR/lock                                    held while the folder is changed or settled on
//! DIR/installed.json                          which package is current, which was before it
//! DIR/<SHA-256 of the package>.tar            as it was signed
//! DIR/<SHA-256 of the package>.tar.minisig
//! ```
//!
//! A package is written under the hash of its content and made durable before `installed.json` names it, and that file
//! is replaced by a rename: at any moment, whatever happens, the folder names one whole choice. Packages stay as they
//! were signed, so that each start verifies them again and anyone can with `minisign -V`. Where nothing is named the
//! shipped model runs.

use std::fmt;
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::fault;
use super::{InService, Keys, PackageError, Proven, Signed, read_file, signature_of};

const LIST: &str = "installed.json";
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
    fn of(bytes: &[u8]) -> Self {
        Self(crate::hex(&Sha256::digest(bytes)))
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
    fn without_current(self, reason: &str) -> Self {
        let mut refused = self.refused;
        let reason = reason.to_owned();
        refused.extend(self.current.map(|entry| Refused { entry, reason }));
        Self {
            current: self.previous,
            previous: None,
            refused,
        }
    }

    fn notice(&self) -> Option<String> {
        let said: Vec<String> = self.refused.iter().map(Refused::to_string).collect();
        (!said.is_empty()).then(|| said.join("; "))
    }

    fn names(&self, id: &Id) -> bool {
        [&self.current, &self.previous]
            .into_iter()
            .flatten()
            .any(|entry| entry.package == *id)
    }
}

/// A folder of installed models, and whose packages it takes.
#[derive(Clone, Debug)]
pub struct Shelf {
    folder: PathBuf,
    keys: Keys,
}

impl Shelf {
    /// The folder need not exist yet.
    pub fn new(folder: PathBuf, keys: Keys) -> Self {
        Self { folder, keys }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whose packages it takes.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Verifies the package `file` and makes it the current one. The one before stays for a rollback, older ones go.
    ///
    /// # Errors
    /// [`PackageError`]; nothing was changed, unless it is [`PackageError::Write`].
    pub fn install(&self, file: &Path) -> Result<Entry, PackageError> {
        let signed = Signed::read(file, &self.keys)?;
        let proven = signed.package()?.prove()?;
        self.create()?;
        let _lock = self.lock()?;
        let before = read_list(&self.folder)?;
        let entry = Entry {
            package: Id::of(&signed.bytes),
            name: proven.model.identity().name.clone(),
            version: proven.model.identity().version.clone(),
            model: proven.model.identity().sha256.clone(),
            installed: Utc::now(),
        };
        let path = entry.path_in(&self.folder);
        self.write(&signature_of(&path), &signed.signature)?;
        self.write(&path, &signed.bytes)?;
        let same = before
            .current
            .as_ref()
            .is_some_and(|old| old.package == entry.package);
        let after = Installed {
            previous: if same { before.previous } else { before.current },
            current: Some(entry.clone()),
            refused: Vec::new(),
        };
        self.write_list(&after)?;
        self.tidy(&after);
        tracing::info!(
            package = entry.package.0,
            model = entry.model,
            "installed {} {}",
            entry.name,
            entry.version
        );
        Ok(entry)
    }

    /// Makes the previous package the current one, if it still passes; the two change places. `None` is the shipped one.
    ///
    /// # Errors
    /// [`PackageError`]; nothing was changed.
    pub fn rollback(&self) -> Result<Option<Entry>, PackageError> {
        let before = read_list(&self.folder)?;
        if before.current.is_none() && before.previous.is_none() {
            return Err(PackageError::NothingInstalled(self.folder.clone()));
        }
        let _lock = self.lock()?;
        let before = read_list(&self.folder)?;
        match &before.previous {
            Some(entry) => drop(self.prove(entry)?),
            None => drop(InService::shipped()?),
        }
        let after = Installed {
            current: before.previous,
            previous: before.current,
            refused: Vec::new(),
        };
        self.write_list(&after)?;
        let name = after.current.as_ref().map_or("the shipped model".into(), |e| {
            format!("{} {}", e.name, e.version)
        });
        tracing::info!("rolled back to {name}");
        Ok(after.current)
    }

    /// Loads the current model if it passes its self-test, else the one before it, else the shipped one, and writes down
    /// which failed and why. Gives also what the folder said, and what it says now if it could be written.
    fn settle(&self) -> Result<(InService, [Installed; 2]), PackageError> {
        let _lock = self.folder.is_dir().then(|| self.lock());
        let before = match read_list(&self.folder) {
            Ok(installed) => installed,
            Err(error) => {
                let reason = crate::one_line(&error);
                tracing::error!("the installed model cannot be told, the shipped one runs: {reason}");
                let in_service = InService {
                    notice: Some(reason),
                    ..InService::shipped()?
                };
                return Ok((in_service, Default::default()));
            }
        };
        let mut after = before.clone();
        let in_service = loop {
            let Some(entry) = &after.current else {
                break InService::shipped()?;
            };
            match self.prove(entry) {
                Ok(proven) => {
                    break InService {
                        model: proven.model,
                        from: "installed".into(),
                        notice: None,
                    };
                }
                Err(error) => {
                    let reason = crate::one_line(&error);
                    tracing::error!("{} {} is rolled back: {reason}", entry.name, entry.version);
                    after = after.without_current(&reason);
                }
            }
        };
        if after != before
            && let Err(error) = self.write_list(&after)
        {
            tracing::warn!("the rollback is not written down: {}", crate::one_line(&error));
        }
        let in_service = InService {
            notice: after.notice(),
            ..in_service
        };
        Ok((in_service, [before, after]))
    }

    /// Settles on a model, and on others as the folder changes.
    pub fn watch(self) -> Watch {
        Watch {
            shelf: self,
            seen: Default::default(),
        }
    }

    fn prove(&self, entry: &Entry) -> Result<Proven, PackageError> {
        let path = entry.path_in(&self.folder);
        let signed = Signed::read(&path, &self.keys)?;
        if Id::of(&signed.bytes) != entry.package {
            return Err(PackageError::Damaged { path });
        }
        signed.package()?.prove()
    }

    fn lock(&self) -> Result<File, PackageError> {
        let path = self.folder.join("lock");
        // Whoever may read the folder may lock it: the daemon need not own it.
        let lock = File::open(&path).or_else(|_| File::create(&path));
        let locked = lock.and_then(|lock| lock.lock().map(|()| lock));
        locked.map_err(fault("lock", &path))
    }

    fn create(&self) -> Result<(), PackageError> {
        if self.folder.is_dir() {
            return Ok(());
        }
        let parent = self.folder.parent().filter(|p| !p.as_os_str().is_empty());
        let made = fs::create_dir_all(&self.folder)
            .and_then(|()| File::open(parent.unwrap_or(Path::new(".")))?.sync_all());
        made.map_err(fault("create the folder", &self.folder))
    }

    fn write_list(&self, installed: &Installed) -> Result<(), PackageError> {
        let json = serde_json::to_vec_pretty(installed).expect("a list has only string keys");
        self.write(&self.folder.join(LIST), &json)
    }

    /// Writes a file so that it is whole and durable when this returns, and at no time half there.
    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), PackageError> {
        let written = || -> io::Result<()> {
            let mut part = tempfile::Builder::new()
                .prefix("part-")
                .permissions(Permissions::from_mode(0o644))
                .tempfile_in(&self.folder)?;
            part.write_all(bytes)?;
            part.as_file().sync_all()?;
            part.persist(path)?;
            File::open(&self.folder)?.sync_all()
        };
        written().map_err(fault("write", path))
    }

    /// Removes packages that are not named any more. What cannot be removed costs space, nothing else.
    fn tidy(&self, installed: &Installed) {
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let stem = name
                .strip_suffix(".minisig")
                .unwrap_or(&name)
                .strip_suffix(".tar");
            let id = stem.and_then(|stem| Id::try_from(stem.to_owned()).ok());
            if id.is_some_and(|id| !installed.names(&id))
                && let Err(error) = fs::remove_file(entry.path())
            {
                tracing::warn!("cannot remove {}: {error}", entry.path().display());
            }
        }
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

/// Sees when another model was installed or rolled back to.
pub struct Watch {
    shelf: Shelf,
    /// What the folder said when it was settled on, and after.
    seen: [Installed; 2],
}

impl Watch {
    /// The model to run from now on: the current one if it passes its self-test, else the one before it, else the shipped
    /// one. What failed is logged, written down and said in the notice.
    ///
    /// # Errors
    /// [`PackageError`] if not even the shipped model passes.
    pub fn settle(&mut self) -> Result<InService, PackageError> {
        let (in_service, seen) = self.shelf.settle()?;
        self.seen = seen;
        Ok(in_service)
    }

    /// [`Self::settle`] if the folder says something else than then. A list that cannot be read just now is no news.
    pub fn news(&mut self) -> Option<Result<InService, PackageError>> {
        let now = read_list(&self.shelf.folder).ok()?;
        (!self.seen.contains(&now)).then(|| self.settle())
    }
}
