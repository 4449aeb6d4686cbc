//! One exam for people or as JSON: verdict, scores, key frames, and how its records were made.

use std::io::{self, Write};
use std::path::PathBuf;

use serde::Serialize;

use super::{Error, lasted, local, none_damaged, print_json, score_words, verdict_words};
use crate::exam::record::Exam;
use crate::export::Summary;
use crate::store::{KeyFramePath, Store, whole};

/// `show --json`.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    summary: Summary<'a>,
    /// Absent where no frame was scored.
    scores: Option<Scores>,
    key_frames: Vec<PathBuf>,
}

/// The scores of an exam's whole records.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Scores {
    count: usize,
    min: f32,
    median: f32,
    max: f32,
}

/// Prints `exam`.
pub(super) fn show(store: &Store, exam: &Exam, json: bool, out: &mut dyn Write) -> Result<(), Error> {
    let mut damaged = Vec::new();
    let mut scores = Vec::new();
    for frame in store.frames(&exam.id)? {
        scores.extend(whole(frame, &mut damaged)?.map(|frame| frame.score));
    }
    let scores = Scores::of(scores);
    let keys = store.key_frames(&exam.id)?;
    let printed = if json {
        let key_frames = keys.into_iter().map(|key| key.path).collect();
        let summary = Summary::of(store, exam, exam.state())?;
        print_json(
            &Shown {
                summary,
                scores,
                key_frames,
            },
            out,
        )
    } else {
        print_text(exam, scores, &keys, out)
    };
    printed.map_err(Error::Print)?;
    none_damaged(damaged)
}

fn print_text(
    exam: &Exam,
    scores: Option<Scores>,
    keys: &[KeyFramePath],
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut line = |name: &str, value: &str| writeln!(out, "{name:12} {value}");
    let exact = |time| local(time, "%Y-%m-%d %H:%M:%S%.3f %:z");
    line("exam", &exam.id)?;
    line("label", &exam.label)?;
    line("started", &exact(exam.started))?;
    line(
        "ended",
        &exam.ended.map_or_else(|| String::from("interrupted"), exact),
    )?;
    line("lasted", &lasted(exam))?;
    line("verdict", verdict_words(exam))?;
    line("P(high)", &score_words(exam.verdict.as_ref()))?;
    if let Some(found) = &exam.pathology {
        line("pathology", &format!("{} ({})", found.reported, found.grade))?;
    }
    if let Some(verdict) = &exam.verdict {
        let (scored, seen) = (verdict.frames_scored, verdict.frames_seen);
        let counted = verdict.frames();
        line(
            "frames",
            &format!("{counted} count of {scored} scored of {seen} seen"),
        )?;
    }
    if let Some(Scores {
        count,
        min,
        median,
        max,
    }) = scores
    {
        line(
            "scores",
            &format!("{count} stored: min {min:.3}, median {median:.3}, max {max:.3}"),
        )?;
    }
    let made = &exam.provenance;
    let model = &made.model;
    line(
        "model",
        &format!("{} {} ({})", model.name, model.version, model.intended_use),
    )?;
    line("sha256", &model.sha256)?;
    line("engine", &made.engine)?;
    line("software", &made.software)?;
    line("temperature", &made.temperature.to_string())?;
    line(
        "band",
        &format!("{} to {} is indeterminate", made.band[0], made.band[1]),
    )?;
    line("input", &made.preprocessing)?;
    line("source", &made.source)?;
    line("pane", &made.pane.to_string())?;
    line("ROI", &made.roi.to_string())?;
    keys.iter()
        .try_for_each(|key| line("key frame", &key.path.display().to_string()))
}

impl Scores {
    pub(super) fn of(mut scores: Vec<f32>) -> Option<Self> {
        scores.sort_by(f32::total_cmp);
        let (min, max) = (*scores.first()?, *scores.last()?);
        let (below, above) = (scores[(scores.len() - 1) / 2], scores[scores.len() / 2]);
        Some(Self {
            count: scores.len(),
            min,
            median: (below + above) / 2.0,
            max,
        })
    }
}
