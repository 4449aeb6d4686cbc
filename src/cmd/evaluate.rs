//! `sonograde evaluate`: how good a model is on labelled pictures that it has not seen.
//!
//! Scores on all cores; everything else runs on the caller's thread. Writes nothing but the report.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use chrono::{SecondsFormat, Utc};
use indicatif::{ProgressBar, ProgressStyle};

use super::{Code, Failure};
use crate::evaluate::judge;
use crate::evaluate::labels::Labels;
use crate::evaluate::report::Report;
use crate::evaluate::summary::Summary;
use crate::evaluate::table::Table;
use crate::infer::{Choice, Model};

/// Measures a model on labelled pictures.
#[derive(clap::Args)]
pub struct Args {
    /// The labels: patient_id, exam_id, path, t_ms, grade, pane, roi, mask; paths count from the file's folder.
    #[arg(value_name = "LABELS.CSV")]
    labels: PathBuf,
    /// An ONNX file that keeps the model contract; the shipped model if not given.
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// What runs the model.
    #[arg(long, value_enum, default_value_t)]
    engine: Choice,
    /// Write report.html to this folder.
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// The sensitivity that a threshold is looked for, above 0 and at most 1.
    #[arg(long, value_name = "SHARE", default_value = "0.90", value_parser = wanted)]
    sensitivity: f64,
    /// Write one JSON object.
    #[arg(long)]
    json: bool,
}

fn wanted(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if share > 0.0 && share <= 1.0 => Ok(share),
        _ => Err("expected a number above 0 and at most 1".into()),
    }
}

/// Measures and prints.
///
/// # Errors
/// [`Failure`]: the model, bad labels (every one is listed), or an output that cannot be written.
pub fn run(args: &Args) -> Result<(), Failure> {
    let model = Model::open(args.model.as_deref(), args.engine.into())?;
    let report = args.report.as_deref().map(Report::create).transpose()?;
    let labels = Labels::read(&args.labels)?;
    let progress = progress(labels.rows.len() as u64);
    let judged = judge::all(&labels, &model, || progress.inc(1))?;
    progress.finish_and_clear();
    let date = Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true);
    let summary = Summary::new(&labels, &judged, &model, args.sensitivity, date);
    if let Some(report) = report {
        report.write(&summary, &labels, &judged)?;
    }
    let mut out = std::io::stdout().lock();
    let written = if args.json {
        serde_json::to_writer(&mut out, &summary)
            .map_err(Into::into)
            .and_then(|()| writeln!(out))
    } else {
        write!(out, "{}", Table(&summary))
    };
    written.map_err(|e| Failure::new(Code::Output, format!("cannot write to stdout: {e}")))
}

fn progress(pictures: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} pictures, {eta} left");
    ProgressBar::new(pictures).with_style(style.expect("a good template"))
}
