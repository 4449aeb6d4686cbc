//! `sonograde store`: another key for it, and its end.

use std::io::Write;
use std::path::{Path, PathBuf};

use chrono::Utc;
use clap::Subcommand;

use super::{Code, Failure};
use crate::audit::{Actor, Event, Trail};
use crate::store::{self, KeyFile};

/// Gives the store another key, or destroys it. The daemon must not run.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The store's folder
    #[arg(long, global = true, value_name = "DIR", default_value = super::STORE)]
    store: PathBuf,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Puts the store under another key; nothing is encrypted anew, so it takes no time
    Rekey {
        /// The key that is in force, where it is not the one beside the store
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        /// The key from now on, made if missing; without it, a new one in place of the one beside the store
        #[arg(long, value_name = "FILE")]
        new_key: Option<PathBuf>,
    },
    /// Destroys the key of what is stored, then removes it all, the audit trail too; needs no key
    Wipe {
        /// All exams are to be destroyed
        #[arg(long, required = true)]
        yes: bool,
    },
}

/// Runs the action.
///
/// # Errors
/// [`Failure`] if the store cannot be used; it is then as it was, or, if it was being wiped, does not open any more.
pub fn run(args: &Args) -> Result<(), Failure> {
    exists(&args.store)?;
    let mut out = std::io::stdout().lock();
    let mut say = |words: String| writeln!(out, "{words}").map_err(|e| Failure::new(Code::Output, e));
    match &args.action {
        Action::Rekey { key, new_key } => {
            let old = KeyFile::of(&args.store, key.as_deref());
            let new = store::rekey(&args.store, &old, new_key.as_deref())?;
            Trail::of_store(&args.store).append(&Actor::of_process(), Event::KeyChanged, Utc::now())?;
            say(format!(
                "{} is the key of the store {} now; no other opens it",
                new.display(),
                args.store.display()
            ))
        }
        Action::Wipe { .. } => {
            let wiped = store::wipe(&args.store)?;
            for path in &wiped.left {
                say(format!("{} is not the store's: left there", path.display()))?;
            }
            say(String::from(if wiped.encrypted {
                "its key is destroyed and the store removed: what the disk still holds of it cannot be read"
            } else {
                "the store is removed; it was not encrypted, so what the disk still holds of it may be read: destroy the disk"
            }))
        }
    }
}

/// Whether there is a store in `store`, or what is left of one.
pub(super) fn exists(store: &Path) -> Result<(), Failure> {
    let parts = ["sled", "exams", "key.1", "key.2", "wiped"];
    if parts.iter().any(|part| store.join(part).exists()) {
        return Ok(());
    }
    let words = format!("there is no store in {}", store.display());
    Err(Failure::new(Code::Store, words))
}
