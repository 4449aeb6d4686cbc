//! Every figure of one set of cases: all pictures, those of a contrast phase, or the exams.

use serde::Serialize;

use super::binary::{Confusion, Estimate, share, wilson};
use super::bootstrap;
use super::calibration::{self, Bin};
use super::cases::Cases;
use super::threshold::Rule;
use super::{auc, auc::auc as area};

/// The figures of one set of cases.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Level {
    /// How many cases.
    pub cases: u64,
    /// Of how many patients.
    pub patients: u64,
    /// Cases of low grade.
    pub low: u64,
    /// Cases of high grade.
    pub high: u64,
    /// Area under the ROC curve; `ci95` is DeLong's.
    pub auc: Estimate,
    /// Brier score.
    pub brier: Estimate,
    /// Expected calibration error over [`calibration::BINS`] bins.
    pub calibration_error: Option<f64>,
    /// The bins, lowest score first.
    pub calibration: [Bin; calibration::BINS],
    /// How well calls do, by each rule that is defined: 0.5, Youden's, the wanted sensitivity, the model's band.
    pub calls: Vec<Calls>,
}

/// How well the calls of one rule do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Calls {
    /// The rule.
    pub rule: Rule,
    /// From which score on a case is high; absent for the band.
    pub threshold: Option<f64>,
    /// The counts.
    pub confusion: Confusion,
    /// High-grade cases called high, of those with a call.
    pub sensitivity: Estimate,
    /// Low-grade cases called low, of those with a call.
    pub specificity: Estimate,
    /// Right calls of all calls.
    pub accuracy: Estimate,
    /// High-grade cases of those called high.
    pub ppv: Estimate,
    /// Low-grade cases of those called low.
    pub npv: Estimate,
    /// Cases without a call of all cases; a threshold calls every one.
    pub no_call: Estimate,
    /// Harmonic mean of sensitivity and PPV.
    pub f1: Estimate,
}

impl Level {
    /// The figures of `cases` for a model with this `band`; thresholds stay as they are while patients are drawn.
    pub fn new(cases: &Cases, band: [f64; 2], wanted_sensitivity: f64) -> Self {
        let draw = bootstrap::seeded();
        Self::drawn(cases, band, wanted_sensitivity, bootstrap::RESAMPLES, draw)
    }

    /// [`Self::new`] with draws of the caller's choice: `draw(n)` gives a number below n.
    pub fn drawn(
        cases: &Cases,
        band: [f64; 2],
        wanted_sensitivity: f64,
        resamples: usize,
        draw: impl FnMut(usize) -> usize,
    ) -> Self {
        let rules: Vec<Rule> = [
            Some(Rule::Half),
            Rule::youden(cases),
            Rule::sensitivity(cases, wanted_sensitivity),
            Some(Rule::Band(band)),
        ]
        .into_iter()
        .flatten()
        .collect();
        let intervals = bootstrap::intervals(cases.patients(), resamples, draw, |weights| {
            let calls = |rule: &Rule| Confusion::new(cases, weights, |score| rule.call(score));
            let shares = rules
                .iter()
                .map(calls)
                .flat_map(|c| c.values().collect::<Vec<_>>());
            [area(cases, weights), calibration::brier(cases, weights)]
                .into_iter()
                .chain(shares)
                .collect()
        });
        let mut intervals = intervals.into_iter();
        let mut next = || intervals.next().flatten();
        let once = cases.once();
        let estimate = |value, ci95, ci95_by_patient| Estimate {
            value,
            ci95,
            ci95_by_patient,
        };
        let [low, high] = cases.counts();
        let calibration = calibration::bins(cases);
        Self {
            cases: low + high,
            patients: cases.patients().len() as u64,
            low,
            high,
            auc: estimate(area(cases, &once), auc::delong(cases), next()),
            brier: estimate(calibration::brier(cases, &once), None, next()),
            calibration_error: calibration::error(&calibration),
            calibration,
            calls: rules
                .into_iter()
                .map(|rule| {
                    let confusion = Confusion::new(cases, &once, |score| rule.call(score));
                    Calls::new(rule, confusion, &mut next)
                })
                .collect(),
        }
    }
}

impl Level {
    /// The share of cases within the model's band.
    pub fn indeterminate(&self) -> Estimate {
        let band = self
            .calls
            .iter()
            .find(|calls| matches!(calls.rule, Rule::Band(_)));
        band.map(|calls| calls.no_call).unwrap_or_default()
    }
}

impl Calls {
    /// `by_patient` gives the intervals in the order of [`Confusion::values`].
    fn new(rule: Rule, confusion: Confusion, mut by_patient: impl FnMut() -> Option<[f64; 2]>) -> Self {
        let [sensitivity, specificity, accuracy, ppv, npv, no_call] =
            confusion.shares().map(|(count, of)| Estimate {
                value: share(count, of),
                ci95: wilson(count, of),
                ci95_by_patient: by_patient(),
            });
        Self {
            threshold: rule.threshold(),
            rule,
            confusion,
            sensitivity,
            specificity,
            accuracy,
            ppv,
            npv,
            no_call,
            f1: Estimate {
                value: confusion.f1(),
                ci95: None,
                ci95_by_patient: by_patient(),
            },
        }
    }

    /// The figures with their names, in the order in which people read them.
    pub fn figures(&self) -> [(&'static str, &Estimate); 6] {
        [
            ("sensitivity", &self.sensitivity),
            ("specificity", &self.specificity),
            ("accuracy", &self.accuracy),
            ("PPV", &self.ppv),
            ("NPV", &self.npv),
            ("F1", &self.f1),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(cases: &[(&str, bool, f64)]) -> Level {
        Level::new(&Cases::new(cases.iter().copied()), [0.4, 0.6], 0.9)
    }

    #[test]
    fn a_missing_grade_leaves_what_it_needs_undefined_and_nothing_else() {
        let lows = level(&[("a", false, 0.2), ("b", false, 0.9), ("b", false, 0.5)]);
        assert_eq!((lows.auc, lows.calls.len()), (Estimate::default(), 2));
        assert_eq!(lows.calls[0].sensitivity, Estimate::default());
        assert_eq!(lows.calls[0].specificity.value, Some(1.0 / 3.0));
        let json = serde_json::to_string(&lows).expect("JSON");
        assert!(!json.contains("NaN") && json.contains("\"value\":null"), "{json}");
    }

    #[test]
    fn nothing_at_all_gives_no_figures_and_no_panic() {
        let none = level(&[]);
        assert_eq!(
            (none.cases, none.brier, none.calibration_error),
            (0, Estimate::default(), None)
        );
    }

    #[test]
    fn one_patient_has_figures_without_an_interval_by_patient() {
        let one = level(&[("a", true, 0.7), ("a", true, 0.3)]);
        let sensitivity = one.calls[0].sensitivity;
        assert_eq!(
            (sensitivity.value, sensitivity.ci95_by_patient),
            (Some(0.5), None)
        );
        assert!(sensitivity.ci95.is_some());
    }
}
