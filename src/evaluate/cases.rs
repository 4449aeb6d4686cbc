//! Scores with the grade that is known to be true, in rising order: what every figure is computed from.

use std::collections::HashMap;

/// One thing that has a score: a picture, or an exam.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Case {
    /// Number of its patient, from 0.
    pub patient: usize,
    /// Whether its true grade is high.
    pub high: bool,
    /// P(high grade), finite.
    pub score: f64,
}

/// Cases of some patients, sorted by score.
#[derive(Clone, Debug, PartialEq)]
pub struct Cases {
    sorted: Vec<Case>,
    /// For each patient whether the grade is high.
    patients: Vec<bool>,
}

/// Cases that have one score in common, counted by true grade.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tied {
    /// Their score.
    pub score: f64,
    /// Low-grade ones.
    pub low: u64,
    /// High-grade ones.
    pub high: u64,
}

impl Cases {
    /// From (patient, true grade is high, score). A patient's cases have one grade.
    pub fn new<'a>(cases: impl IntoIterator<Item = (&'a str, bool, f64)>) -> Self {
        let mut numbers = HashMap::new();
        let mut patients = Vec::new();
        let mut sorted: Vec<Case> = cases
            .into_iter()
            .map(|(patient, high, score)| {
                let patient = *numbers.entry(patient).or_insert_with(|| {
                    patients.push(high);
                    patients.len() - 1
                });
                Case { patient, high, score }
            })
            .collect();
        sorted.sort_by(|a, b| a.score.total_cmp(&b.score));
        Self { sorted, patients }
    }

    /// All of them, lowest score first.
    pub fn all(&self) -> &[Case] {
        &self.sorted
    }

    /// For each patient whether the grade is high.
    pub fn patients(&self) -> &[bool] {
        &self.patients
    }

    /// Every patient once: the weights of the set as it is.
    pub fn once(&self) -> Vec<u32> {
        vec![1; self.patients.len()]
    }

    /// Low-grade and high-grade cases.
    pub fn counts(&self) -> [u64; 2] {
        let high = self.sorted.iter().filter(|case| case.high).count() as u64;
        [self.sorted.len() as u64 - high, high]
    }

    /// Cases by distinct score, lowest first, each counted as often as `weights` says of its patient.
    pub fn tied(&self, weights: &[u32]) -> impl Iterator<Item = Tied> {
        self.sorted.chunk_by(|a, b| a.score == b.score).map(|tied| {
            let count = |high| {
                let of_grade = tied.iter().filter(|case| case.high == high);
                of_grade.map(|case| u64::from(weights[case.patient])).sum()
            };
            Tied {
                score: tied[0].score,
                low: count(false),
                high: count(true),
            }
        })
    }

    /// Mean of a value of each case, weighted by patient; nothing without cases.
    pub fn mean(&self, weights: &[u32], value: impl Fn(&Case) -> f64) -> Option<f64> {
        let weighted = |case: &Case| {
            let weight = f64::from(weights[case.patient]);
            (weight * value(case), weight)
        };
        let (sum, count) = self
            .sorted
            .iter()
            .map(weighted)
            .fold((0.0, 0.0), |(s, n), (value, weight)| (s + value, n + weight));
        (count > 0.0).then(|| sum / count)
    }
}
