//! Rules that make a call of a score, and thresholds chosen from the scores.

use std::fmt;

use serde::{Serialize, Serializer};

use super::cases::Cases;

/// How a score becomes a call. A score at a threshold is high.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// High from 0.5 on: where the model says that both grades are as likely.
    Half,
    /// High from here on: the largest sum of sensitivity and specificity (Youden 1950).
    Youden(f64),
    /// High from here on: the highest threshold that reaches a wanted sensitivity.
    Sensitivity {
        /// What was wanted, 0..1.
        wanted: f64,
        /// The threshold.
        threshold: f64,
    },
    /// The model's own verdict: low below the band, high above it, no call within, ends included.
    Band([f64; 2]),
}

impl Rule {
    /// Whether `score` is high; no call within a band.
    pub fn call(&self, score: f64) -> Option<bool> {
        match self {
            Self::Band([low, high]) => (score < *low || score > *high).then_some(score > *high),
            other => other.threshold().map(|threshold| score >= threshold),
        }
    }

    /// The score from which on a case is high; a band has none.
    pub fn threshold(&self) -> Option<f64> {
        match *self {
            Self::Half => Some(0.5),
            Self::Youden(threshold) | Self::Sensitivity { threshold, .. } => Some(threshold),
            Self::Band(_) => None,
        }
    }

    /// Youden's threshold for `cases`, the highest where several do as well; nothing if a grade is missing.
    pub fn youden(cases: &Cases) -> Option<Self> {
        let [lows, highs] = cases.counts().map(i128::from);
        let (mut low_left, mut high_left) = (lows, highs);
        let mut best: Option<(i128, f64)> = None;
        for tied in cases.tied(&cases.once()) {
            // Sensitivity + specificity - 1, times both counts: exact.
            let gain = high_left * lows - low_left * highs;
            if best.is_none_or(|(most, _)| gain >= most) {
                best = Some((gain, tied.score));
            }
            low_left -= i128::from(tied.low);
            high_left -= i128::from(tied.high);
        }
        best.filter(|_| lows > 0 && highs > 0)
            .map(|(_, score)| Self::Youden(score))
    }

    /// The highest threshold at which the share `wanted` of the high-grade cases is called high; nothing without any.
    pub fn sensitivity(cases: &Cases, wanted: f64) -> Option<Self> {
        let [_, highs] = cases.counts();
        let mut left = highs;
        let mut threshold = None;
        for tied in cases.tied(&cases.once()) {
            if highs > 0 && left as f64 / highs as f64 >= wanted {
                threshold = Some(tied.score);
            }
            left -= tied.high;
        }
        threshold.map(|threshold| Self::Sensitivity { wanted, threshold })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Half => f.write_str("at 0.5"),
            Self::Youden(threshold) => write!(f, "Youden's, {threshold:.3}"),
            Self::Sensitivity { wanted, threshold } => write!(f, "sensitivity {wanted}, {threshold:.3}"),
            Self::Band([low, high]) => write!(f, "outside {low:.3}–{high:.3}"),
        }
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Half => "half",
            Self::Youden(_) => "youden",
            Self::Sensitivity { .. } => "sensitivity",
            Self::Band(_) => "band",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cases() -> Cases {
        let lows = [0.1, 0.2, 0.6].map(|s| ("l", false, s));
        let highs = [0.3, 0.6, 0.7, 0.9].map(|s| ("h", true, s));
        Cases::new(lows.into_iter().chain(highs))
    }

    #[test]
    fn thresholds_are_scores_and_call_themselves_high() {
        // From 0.3: 4 of 4 and 2 of 3; from 0.7: 2 of 4 and 3 of 3.
        assert_eq!(Rule::youden(&cases()), Some(Rule::Youden(0.3)));
        let wanted = |wanted| Rule::sensitivity(&cases(), wanted).and_then(|rule| rule.threshold());
        assert_eq!(
            [0.25, 0.5, 0.75, 0.9].map(wanted),
            [Some(0.9), Some(0.7), Some(0.6), Some(0.3)]
        );
        assert_eq!(Rule::Youden(0.3).call(0.3), Some(true));
    }

    #[test]
    fn a_band_makes_no_call_at_its_ends() {
        let band = Rule::Band([0.4, 0.6]);
        assert_eq!(
            [0.39, 0.4, 0.6, 0.61].map(|s| band.call(s)),
            [Some(false), None, None, Some(true)]
        );
    }

    #[test]
    fn a_missing_grade_gives_no_threshold() {
        let low = Cases::new([("l", false, 0.4)]);
        assert_eq!((Rule::youden(&low), Rule::sensitivity(&low, 0.9)), (None, None));
        let high = Cases::new([("h", true, 0.4)]);
        assert_eq!(Rule::youden(&high), None);
        assert!(Rule::sensitivity(&high, 0.9).is_some());
    }
}
