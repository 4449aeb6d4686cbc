//! `sonograde pathology`: joins what pathology found with the exams on this cart.
//!
//! The daemon owns the store, so all goes through its page's address on this machine. Rows for exams of other carts are no
//! mistake: a laboratory's file is of the whole site.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use clap::Subcommand;
use csv::StringRecord;
use serde_json::json;

use super::ask::ask;
use super::{CONFIG, Code, Failure};
use crate::config::Config;
use crate::exam::record::{Exam, Pathology};

/// Columns that say which exam a row is about; those that a row fills in have to hold all.
const NAMES: [&str; 3] = ["exam", "accession_number", "patient_id"];

/// What pathology found, joined with the exams on this cart.
#[derive(clap::Args)]
pub struct Args {
    /// The daemon's config.
    #[arg(long, global = true, value_name = "FILE", default_value = CONFIG)]
    config: PathBuf,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Reads a CSV file with the columns `grade` (1 to 4, I to IV, low or high) and `exam`, `accession_number` or `patient_id`
    Import {
        /// The file
        file: PathBuf,
    },
}

/// A row that is in order.
struct Row {
    line: u64,
    /// As in [`NAMES`]; empty where the row does not say.
    names: [String; 3],
    found: Pathology,
}

impl Row {
    fn is_of(&self, exam: &Exam) -> bool {
        let order = exam.order.as_ref();
        let accession = order.and_then(|order| order.accession_number.as_deref());
        let patient = order.and_then(|order| order.patient_id.as_deref());
        let known = [Some(exam.id.as_str()), accession, patient];
        let mut pairs = self.names.iter().zip(known);
        pairs.all(|(name, known)| name.is_empty() || known.is_some_and(|known| known.trim() == name))
    }
}

/// Runs `sonograde pathology`.
///
/// # Errors
/// [`Failure`] with file and line for what is wrong in the file, and then nothing is imported; or if no daemon runs with
/// this config.
pub fn run(args: &Args) -> Result<(), Failure> {
    let Action::Import { file } = &args.action;
    let rows = read(file, Utc::now())?;
    let config = Config::load(&args.config)?;
    let url = format!("http://{}/api/v1/exams", config.web.listen);
    let exams = exams(&url)?;
    let found = join(&rows, &exams).map_err(|problems| wrong(file, &problems))?;
    let mut new = 0;
    for (exam, row) in &found {
        let before = exams[*exam].pathology.as_ref();
        if before.is_none_or(|before| before.reported != row.found.reported) {
            let grade = json!({ "grade": row.found.reported });
            ask(
                "PUT",
                &format!("{url}/{}/pathology", exams[*exam].id),
                Some(&grade),
            )?;
            new += 1;
        }
    }
    let strangers: Vec<String> = rows
        .iter()
        .filter(|row| !found.values().any(|taken| taken.line == row.line))
        .map(|row| row.line.to_string())
        .collect();
    let mut out = io::stdout().lock();
    let mut print = || {
        writeln!(out, "{} exams, {new} of them new or changed", found.len())?;
        if !strangers.is_empty() {
            writeln!(out, "no exam of this cart: lines {}", strangers.join(", "))?;
        }
        Ok(())
    };
    print().map_err(|error: io::Error| Failure::new(Code::Output, error))
}

/// Every exam of the store.
fn exams(url: &str) -> Result<Vec<Exam>, Failure> {
    let mut all: Vec<Exam> = Vec::new();
    loop {
        let before = all
            .last()
            .map_or_else(String::new, |last| format!("&before={}", last.id));
        let page = ask("GET", &format!("{url}?limit=200{before}"), None)?;
        let exams = serde_json::from_value::<Vec<Exam>>(page["exams"].clone());
        all.extend(exams.map_err(|error| Failure::new(Code::Other, error))?);
        if page["more"] != json!(true) {
            return Ok(all);
        }
    }
}

/// The row of each exam that one is about, or what contradicts itself.
fn join<'a>(rows: &'a [Row], exams: &[Exam]) -> Result<BTreeMap<usize, &'a Row>, Vec<(u64, String)>> {
    let mut found: BTreeMap<usize, &Row> = BTreeMap::new();
    let mut problems = Vec::new();
    for row in rows {
        let ended = exams.iter().enumerate().filter(|(_, exam)| exam.ended.is_some());
        for (at, exam) in ended.filter(|(_, exam)| row.is_of(exam)) {
            let first = *found.entry(at).or_insert(row);
            if first.found.grade != row.found.grade {
                problems.push((
                    row.line,
                    format!("exam {} has another grade in line {}", exam.id, first.line),
                ));
            }
        }
    }
    if problems.is_empty() {
        Ok(found)
    } else {
        Err(problems)
    }
}

/// The rows of a file, all in order.
fn read(file: &Path, now: DateTime<Utc>) -> Result<Vec<Row>, Failure> {
    let cannot = |error: csv::Error| {
        Failure::new(
            Code::Input,
            format!("cannot read {}: {error}; expected CSV in UTF-8", file.display()),
        )
    };
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_path(file)
        .map_err(cannot)?;
    let header = reader.headers().map_err(cannot)?.clone();
    let place = |name: &str| header.iter().position(|column| column == name);
    let (grade, names) = (place("grade"), NAMES.map(place));
    let Some(grade) = grade.filter(|_| names.iter().any(Option::is_some)) else {
        let words = format!("expected the columns grade and one of {}", NAMES.join(", "));
        return Err(wrong(file, &[(1, words)]));
    };
    let (mut rows, mut problems) = (Vec::new(), Vec::new());
    for record in reader.records() {
        let record = record.map_err(cannot)?;
        let line = record.position().map_or(1, csv::Position::line);
        match row(&record, line, grade, names, now) {
            Ok(row) => rows.push(row),
            Err(words) => problems.push((line, words)),
        }
    }
    if rows.is_empty() && problems.is_empty() {
        problems.push((1, "no rows after the header".into()));
    }
    if problems.is_empty() {
        Ok(rows)
    } else {
        Err(wrong(file, &problems))
    }
}

fn row(
    record: &StringRecord,
    line: u64,
    grade: usize,
    names: [Option<usize>; 3],
    now: DateTime<Utc>,
) -> Result<Row, String> {
    let cell = |at: Option<usize>| at.and_then(|at| record.get(at)).unwrap_or_default().to_owned();
    let names = names.map(cell);
    if names.iter().all(String::is_empty) {
        return Err(format!("which exam? expected a value in {}", NAMES.join(", ")));
    }
    let found = Pathology::of(&cell(Some(grade)), now)?;
    Ok(Row { line, names, found })
}

/// Everything that is wrong with the file.
fn wrong(file: &Path, problems: &[(u64, String)]) -> Failure {
    let lines = problems
        .iter()
        .map(|(line, words)| format!("{}:{line}: {words}", file.display()));
    let lines: Vec<String> = lines.collect();
    Failure::new(Code::Input, format!("nothing is imported\n{}", lines.join("\n")))
}
