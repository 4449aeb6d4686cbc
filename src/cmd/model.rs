//! `sonograde model`: model packages, for whoever makes them (`pack`), checks them (`info`, `verify`) and puts them into
//! service (`install`, `list`, `rollback`).
//!
//! Runs on the main thread, beside a running daemon or without one: the daemon sees by itself what changes.

mod info;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use chrono::Utc;
use clap::Subcommand;

use super::{Code, Failure};
use crate::audit::{Actor, Event, Trail};
use crate::config::{self, Config};
use crate::infer::{Model, Runtime};
use crate::package::{self, Keys, Package, PackageError, Proven, Shelf, Signed, signature_of};

/// Shows, verifies, packs and installs models.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// What a model is and how well it does, from its metadata and its card
    Info {
        /// An ONNX file or a package; the installed one of --config or --folder, or the shipped one, if not given
        file: Option<PathBuf>,
        #[command(flatten)]
        place: Place,
    },
    /// Checks signature, contract and golden vectors on this very box; changes nothing
    Verify {
        /// A package; the installed one of --config or --folder, or the shipped one, if not given
        file: Option<PathBuf>,
        #[command(flatten)]
        place: Place,
    },
    /// Makes a package, to be signed with `minisign -S`; the same files give the same bytes
    Pack {
        /// The ONNX file
        #[arg(long, value_name = "FILE")]
        model: PathBuf,
        /// The model card, markdown
        #[arg(long, value_name = "FILE")]
        card: PathBuf,
        /// The folder with golden.json and its pictures
        #[arg(long, value_name = "DIR")]
        golden: PathBuf,
        /// The package to write
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Verifies a package and makes it the model in service from the next exam on
    Install {
        /// The package; its signature lies beside it as FILE.minisig
        file: PathBuf,
        #[command(flatten)]
        place: Place,
    },
    /// What is installed
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Goes back to the model before the current one, if it still passes its self-test
    Rollback {
        #[command(flatten)]
        place: Place,
    },
}

/// Where installed models are, and who is trusted.
#[derive(clap::Args)]
struct Place {
    /// The daemon's config: folder and trusted_keys of its [model] section
    #[arg(long, value_name = "FILE", conflicts_with_all = ["folder", "key"])]
    config: Option<PathBuf>,
    /// The folder of installed models
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// A trusted public key, as a .pub file of minisign; may be given more than once
    #[arg(long, value_name = "FILE")]
    key: Vec<PathBuf>,
}

impl Place {
    /// The config's folder and keys.
    fn of_config(path: &Path) -> Result<Shelf, Failure> {
        match Config::load(path)?.model {
            config::Model::Installed(shelf) => Ok(shelf),
            _ => {
                let words = format!("{}: [model] names no folder of installed models", path.display());
                Err(Failure::new(Code::Config, words))
            }
        }
    }

    fn shelf(&self) -> Result<Shelf, Failure> {
        match &self.config {
            Some(config) => Self::of_config(config),
            None => Ok(Shelf::new(
                self.folder()?,
                Keys::from_files(&self.key)?,
                Runtime::default(),
            )),
        }
    }

    fn folder(&self) -> Result<PathBuf, Failure> {
        match (&self.config, &self.folder) {
            (Some(config), _) => Ok(Self::of_config(config)?.folder().to_owned()),
            (None, Some(folder)) => Ok(folder.clone()),
            (None, None) => {
                let words =
                    "which folder? Name the daemon's config with --config, or the folder with --folder";
                Err(Failure::new(Code::Config, words))
            }
        }
    }

    fn keys(&self) -> Result<Keys, Failure> {
        match &self.config {
            Some(config) => Ok(Self::of_config(config)?.keys().clone()),
            None => Ok(Keys::from_files(&self.key)?),
        }
    }

    /// Writes into the audit trail of the config's store. Without a config nobody knows which that is, and before the first
    /// start there is none; the daemon records which model it runs.
    fn record(&self, event: Event) -> Result<(), Failure> {
        let Some(config) = &self.config else {
            return Ok(());
        };
        let store = Config::load(config)?.store.path;
        if store.is_dir() {
            Trail::of_store(&store).append(&Actor::of_process(), event, Utc::now())?;
        }
        Ok(())
    }

    /// The file that is meant: the one given, or the installed one where a folder is. `None` is the shipped model.
    fn file(&self, given: Option<&Path>) -> Result<Option<PathBuf>, Failure> {
        if given.is_some() || (self.config.is_none() && self.folder.is_none()) {
            return Ok(given.map(Path::to_owned));
        }
        let folder = self.folder()?;
        Ok(package::read_list(&folder)?
            .current
            .map(|entry| entry.path_in(&folder)))
    }
}

/// Runs `sonograde model` and prints to standard output.
///
/// # Errors
/// [`Failure`]: [`Code::Model`] for whatever is wrong with a package.
pub fn run(args: &Args) -> Result<(), Failure> {
    let said = match &args.action {
        Action::Info { file, place } => info::info(place.file(file.as_deref())?.as_deref())?,
        Action::Verify { file, place } => verify(file.as_deref(), place)?,
        Action::Pack {
            model,
            card,
            golden,
            out,
        } => pack(model, card, golden, out)?,
        Action::Install { file, place } => install(file, place)?,
        Action::List { place } => list(&place.folder()?)?,
        Action::Rollback { place } => rollback(place)?,
    };
    match io::stdout().write_all(said.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::new(
            Code::Output,
            format!("cannot write to stdout: {error}"),
        )),
        _ => Ok(()),
    }
}

fn verify(file: Option<&Path>, place: &Place) -> Result<String, Failure> {
    match place.file(file)? {
        None => Ok(passed(
            "the shipped model",
            &Package::shipped()?.prove(Runtime::default())?,
        )),
        Some(path) => {
            let proven = Signed::read(&path, &place.keys()?)?
                .package()?
                .prove(Runtime::default())?;
            let said = passed(&path.display().to_string(), &proven);
            Ok(format!("signature       made with a trusted key\n{said}"))
        }
    }
}

fn passed(name: &str, proven: &Proven) -> String {
    let identity = proven.model.identity();
    let near = proven.differences;
    format!(
        "contract        kept by {} {} (SHA-256 {})\n\
         golden vectors  {} pictures: score within {:.4}, map within {:.1} % of its range, by {} on this box\n\
         {name} may go into service here\n",
        identity.name,
        identity.version,
        identity.sha256,
        near.pictures,
        near.score,
        100.0 * near.map,
        proven.model.engine(),
    )
}

fn pack(model: &Path, card: &Path, golden: &Path, out: &Path) -> Result<String, Failure> {
    let bytes = package::pack(model, card, golden)?;
    let written = std::fs::write(out, bytes).map_err(|source| PackageError::Write {
        what: "write",
        path: out.into(),
        source,
    });
    written?;
    Ok(format!(
        "{}: sign it with `minisign -Sm {}`, which writes {}\n",
        out.display(),
        out.display(),
        signature_of(out).display()
    ))
}

fn install(file: &Path, place: &Place) -> Result<String, Failure> {
    let shelf = place.shelf()?;
    let entry = shelf.install(file)?;
    place.record(Event::ModelInstalled {
        name: format!("{} {}", entry.name, entry.version),
        model: entry.model,
    })?;
    Ok(format!(
        "{} {} is installed in {} and runs from the next exam on\n",
        entry.name,
        entry.version,
        shelf.folder().display()
    ))
}

fn rollback(place: &Place) -> Result<String, Failure> {
    let name = place
        .shelf()?
        .rollback()?
        .map_or("the shipped model".into(), |e| {
            format!("{} {}", e.name, e.version)
        });
    place.record(Event::ModelRolledBack { name: name.clone() })?;
    Ok(format!("{name} runs from the next exam on\n"))
}

fn list(folder: &Path) -> Result<String, Failure> {
    let installed = package::read_list(folder)?;
    let shipped = Model::shipped()?;
    let shipped = shipped.identity();
    let mut said = row("STATE", "NAME", "VERSION", "SHA-256", "INSTALLED");
    let failed = installed.refused.iter().map(|r| ("failed", &r.entry));
    let (current, previous) = (installed.current.iter(), installed.previous.iter());
    let kept = current
        .map(|e| ("current", e))
        .chain(previous.map(|e| ("previous", e)));
    for (state, e) in kept.chain(failed) {
        let since = e.installed.format("%Y-%m-%d %H:%M UTC").to_string();
        said += &row(state, &e.name, &e.version, &e.model, &since);
    }
    let state = if installed.current.is_some() {
        "shipped"
    } else {
        "current"
    };
    said += &row(
        state,
        &shipped.name,
        &shipped.version,
        &shipped.sha256,
        "with the program",
    );
    for refused in &installed.refused {
        said += &format!("{refused}\n");
    }
    Ok(said)
}

fn row(state: &str, name: &str, version: &str, sha256: &str, installed: &str) -> String {
    format!("{state:9}  {name:24}  {version:8}  {sha256:64}  {installed}\n")
}
