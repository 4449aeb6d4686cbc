//! Does a score of 0.8 mean that eight of ten are high grade?

use serde::Serialize;

use super::cases::{Case, Cases};

/// Bins of equal width over 0..1. A score on an edge belongs to the bin below.
pub const BINS: usize = 10;

/// The cases of one bin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Bin {
    /// How many.
    pub cases: u64,
    /// How many of them are high grade.
    pub high: u64,
    /// Mean of their scores; 0 without cases.
    pub mean_score: f64,
}

/// Mean squared difference of score and truth (Brier 1950), 0 the best.
pub fn brier(cases: &Cases, weights: &[u32]) -> Option<f64> {
    let truth = |case: &Case| f64::from(u8::from(case.high));
    cases.mean(weights, |case| (case.score - truth(case)).powi(2))
}

/// The cases by score.
pub fn bins(cases: &Cases) -> [Bin; BINS] {
    let mut bins = [Bin::default(); BINS];
    for case in cases.all() {
        let above = (1..BINS).take_while(|&edge| case.score > edge as f64 / BINS as f64);
        let bin = &mut bins[above.count()];
        bin.cases += 1;
        bin.high += u64::from(case.high);
        bin.mean_score += case.score;
    }
    for bin in bins.iter_mut().filter(|bin| bin.cases > 0) {
        bin.mean_score /= bin.cases as f64;
    }
    bins
}

/// Expected calibration error: |mean score - share of high grade| of the bins, weighted by their cases (Naeini et
/// al. 2015, 10.1609/aaai.v29i1.9602).
pub fn error(bins: &[Bin]) -> Option<f64> {
    let cases: u64 = bins.iter().map(|bin| bin.cases).sum();
    let gap = |bin: &Bin| (bin.cases as f64 * bin.mean_score - bin.high as f64).abs();
    (cases > 0).then(|| bins.iter().map(gap).sum::<f64>() / cases as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_belong_below_and_the_ends_to_the_outer_bins() {
        let cases = Cases::new([0.0, 0.1, 0.3, 0.7, 0.95, 1.0].map(|score| ("p", true, score)));
        let counts = bins(&cases).map(|bin| bin.cases);
        assert_eq!(counts, [2, 0, 1, 0, 0, 0, 1, 0, 0, 2]);
    }

    #[test]
    fn perfect_scores_have_no_error_and_no_cases_have_no_figure() {
        let perfect = Cases::new([("a", true, 1.0), ("b", false, 0.0)]);
        assert_eq!(
            (brier(&perfect, &[1, 1]), error(&bins(&perfect))),
            (Some(0.0), Some(0.0))
        );
        let none = Cases::new([]);
        assert_eq!((brier(&none, &[]), error(&bins(&none))), (None, None));
    }
}
