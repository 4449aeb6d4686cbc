//! `sonograde check`: whether the store holds what was written, and its repair.

use std::io::Write;
use std::path::PathBuf;

use chrono::Utc;

use super::{Code, Failure};
use crate::audit::{Actor, Event, Trail};
use crate::store::{Encryption, KeyFile, Store};

/// Looks at every record, file and hash of the store.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The store's folder
    #[arg(long, value_name = "DIR", default_value = super::STORE)]
    store: PathBuf,
    /// The store's key, where it is not beside it
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Put right what is found: from the database or the folder, whichever is whole; what neither has goes to quarantine/
    #[arg(long)]
    repair: bool,
}

/// Looks, and prints what it finds. The daemon must not run.
///
/// # Errors
/// [`Failure`] if the store cannot be used, or something is wrong with it that was not put right.
pub fn run(args: &Args) -> Result<(), Failure> {
    super::store::exists(&args.store)?;
    let key = KeyFile::of(&args.store, args.key.as_deref());
    let store = Store::open_with(&args.store, &Encryption::AsItIs(key))?;
    let findings = store.check(args.repair)?;
    let wrong = findings.found.len();
    if args.repair && wrong > 0 {
        let repaired = Event::Repaired {
            findings: wrong as u64,
        };
        Trail::of_store(&args.store).append(&Actor::of_process(), repaired, Utc::now())?;
    }
    let mut out = std::io::stdout().lock();
    let mut say = |words: &str| writeln!(out, "{words}").map_err(|e| Failure::new(Code::Output, e));
    if let Some(notice) = store.notice() {
        say(notice)?;
    }
    for finding in &findings.found {
        let will = if args.repair { "" } else { "with --repair: " };
        say(&format!("{} ({will}{})", finding.what, finding.repair))?;
    }
    let (exams, frames, files) = (findings.exams, findings.frames, findings.files);
    say(&format!(
        "{exams} exams, {frames} frames, {files} files: {wrong} findings"
    ))?;
    if wrong == 0 || args.repair {
        return Ok(());
    }
    Err(Failure::new(
        Code::Store,
        format!(
            "the store {} is damaged: run it with --repair",
            args.store.display()
        ),
    ))
}
