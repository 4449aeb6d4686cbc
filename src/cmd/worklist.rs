//! `sonograde worklist`: asks the running daemon for the worklist.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::ask::ask;
use super::{CONFIG, Code, Failure};
use crate::config::Config;

/// How long the worklist server is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// The orders that the hospital has scheduled, as the running daemon knows them.
#[derive(clap::Args)]
pub struct Args {
    /// The daemon's config.
    #[arg(long, value_name = "FILE", default_value = CONFIG)]
    config: PathBuf,
    /// Ask the worklist server first
    #[arg(long)]
    refresh: bool,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// Runs `sonograde worklist`.
///
/// # Errors
/// [`Failure`] if no daemon runs with this config, or it has no worklist.
pub fn run(args: &Args) -> Result<(), Failure> {
    let config = Config::load(&args.config)?;
    let url = format!("http://{}/api/v1/worklist", config.web.listen);
    let mut list = ask("GET", &url, None)?;
    if list.is_null() {
        let words = "the daemon's config names no [dicom.worklist]";
        return Err(Failure::new(Code::Other, words));
    }
    if args.refresh {
        let before = list["asked"].clone();
        ask("POST", &url, Some(&json!({})))?;
        let end = Instant::now() + PATIENCE;
        while list["asked"] == before && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(100));
            list = ask("GET", &url, None)?;
        }
    }
    let out = &mut io::stdout().lock();
    let printed = if args.json {
        writeln!(out, "{list}")
    } else {
        print(&list, out)
    };
    match printed {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::new(Code::Output, error)),
        _ => Ok(()),
    }
}

fn print(list: &Value, out: &mut dyn Write) -> io::Result<()> {
    match list["age_s"].as_i64() {
        Some(age_s) => writeln!(out, "{} min old", age_s / 60)?,
        None => writeln!(out, "the worklist server has not answered yet")?,
    }
    if let Some(trouble) = list["trouble"].as_str() {
        writeln!(out, "not answered now: {trouble}")?;
    }
    for step in list["steps"].as_array().into_iter().flatten() {
        let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let state = match (step["gone"].is_string(), step["changed"].is_string()) {
            (true, _) => "  CANCELLED",
            (_, true) => "  CHANGED",
            _ => "",
        };
        let order = &step["order"];
        writeln!(
            out,
            "{:14} {:16} {:32} {}{state}",
            word(&step["scheduled"]),
            word(&order["patient_id"]),
            word(&order["patient_name"]),
            word(&step["description"])
        )?;
    }
    Ok(())
}
