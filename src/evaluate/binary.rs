//! Calls against the truth: the confusion matrix and what is computed from it.

use serde::Serialize;

use super::Z95;
use super::cases::Cases;

/// A figure with its 95 % intervals; whatever is undefined is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Estimate {
    /// The figure.
    pub value: Option<f64>,
    /// Wilson's interval of a share, DeLong's of an AUC: both take cases for independent.
    pub ci95: Option<[f64; 2]>,
    /// From the bootstrap over patients.
    pub ci95_by_patient: Option<[f64; 2]>,
}

/// How many calls were right and wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Confusion {
    /// High-grade cases called high.
    pub true_high: u64,
    /// Low-grade cases called high.
    pub false_high: u64,
    /// Low-grade cases called low.
    pub true_low: u64,
    /// High-grade cases called low.
    pub false_low: u64,
    /// Cases without a call.
    pub no_call: u64,
}

impl Confusion {
    /// Of `cases`, each counted as often as `weights` says of its patient; `call` says whether a score is high.
    pub fn new(cases: &Cases, weights: &[u32], call: impl Fn(f64) -> Option<bool>) -> Self {
        let mut counts = Self::default();
        for case in cases.all() {
            *match (call(case.score), case.high) {
                (Some(true), true) => &mut counts.true_high,
                (Some(true), false) => &mut counts.false_high,
                (Some(false), false) => &mut counts.true_low,
                (Some(false), true) => &mut counts.false_low,
                (None, _) => &mut counts.no_call,
            } += u64::from(weights[case.patient]);
        }
        counts
    }

    /// Sensitivity, specificity, accuracy, PPV, NPV and no call, each as (count, of how many). PPV and NPV are
    /// those of the set's own mixture of grades.
    pub fn shares(&self) -> [(u64, u64); 6] {
        let right = self.true_high + self.true_low;
        let called = right + self.false_high + self.false_low;
        [
            (self.true_high, self.true_high + self.false_low),
            (self.true_low, self.true_low + self.false_high),
            (right, called),
            (self.true_high, self.true_high + self.false_high),
            (self.true_low, self.true_low + self.false_low),
            (self.no_call, called + self.no_call),
        ]
    }

    /// Harmonic mean of sensitivity and PPV; nothing if no case is high or called high.
    pub fn f1(&self) -> Option<f64> {
        share(
            2 * self.true_high,
            2 * self.true_high + self.false_high + self.false_low,
        )
    }

    /// [`Self::shares`] as numbers, then [`Self::f1`].
    pub fn values(&self) -> impl Iterator<Item = Option<f64>> {
        let shares = self.shares().map(|(count, of)| share(count, of));
        shares.into_iter().chain([self.f1()])
    }
}

/// `count / of`, where there is anything to count.
pub fn share(count: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| count as f64 / of as f64)
}

/// 95 % interval of a share (Wilson 1927, 10.1080/01621459.1927.10502953), without continuity correction.
pub fn wilson(count: u64, of: u64) -> Option<[f64; 2]> {
    let share = share(count, of)?;
    let n = of as f64;
    let z2 = Z95 * Z95;
    let centre = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let reach = Z95 / (1.0 + z2 / n) * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    Some([(centre - reach).max(0.0), (centre + reach).min(1.0)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_lands_in_one_cell() {
        let cases = Cases::new([
            ("a", true, 0.9),
            ("b", true, 0.2),
            ("c", false, 0.8),
            ("d", false, 0.5),
        ]);
        let call = |score: f64| (score != 0.5).then_some(score > 0.5);
        let confusion = Confusion::new(&cases, &[1, 2, 3, 4], call);
        let wanted = Confusion {
            true_high: 1,
            false_low: 2,
            false_high: 3,
            true_low: 0,
            no_call: 4,
        };
        assert_eq!(confusion, wanted);
        assert_eq!(confusion.f1(), Some(2.0 / 7.0));
    }

    #[test]
    fn nothing_to_count_is_undefined_and_all_of_few_is_not_certain() {
        assert_eq!(
            (share(0, 0), wilson(0, 0), Confusion::default().f1()),
            (None, None, None)
        );
        let [low, high] = wilson(5, 5).expect("an interval");
        assert!(
            (low - 5.0 / (5.0 + Z95 * Z95)).abs() < 1e-12 && (high - 1.0).abs() < 1e-12,
            "{low} {high}"
        );
    }
}
