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

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use chrono::Utc;

use super::error::fault;
use super::list::{Entry, Id, Installed, LIST, read_list};
use super::{InService, Keys, PackageError, Proven, Signed, signature_of};
use crate::infer::Runtime;

/// How the name of a file begins that is being written.
const PART: &str = "part-";

/// A folder of installed models, whose packages it takes, and what runs them.
#[derive(Clone, Debug)]
pub struct Shelf {
    folder: PathBuf,
    keys: Keys,
    runtime: Runtime,
}

impl Shelf {
    /// The folder need not exist yet.
    pub fn new(folder: PathBuf, keys: Keys, runtime: Runtime) -> Self {
        Self {
            folder,
            keys,
            runtime,
        }
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
        let proven = signed.package()?.prove(self.runtime)?;
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
            package = %entry.package,
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
            None => drop(InService::shipped(self.runtime)?),
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
                    ..InService::shipped(self.runtime)?
                };
                return Ok((in_service, Default::default()));
            }
        };
        let mut after = before.clone();
        let in_service = loop {
            let Some(entry) = &after.current else {
                break InService::shipped(self.runtime)?;
            };
            match self.prove(entry) {
                Ok(proven) => break InService::proven(proven, "installed"),
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
        signed.package()?.prove(self.runtime)
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
                .prefix(PART)
                .permissions(Permissions::from_mode(0o644))
                .tempfile_in(&self.folder)?;
            part.write_all(bytes)?;
            part.as_file().sync_all()?;
            part.persist(path)?;
            File::open(&self.folder)?.sync_all()
        };
        written().map_err(fault("write", path))
    }

    /// Removes packages that are not named any more, and what a power cut left half written. What cannot be removed costs
    /// space, nothing else.
    fn tidy(&self, installed: &Installed) {
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let stem = name
                .strip_suffix(".minisig")
                .unwrap_or(&name)
                .strip_suffix(".tar");
            let id = stem.and_then(|stem| Id::try_from(stem.to_owned()).ok());
            let unfinished = name.starts_with(PART);
            if (unfinished || id.is_some_and(|id| !installed.names(&id)))
                && let Err(error) = fs::remove_file(entry.path())
            {
                tracing::warn!("cannot remove {}: {error}", entry.path().display());
            }
        }
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
