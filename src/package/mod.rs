//! Models in service: one signed file that holds a model, its card and its golden vectors, and the folder in which
//! the installed ones lie. `models/README.md` is the format's contract.
//!
//! Owning thread: whoever calls; in the daemon the one that looks for new models. A package is verified in the order of
//! trust: signature over the whole file, then its members, then the model's contract, then its golden vectors on this
//! very box and engine. Nothing of it is believed before the step that checks it.
//!
//! Deliberately not here: signing (minisign does it), fetching, and the decision when a running daemon changes its model.

mod archive;
mod error;
mod golden;
mod keys;
mod list;
mod shelf;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use archive::is_archive;
pub use error::PackageError;
pub use golden::Differences;
pub use keys::Keys;
pub use list::{Entry, Id, Installed, Refused, read_list};
pub use shelf::{Shelf, Watch};

use crate::infer::{Model, Runtime, shipped_file};
use archive::Parts;
use golden::Golden;

/// Larger packages are refused before they are read to their end: the largest model and 16 MiB for the rest.
pub const MAX_BYTES: u64 = 80 << 20;

/// A package in memory, of which nothing but the form was checked.
pub struct Package<'a> {
    path: PathBuf,
    parts: Parts<'a>,
    golden: Golden,
}

/// A package whose model keeps the contract and gives its golden vectors on this box.
pub struct Proven {
    /// Ready to run.
    pub model: Model,
    /// How near it came.
    pub differences: Differences,
    /// The model card, markdown.
    pub card: Arc<str>,
}

/// The model that runs, and why this one.
pub struct InService {
    /// The model.
    pub model: Model,
    /// Where it is from: `shipped`, `installed`, or a file.
    pub from: String,
    /// What people must know about the choice; absent if there is nothing.
    pub notice: Option<String>,
    /// The model card, markdown; a plain file has none.
    pub card: Option<Arc<str>>,
}

impl InService {
    /// The shipped model, if it gives its golden vectors on this box.
    ///
    /// # Errors
    /// [`PackageError`]: this box or this program is broken.
    pub fn shipped(runtime: Runtime) -> Result<Self, PackageError> {
        Ok(Self::proven(Package::shipped()?.prove(runtime)?, "shipped"))
    }

    /// A plain ONNX file.
    ///
    /// # Errors
    /// [`PackageError::Model`].
    pub fn file(path: &Path, runtime: Runtime) -> Result<Self, PackageError> {
        Ok(Self {
            model: Model::open(Some(path), runtime)?,
            from: path.display().to_string(),
            notice: None,
            card: None,
        })
    }

    /// The model of a package.
    fn proven(proven: Proven, from: &str) -> Self {
        Self {
            model: proven.model,
            from: from.into(),
            notice: None,
            card: Some(proven.card),
        }
    }
}

impl<'a> Package<'a> {
    /// Reads a package. Its signature is not looked at: [`Signed::read`] does that.
    ///
    /// # Errors
    /// [`PackageError::Foreign`].
    pub fn read(bytes: &'a [u8], path: &Path) -> Result<Self, PackageError> {
        Self::of(archive::read(bytes), path)
    }

    fn of(parts: Result<Parts<'a>, String>, path: &Path) -> Result<Self, PackageError> {
        let read = parts.and_then(|parts| {
            let golden = Golden::read(parts.golden)?;
            golden.fits(&parts).map(|()| (parts, golden))
        });
        match read {
            Ok((parts, golden)) => Ok(Self {
                path: path.into(),
                parts,
                golden,
            }),
            Err(reason) => Err(PackageError::Foreign {
                path: path.into(),
                reason,
            }),
        }
    }

    /// What ships with the program: its model, card and golden vectors.
    ///
    /// # Errors
    /// Never for a program that passed its tests.
    pub fn shipped() -> Result<Package<'static>, PackageError> {
        Package::of(Ok(shipped()), Path::new("the shipped model"))
    }

    /// Loads the model; how long that took: contract, optimising for this machine, one run.
    ///
    /// # Errors
    /// [`PackageError::Model`].
    pub fn load(&self, runtime: Runtime) -> Result<(Model, Duration), PackageError> {
        let start = Instant::now();
        let model = Model::from_bytes(&self.parts.model, &self.path, runtime)?;
        Ok((model, start.elapsed()))
    }

    /// Loads the model and runs its golden vectors.
    ///
    /// # Errors
    /// [`PackageError::Model`], [`PackageError::Golden`].
    pub fn prove(&self, runtime: Runtime) -> Result<Proven, PackageError> {
        let (model, _) = self.load(runtime)?;
        let golden = |reason| PackageError::Golden {
            path: self.path.clone(),
            reason,
        };
        let differences = self.golden.prove(&self.parts, &model).map_err(golden)?;
        Ok(Proven {
            model,
            differences,
            card: self.card().into(),
        })
    }

    /// Size of the ONNX file.
    pub fn model_bytes(&self) -> usize {
        self.parts.model.len()
    }

    /// The model card, markdown.
    pub fn card(&self) -> &str {
        self.parts.card
    }

    /// The card's section `## Figures`, without its heading; absent if it has none.
    pub fn figures(&self) -> Option<&str> {
        let (_, after) = self.card().split_once("\n## Figures\n")?;
        Some(after.split("\n## ").next().unwrap_or_default().trim())
    }
}

/// A package's file whose signature holds.
pub struct Signed {
    bytes: Vec<u8>,
    signature: Vec<u8>,
    path: PathBuf,
}

impl Signed {
    /// Reads `path` and the signature beside it, and verifies that one of `keys` made it. Nothing is parsed.
    ///
    /// # Errors
    /// [`PackageError`] of reading and of the signature.
    pub fn read(path: &Path, keys: &Keys) -> Result<Self, PackageError> {
        let bytes = read_file(path, MAX_BYTES)?;
        let signature = keys::read_signature(path)?;
        match keys.verify(&bytes, &signature) {
            Ok(()) => Ok(Self {
                bytes,
                signature,
                path: path.into(),
            }),
            Err(reason) => Err(PackageError::Signature {
                path: path.into(),
                reason,
            }),
        }
    }

    /// What it holds.
    ///
    /// # Errors
    /// [`PackageError::Foreign`].
    pub fn package(&self) -> Result<Package<'_>, PackageError> {
        Package::read(&self.bytes, &self.path)
    }
}

/// Makes a package of an ONNX file, a card and a folder with golden vectors, and proves it: the bytes to be signed.
///
/// # Errors
/// [`PackageError`]: what cannot be read, or would be refused when it is installed.
pub fn pack(model: &Path, card: &Path, golden: &Path) -> Result<Vec<u8>, PackageError> {
    let foreign = |path: &Path, reason| PackageError::Foreign {
        path: path.into(),
        reason,
    };
    let list = golden.join("golden.json");
    let (onnx, text, json) = (
        read_file(model, MAX_BYTES)?,
        read_file(card, MAX_BYTES)?,
        read_file(&list, MAX_BYTES)?,
    );
    let mut pictures = BTreeMap::new();
    for name in Golden::read(&json)
        .map_err(|reason| foreign(&list, reason))?
        .pictures()
    {
        pictures.insert(name.to_owned(), read_file(&golden.join(name), MAX_BYTES)?);
    }
    let parts = Parts {
        model: onnx.into(),
        card: std::str::from_utf8(&text).map_err(|_| foreign(card, "it is not UTF-8".into()))?,
        golden: &json,
        pictures: pictures
            .iter()
            .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
            .collect(),
    };
    let bytes = archive::write(&parts).map_err(|e| foreign(model, e.to_string()))?;
    Package::read(&bytes, model)?.prove(Runtime::default())?;
    Ok(bytes)
}

/// Where the signature of a package lies: beside it, as minisign writes it.
pub fn signature_of(package: &Path) -> PathBuf {
    package.with_added_extension("minisig")
}

/// Reads a file of at most `most` bytes.
pub fn read_file(path: &Path, most: u64) -> Result<Vec<u8>, PackageError> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(most + 1).read_to_end(&mut bytes));
    match read {
        Ok(length) if length as u64 <= most => Ok(bytes),
        Ok(_) => Err(PackageError::TooLarge {
            path: path.into(),
            most,
        }),
        Err(source) => Err(PackageError::Read {
            path: path.into(),
            source,
        }),
    }
}

fn shipped() -> Parts<'static> {
    macro_rules! golden {
        ($($name:literal),*) => {
            BTreeMap::from([$(($name, &include_bytes!(concat!("../../models/golden/", $name))[..])),*])
        };
    }
    Parts {
        model: shipped_file().into(),
        card: include_str!("../../models/sonograde-phantom-a0.md"),
        golden: include_bytes!("../../models/golden/golden.json"),
        pictures: golden![
            "0-low.png",
            "1-high.png",
            "2-low.png",
            "3-high.png",
            "4-low.png",
            "5-high.png"
        ],
    }
}
