//! `sonograde exams`: what the store holds, for people (`list`, `show`) and for other programs (`--json`, `export`).
//!
//! Runs on the main thread and needs the store for itself, so not beside the daemon that writes it. An exam
//! without an end is one that lost power: it is shown as interrupted, with its frames and without a verdict.
//! Changes nothing in the store but its audit trail, which says what was exported.

mod show;

use std::io::{self, Write};
use std::path::PathBuf;

use chrono::{DateTime, Local, TimeDelta, Utc};
use clap::Subcommand;
use serde::Serialize;
use thiserror::Error;

use crate::audit::{Actor, AuditError, Event, Trail};
use crate::exam::record::{Exam, Grade, Verdict};
use crate::export::{self, ExportError, Summary};
use crate::store::{Encryption, KeyFile, Store, StoreError, whole};
use crate::words::Language;

/// Arguments of `sonograde exams`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The store's folder
    #[arg(long, global = true, value_name = "DIR", default_value = super::STORE)]
    store: PathBuf,
    /// The store's key, where it is not beside it
    #[arg(long, global = true, value_name = "FILE")]
    key: Option<PathBuf>,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Every exam, newest first
    List {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// One exam: verdict, scores, key frames, and how they were made
    Show {
        /// The exam: its id, a beginning of it that no other has, or `latest`
        id: String,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Copy one exam into a folder of its own: a report on one page (PDF), exam.json, frames.csv, key frames with and without the map
    Export {
        /// The exam: its id, a beginning of it that no other has, or `latest`
        id: String,
        /// Where to make that folder, which is named like the exam
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
        /// The language of its report
        #[arg(long, value_enum, default_value_t)]
        language: Language,
    },
}

/// Why `sonograde exams` ends early.
#[derive(Debug, Error)]
pub enum Error {
    /// The store cannot be opened or read.
    #[error("cannot use the store")]
    Store(#[source] StoreError),
    /// The export was made and is not in the audit trail.
    #[error("what was exported is not in the audit trail")]
    Audit(#[source] AuditError),
    /// There is no store in the folder.
    #[error("there is no store in {}: name the folder that `run` or `demo` writes with --store", .0.display())]
    NoStore(PathBuf),
    /// No exam goes by the name.
    #[error("there is no exam {0}: `sonograde exams list` names them all")]
    NotFound(String),
    /// Several exams go by the name.
    #[error("{id} could be {first} or {second}: give more of the id")]
    Ambiguous {
        /// What was given.
        id: String,
        /// An exam that it fits.
        first: String,
        /// Another one.
        second: String,
    },
    /// There is no export.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// Some of what was asked for is damaged. The rest was given.
    #[error("left out because it is damaged: {}", first_few(.0))]
    Damaged(Vec<String>),
    /// The answer cannot be printed.
    #[error("cannot print")]
    Print(#[source] io::Error),
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Runs `sonograde exams` and prints to standard output.
pub fn run(args: &Args) -> Result<(), Error> {
    if !args.store.join("sled").is_dir() {
        return Err(Error::NoStore(args.store.clone()));
    }
    let key = KeyFile::of(&args.store, args.key.as_deref());
    let store = Store::open_with(&args.store, &Encryption::AsItIs(key))?;
    let out = &mut io::stdout().lock();
    let done = match &args.action {
        Action::List { json } => list(&store, *json, out),
        Action::Show { id, json } => show::show(&store, &find(&store, id)?, *json, out),
        Action::Export { id, to, language } => {
            let exam = find(&store, id)?;
            let (folder, damaged) = export::to_folder(&store, &exam, exam.state(), *language, to)?;
            Trail::of_store(&args.store)
                .append(&Actor::of_process(), Event::exported(&exam, &folder), Utc::now())
                .map_err(Error::Audit)?;
            writeln!(out, "{}", folder.display()).map_err(Error::Print)?;
            none_damaged(damaged)
        }
    };
    match done {
        Err(Error::Print(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

/// The columns of `list`.
const HEAD: [&str; 8] = [
    "EXAM",
    "STARTED",
    "LASTED",
    "FRAMES",
    "VERDICT",
    "P(HIGH)",
    "PATHOLOGY",
    "MODEL",
];

fn print_row(cells: [&str; 8], out: &mut dyn Write) -> io::Result<()> {
    let [id, started, lasted, frames, verdict, score, pathology, model] = cells;
    writeln!(
        out,
        "{id:25}  {started:19}  {lasted:>6}  {frames:>6}  {verdict:24}  {score:19}  {pathology:9}  {model}"
    )
}

fn list(store: &Store, json: bool, out: &mut dyn Write) -> Result<(), Error> {
    let mut damaged = Vec::new();
    if !json {
        print_row(HEAD, out).map_err(Error::Print)?;
    }
    for exam in store.exams() {
        let Some(exam) = whole(exam, &mut damaged)? else {
            continue;
        };
        let summary = Summary::of(store, &exam, exam.state())?;
        let printed = if json {
            print_json(&summary, out)
        } else {
            let model = &exam.provenance.model;
            let pathology = exam
                .pathology
                .as_ref()
                .map_or_else(|| String::from("-"), |found| found.reported.clone());
            let cells = [
                &exam.id,
                &local(exam.started, "%Y-%m-%d %H:%M:%S"),
                &lasted(&exam),
                &summary.frames.to_string(),
                verdict_words(&exam),
                &score_words(exam.verdict.as_ref()),
                &pathology,
                &format!("{} {}", model.name, model.version),
            ];
            print_row(cells, out)
        };
        printed.map_err(Error::Print)?;
    }
    none_damaged(damaged)
}

/// The exam that `id` means: its id, a beginning of one, or `latest`.
fn find(store: &Store, id: &str) -> Result<Exam, Error> {
    if let Some(exam) = store.exam(id)? {
        return Ok(exam);
    }
    let mut damaged = Vec::new();
    let mut found: Option<Exam> = None;
    for exam in store.exams() {
        match whole(exam, &mut damaged)? {
            Some(exam) if id == "latest" => return Ok(exam),
            Some(exam) if exam.id.starts_with(id) => match found {
                None => found = Some(exam),
                Some(first) => {
                    return Err(Error::Ambiguous {
                        id: id.into(),
                        first: first.id,
                        second: exam.id,
                    });
                }
            },
            _ => {}
        }
    }
    match found {
        Some(exam) => Ok(exam),
        None => none_damaged(damaged).and(Err(Error::NotFound(id.into()))),
    }
}

fn none_damaged(damaged: Vec<String>) -> Result<(), Error> {
    if damaged.is_empty() {
        Ok(())
    } else {
        Err(Error::Damaged(damaged))
    }
}

/// The first three of a list in words, and how many more there are.
fn first_few(damaged: &[String]) -> String {
    let (few, more) = damaged.split_at(damaged.len().min(3));
    let words = few.join("; ");
    if more.is_empty() {
        words
    } else {
        format!("{words}; and {} more", more.len())
    }
}

fn print_json(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    writeln!(out)
}

fn local(time: DateTime<Utc>, format: &str) -> String {
    time.with_timezone(&Local).format(format).to_string()
}

fn lasted(exam: &Exam) -> String {
    let Some(ended) = exam.ended else {
        return String::from("?");
    };
    let seconds = (ended - exam.started + TimeDelta::milliseconds(500)).num_seconds();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

fn verdict_words(exam: &Exam) -> &'static str {
    match (exam.ended, &exam.verdict) {
        (None, _) => "no verdict (interrupted)",
        (_, None) => "no verdict",
        (_, Some(verdict)) => match verdict.verdict {
            Grade::Low => "low",
            Grade::High => "high",
            Grade::Indeterminate => "indeterminate",
        },
    }
}

fn score_words(verdict: Option<&Verdict>) -> String {
    match verdict.map(|verdict| (verdict.score, verdict.ci95)) {
        Some((Some(score), Some([low, high]))) => format!("{score:.3} ({low:.3}-{high:.3})"),
        Some((Some(score), None)) => format!("{score:.3}"),
        _ => String::from("-"),
    }
}

#[cfg(test)]
mod tests;
