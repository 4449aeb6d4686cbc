//! Area under the ROC curve, its interval after DeLong, and the curve itself.

use super::Z95;
use super::cases::Cases;

/// Area under the ROC curve: the chance that a high-grade case scores above a low-grade one, ties counted half
/// (Hanley and McNeil 1982, 10.1148/radiology.143.1.7063747). Nothing if a grade is missing.
pub fn auc(cases: &Cases, weights: &[u32]) -> Option<f64> {
    let (mut low, mut high, mut twice_won) = (0u64, 0u64, 0u128);
    for tied in cases.tied(weights) {
        twice_won += u128::from(tied.high) * u128::from(2 * low + tied.low);
        low += tied.low;
        high += tied.high;
    }
    let pairs = u128::from(low) * u128::from(high);
    (pairs > 0).then(|| twice_won as f64 / (2 * pairs) as f64)
}

/// 95 % interval of the AUC after DeLong et al. 1988 (10.2307/2531595), computed from ranks as Sun and Xu 2014
/// (10.1109/LSP.2014.2337313) show, cut to 0..1. It takes every case for independent of every other.
///
/// Nothing with fewer than two cases of a grade, or where the estimated variance is 0 (perfect separation).
pub fn delong(cases: &Cases) -> Option<[f64; 2]> {
    let weights = cases.once();
    let auc = auc(cases, &weights)?;
    let [low, high] = cases.counts().map(|n| n as f64);
    let (mut low_below, mut high_below) = (0.0, 0.0);
    let (mut of_low, mut of_high) = (0.0, 0.0);
    for tied in cases.tied(&weights) {
        let (tied_low, tied_high) = (tied.low as f64, tied.high as f64);
        // How much of the other grade each of these cases stands on the right side of.
        let won_by_high = (low_below + tied_low / 2.0) / low;
        let won_by_low = (high - high_below - tied_high / 2.0) / high;
        of_high += tied_high * (won_by_high - auc).powi(2);
        of_low += tied_low * (won_by_low - auc).powi(2);
        low_below += tied_low;
        high_below += tied_high;
    }
    if low < 2.0 || high < 2.0 {
        return None;
    }
    let variance = of_high / (high - 1.0) / high + of_low / (low - 1.0) / low;
    let reach = Z95 * variance.sqrt();
    (variance > 0.0).then(|| [(auc - reach).max(0.0), (auc + reach).min(1.0)])
}

/// The ROC curve as (1 - specificity, sensitivity), from (0, 0) to (1, 1); empty if a grade is missing.
pub fn roc(cases: &Cases) -> Vec<[f64; 2]> {
    let [low, high] = cases.counts().map(|n| n as f64);
    if low == 0.0 || high == 0.0 {
        return Vec::new();
    }
    let mut rising: Vec<_> = cases.tied(&cases.once()).collect();
    rising.reverse();
    let mut at = [0.0, 0.0];
    let step = |tied: super::cases::Tied| {
        at = [at[0] + tied.low as f64, at[1] + tied.high as f64];
        [at[0] / low, at[1] / high]
    };
    std::iter::once([0.0, 0.0])
        .chain(rising.into_iter().map(step))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cases(low: &[f64], high: &[f64]) -> Cases {
        let of = |high: bool, scores: &[f64]| scores.iter().map(move |&s| (high, s)).collect::<Vec<_>>();
        let all = [of(false, low), of(true, high)].concat();
        Cases::new(
            all.iter()
                .map(|&(high, score)| (if high { "h" } else { "l" }, high, score)),
        )
    }

    #[test]
    fn pairs_are_counted_and_ties_are_half_a_win() {
        let set = cases(&[0.1, 0.5], &[0.5, 0.9]);
        assert_eq!(auc(&set, &set.once()), Some(3.5 / 4.0));
        assert_eq!(auc(&cases(&[0.3], &[]), &[1]), None);
    }

    #[test]
    fn separation_without_variance_has_no_interval() {
        assert_eq!(delong(&cases(&[0.1, 0.2], &[0.8, 0.9])), None);
        assert_eq!(delong(&cases(&[0.1, 0.2], &[0.15])), None);
        assert!(delong(&cases(&[0.1, 0.6], &[0.5, 0.9])).is_some());
    }

    #[test]
    fn the_area_under_the_curve_is_the_auc() {
        let set = cases(&[0.1, 0.2, 0.2, 0.7], &[0.2, 0.4, 0.9]);
        let curve = roc(&set);
        let area: f64 = curve
            .windows(2)
            .map(|w| (w[1][0] - w[0][0]) * (w[0][1] + w[1][1]) / 2.0)
            .sum();
        let auc = auc(&set, &set.once()).expect("both grades");
        assert!((area - auc).abs() < 1e-12 && curve.last() == Some(&[1.0, 1.0]));
        assert!(roc(&cases(&[0.1], &[])).is_empty());
    }
}
