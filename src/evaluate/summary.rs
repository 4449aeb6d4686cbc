//! All figures of an evaluation, as `--json` prints them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::cases::Cases;
use super::judge::Judged;
use super::labels::{Labels, Row, grade_word};
use super::level::Level;
use super::maps::MapFigures;
use super::phase::Phase;
use crate::exam::Aggregate;
use crate::exam::record::{ModelIdentity, Quality, Scored};
use crate::infer::Model;

/// What was evaluated, and how good it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// The model's label, for whoever reads these figures alone.
    pub label: &'static str,
    /// The file of labels.
    pub data: String,
    /// When, RFC 3339.
    pub date: String,
    /// This program's version.
    pub software: &'static str,
    /// What ran the model.
    pub engine: String,
    /// The model.
    pub model: ModelIdentity,
    /// What the model says that it learned from.
    pub training_data: String,
    /// What a reader must know of these figures, in sentences.
    pub notes: Vec<String>,
    /// Pictures that were left out, as the daemon would.
    pub not_scored: Vec<NotScored>,
    /// Every scored picture as a case.
    pub pictures: Level,
    /// Every exam with a scored picture as a case, with the score of its verdict.
    pub exams: Level,
    /// The pictures of each phase that has any.
    pub phases: Vec<PhaseLevel>,
    /// How maps lie on the lesions of high-grade cases; absent without masks.
    pub maps_high: Option<MapFigures>,
    /// The same of low-grade cases.
    pub maps_low: Option<MapFigures>,
}

/// Pictures without a score.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NotScored {
    /// Why.
    pub quality: Quality,
    /// How many.
    pub pictures: u64,
}

/// The pictures of one contrast phase.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PhaseLevel {
    /// The phase.
    pub phase: Phase,
    /// Its figures.
    #[serde(flatten)]
    pub level: Level,
}

/// The score of each scored row.
fn scores<'a>(labels: &'a Labels, judged: &'a [Judged]) -> impl Iterator<Item = (&'a Row, f64)> {
    let scored = |(row, judged): (&'a Row, &'a Judged)| {
        let scored = judged.outcome.as_ref().ok()?;
        Some((row, f64::from(scored.score)))
    };
    labels.rows.iter().zip(judged).filter_map(scored)
}

/// The scored pictures.
pub fn pictures(labels: &Labels, judged: &[Judged]) -> Cases {
    Cases::new(scores(labels, judged).map(|(row, score)| (&*row.patient, row.high, score)))
}

/// The exams that have a scored picture from after the injection, or of an unknown time, each with the score of a verdict of
/// these pictures.
pub fn exams(labels: &Labels, judged: &[Judged]) -> Cases {
    let mut exams: BTreeMap<(&str, &str), Vec<(&Row, &Scored)>> = BTreeMap::new();
    for (row, judged) in labels.rows.iter().zip(judged) {
        if let Ok(scored) = &judged.outcome {
            exams
                .entry((&row.patient, &row.exam))
                .or_default()
                .push((row, scored));
        }
    }
    Cases::new(exams.iter_mut().filter_map(|((patient, _), pictures)| {
        pictures.sort_by_key(|(row, _)| row.t_ms);
        let mut aggregate = Aggregate::new([0.5; 2]);
        for (n, (row, scored)) in (0..).zip(&*pictures) {
            if let Ok(t_ms) = row.t_ms.map_or(Ok(1000 * n), u64::try_from) {
                aggregate.score(t_ms, scored.score, scored.fitness);
            }
        }
        let score = aggregate.verdict(&[]).score?;
        Some((*patient, pictures[0].0.high, f64::from(score)))
    }))
}

impl Summary {
    /// The figures of `judged`, the outcomes of the rows of `labels`, made at `date`.
    pub fn new(labels: &Labels, judged: &[Judged], model: &Model, wanted: f64, date: String) -> Self {
        let contract = model.contract();
        let level = |cases: &Cases| Level::new(cases, contract.band.map(f64::from), wanted);
        let phase = |phase| {
            let of_phase = scores(labels, judged).filter(|(row, _)| Phase::of(row.t_ms) == phase);
            let cases = Cases::new(of_phase.map(|(row, score)| (&*row.patient, row.high, score)));
            (!cases.all().is_empty()).then(|| PhaseLevel {
                phase,
                level: level(&cases),
            })
        };
        let maps = |high| {
            let rows = labels.rows.iter().zip(judged);
            MapFigures::new(rows.filter_map(|(row, judged)| {
                let placed = judged.placed.filter(|_| row.high == high)?;
                Some((&*row.patient, placed))
            }))
        };
        let pictures = pictures(labels, judged);
        let not_scored = not_scored(judged);
        Self {
            label: model.identity().label(),
            data: labels.path.display().to_string(),
            date,
            software: env!("CARGO_PKG_VERSION"),
            engine: model.engine().to_owned(),
            model: model.identity().clone(),
            training_data: contract.training_data.clone(),
            notes: notes(&not_scored, &pictures, labels.rows.len()),
            not_scored,
            pictures: level(&pictures),
            exams: level(&exams(labels, judged)),
            phases: Phase::ALL.into_iter().filter_map(phase).collect(),
            maps_high: maps(true),
            maps_low: maps(false),
        }
    }
}

fn not_scored(judged: &[Judged]) -> Vec<NotScored> {
    let count = |quality: Quality| {
        let pictures = judged
            .iter()
            .filter(|one| one.outcome.as_ref() == Err(&quality))
            .count() as u64;
        (pictures > 0).then_some(NotScored { quality, pictures })
    };
    [Quality::TooDark, Quality::Clipped, Quality::NotContrast]
        .into_iter()
        .filter_map(count)
        .collect()
}

fn notes(not_scored: &[NotScored], cases: &Cases, rows: usize) -> Vec<String> {
    let mut notes = Vec::new();
    for NotScored { quality, pictures } in not_scored {
        notes.push(format!(
            "{pictures} of {rows} pictures are {quality}: the daemon would not score them, and no figure counts them."
        ));
    }
    let patients = |high| cases.patients().iter().filter(|grade| **grade == high).count();
    for high in [false, true] {
        let word = grade_word(high);
        match (patients(high), patients(!high)) {
            (0, 0) if high => notes.push("No picture was scored: no figure is defined (–).".into()),
            (0, 1..) => notes.push(format!(
                "There is no {word}-grade picture: the AUC and whatever else needs both grades is undefined (–)."
            )),
            (1, _) => notes.push(format!(
                "There is a single {word}-grade patient: no interval by patient can be computed (–)."
            )),
            _ => {}
        }
    }
    notes.push(
        "DeLong's and Wilson's intervals take cases for independent; pictures of one patient are not. The interval \
         by patient (bootstrap) allows for that: where the two differ, believe the wider."
            .into(),
    );
    notes.push(
        "Youden's threshold and the one for the wanted sensitivity were chosen on these very cases: their figures \
         flatter. Those at 0.5 and of the band do not."
            .into(),
    );
    notes
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::exam::record::{ActivationMap, Fitness};
    use crate::frame::Rect;

    fn row(patient: &str, exam: &str, high: bool, t_ms: Option<i64>) -> Row {
        Row {
            line: 2,
            patient: patient.into(),
            exam: exam.into(),
            path: PathBuf::new(),
            t_ms,
            high,
            pane: Rect::full(9, 9),
            roi: Rect::full(9, 9),
            mask: None,
        }
    }

    fn judged(outcome: Result<f32, Quality>) -> Judged {
        let map = ActivationMap {
            width: 1,
            height: 1,
            values: vec![0.0],
        };
        Judged {
            outcome: outcome.map(|score| Scored {
                score,
                map,
                fitness: None,
            }),
            placed: None,
        }
    }

    fn set(rows: &[(&str, &str, bool, Result<f32, Quality>)]) -> (Labels, Vec<Judged>) {
        let labels = Labels {
            path: "labels.csv".into(),
            rows: rows
                .iter()
                .map(|&(p, e, high, _)| row(p, e, high, Some(0)))
                .collect(),
            problems: Vec::new(),
        };
        (labels, rows.iter().map(|one| judged(one.3)).collect())
    }

    fn summary(rows: &[(&str, &str, bool, Result<f32, Quality>)]) -> Summary {
        let (labels, judged) = set(rows);
        let model = Model::shipped().expect("the shipped model");
        Summary::new(&labels, &judged, &model, 0.9, "2026-01-01".into())
    }

    #[test]
    fn an_exam_has_the_score_of_a_verdict_and_belongs_to_its_patient() {
        let (labels, judged) = set(&[
            ("p", "1", true, Ok(0.75)),
            ("p", "1", true, Err(Quality::TooDark)),
            ("p", "1", true, Ok(0.25)),
            ("p", "2", true, Ok(1.0)),
            ("q", "1", false, Ok(0.0)),
            ("r", "1", false, Err(Quality::Clipped)),
        ]);
        let exams = exams(&labels, &judged);
        let scores: Vec<f64> = exams.all().iter().map(|case| case.score).collect();
        assert_eq!((scores, exams.patients().len()), (vec![0.0, 0.5, 1.0], 2));
        assert_eq!(pictures(&labels, &judged).all().len(), 4);
    }

    #[test]
    fn what_shows_no_contrast_is_no_part_of_an_exams_score() {
        let rows = [
            (-2000, 0.0, 80),
            (0, 0.0, 10),
            (9000, 0.75, 80),
            (20_000, 0.25, 70),
        ];
        let (mut labels, mut judged) = set(&rows.map(|(_, score, _)| ("p", "1", true, Ok(score))));
        for ((row, judged), (t_ms, _, brightness)) in labels.rows.iter_mut().zip(&mut judged).zip(rows) {
            row.t_ms = Some(t_ms);
            judged.outcome.as_mut().expect("scored").fitness = Some(Fitness {
                brightness,
                clarity: 255,
            });
        }
        assert_eq!(exams(&labels, &judged).all()[0].score, 0.5);
    }

    #[test]
    fn sets_without_enough_in_them_say_so() {
        let said = |rows: &[_], words: &str| {
            let summary = summary(rows);
            assert!(
                summary.notes.iter().any(|n| n.contains(words)),
                "{:?}",
                summary.notes
            );
            let json = serde_json::to_string(&summary).expect("JSON");
            assert!(!json.contains("NaN") && !json.contains("inf"), "{json}");
        };
        said(
            &[("p", "1", true, Ok(0.75)), ("q", "1", true, Ok(0.5))],
            "no low-grade picture",
        );
        said(
            &[("p", "1", true, Ok(0.75)), ("q", "1", false, Ok(0.5))],
            "single high-grade patient",
        );
        said(
            &[("p", "1", true, Err(Quality::TooDark))],
            "No picture was scored",
        );
        said(
            &[("p", "1", true, Err(Quality::TooDark))],
            "1 of 1 pictures are too-dark",
        );
    }
}
