//! `sonograde audit`: is the audit trail what was written (`verify`), and what does it say (`export`)?
//!
//! Runs beside the daemon or without it.

use std::io::{self, Write};
use std::path::PathBuf;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use clap::Subcommand;
use serde_json::{Map, Value};

use crate::audit::{Actor, AuditError, Event, Line, Trail};

/// Verifies and exports the audit trail: who did what, when.
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
    /// Whether records were changed, removed, reordered or cut off, with file and line
    Verify,
    /// Records as JSON lines, as they are; recorded itself
    Export {
        /// From this time on: 2026-11-24 or 2026-11-24T12:00:00Z
        #[arg(long, value_name = "TIME", value_parser = time)]
        from: Option<DateTime<Utc>>,
        /// Before this time
        #[arg(long, value_name = "TIME", value_parser = time)]
        to: Option<DateTime<Utc>>,
        /// As comma-separated values: seq, time, user, login, event, details
        #[arg(long)]
        csv: bool,
    },
}

/// A time with its zone, or a day that begins at midnight UTC.
pub(super) fn time(text: &str) -> Result<DateTime<Utc>, String> {
    let day = |text: &str| Some(text.parse::<NaiveDate>().ok()?.and_time(NaiveTime::MIN).and_utc());
    let time = DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc());
    time.or_else(|| day(text))
        .ok_or_else(|| "expected a day like 2026-11-24 or a time like 2026-11-24T12:00:00Z".into())
}

/// Runs `sonograde audit` and prints to standard output.
///
/// # Errors
/// [`AuditError`]; [`AuditError::Broken`] if the trail is not what was written.
pub fn run(args: &Args) -> Result<(), AuditError> {
    let trail = Trail::of_store(&args.store);
    let out = &mut io::stdout().lock();
    let done = match &args.action {
        Action::Verify => verify(&trail, out),
        Action::Export { from, to, csv } => export(&trail, *from, *to, *csv, out),
    };
    match done {
        Err(AuditError::Print(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

fn verify(trail: &Trail, out: &mut impl Write) -> Result<(), AuditError> {
    let report = trail.verify()?;
    let mut print = || {
        for fault in &report.faults {
            writeln!(out, "{fault}")?;
        }
        if report.unfinished > 0 {
            writeln!(
                out,
                "{} records were never finished, as the trail says",
                report.unfinished
            )?;
        }
        writeln!(
            out,
            "{} records, the last with hash {}",
            report.records, report.hash
        )
    };
    print().map_err(AuditError::Print)?;
    match report.faults.len() {
        0 => Ok(()),
        faults => Err(AuditError::Broken {
            dir: trail.folder(),
            faults,
        }),
    }
}

fn export(
    trail: &Trail,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    csv: bool,
    out: &mut impl Write,
) -> Result<(), AuditError> {
    if !trail.folder().is_dir() {
        return Err(AuditError::None(trail.folder()));
    }
    trail.append(&Actor::of_process(), Event::TrailRead, Utc::now())?;
    let asked = |time| from.is_none_or(|from| from <= time) && to.is_none_or(|to| time < to);
    if !csv {
        return whole_lines(trail, asked, |line| out.write_all(&[line, b"\n"].concat()));
    }
    let mut table = csv::Writer::from_writer(out);
    let head = table.write_record(["seq", "time", "user", "login", "event", "details"]);
    head.map_err(|error| AuditError::Print(error.into()))?;
    whole_lines(trail, asked, |line| Ok(table.write_record(cells(line))?))?;
    table.flush().map_err(AuditError::Print)
}

/// Gives each whole record of a time that is `asked` for to `print`.
fn whole_lines(
    trail: &Trail,
    asked: impl Fn(DateTime<Utc>) -> bool,
    mut print: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<(), AuditError> {
    let mut left_out = 0;
    trail.lines(|_, _, line, _| match Line::decode(line) {
        Some(record) if record.whole && asked(record.time) => print(line).map_err(AuditError::Print),
        Some(record) if record.whole => Ok(()),
        _ => {
            left_out += 1;
            Ok(())
        }
    })?;
    if left_out > 0 {
        tracing::warn!(
            "{left_out} lines are no whole records and were left out: see `sonograde audit verify`"
        );
    }
    Ok(())
}

/// A record's cells. Any event's: a newer program may know more of them.
fn cells(line: &[u8]) -> [String; 6] {
    let mut record: Map<String, Value> = serde_json::from_slice(line).unwrap_or_default();
    let mut take = |name: &str| record.remove(name).unwrap_or_default();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let [seq, time, who, event, _, _] = ["seq", "time", "who", "event", "prev", "hash"].map(&mut take);
    let login = who.get("login").map_or(String::new(), text);
    let user = text(&who["user"]);
    let details = Value::Object(record).to_string();
    [text(&seq), text(&time), user, login, text(&event), details]
}
