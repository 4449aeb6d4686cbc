//! The report's plots: ROC curve, calibration, scores by grade.

use super::plot::{Mark, Plot};
use crate::evaluate::auc;
use crate::evaluate::binary::{share, wilson};
use crate::evaluate::cases::Cases;
use crate::evaluate::level::{Calls, Level};
use crate::evaluate::table::number;
use crate::evaluate::threshold::Rule;

/// Bars of the histogram over 0..1.
const BARS: usize = 20;

/// The ROC curves of pictures and exams, and where the pictures' thresholds lie.
pub fn roc(pictures: &Cases, exams: &Cases, figures: &Level, exam_figures: &Level) -> String {
    let mut plot = Plot::of_shares("ROC curve", ["1 − specificity", "sensitivity"]);
    plot.line("chance", [[0.0, 0.0], [1.0, 1.0]]);
    plot.line("exams", corners(&auc::roc(exams)));
    plot.line("pictures", corners(&auc::roc(pictures)));
    let marked = figures
        .calls
        .iter()
        .filter_map(|calls| Some((mark(calls.rule)?, calls)));
    let mut row = 0;
    let marked: Vec<_> = marked.collect();
    for (mark, calls) in marked.into_iter().rev() {
        if let Some(at) = operating_point(calls) {
            plot.mark("point", mark, at, 5.0);
            plot.legend(row, "point", Some(mark), &calls.rule.to_string());
            row += 1;
        }
    }
    let area = |name: &str, level: &Level| format!("{name}, AUC {}", number(level.auc.value));
    plot.legend(row, "exams", None, &area("exams", exam_figures));
    plot.legend(row + 1, "pictures", None, &area("pictures", figures));
    plot.finish()
}

fn mark(rule: Rule) -> Option<Mark> {
    match rule {
        Rule::Half => Some(Mark::Disc),
        Rule::Youden(_) => Some(Mark::Square),
        Rule::Sensitivity { .. } => Some(Mark::Diamond),
        Rule::Band(_) => None,
    }
}

fn operating_point(calls: &Calls) -> Option<[f64; 2]> {
    Some([1.0 - calls.specificity.value?, calls.sensitivity.value?])
}

/// The points at which a curve turns.
fn corners(curve: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let straight = |w: &[[f64; 2]]| (0..2).any(|axis| w.iter().all(|point| point[axis] == w[0][axis]));
    let inner = curve.windows(3).filter(|w| !straight(w)).map(|w| w[1]);
    let ends = |point: Option<&[f64; 2]>| point.copied();
    ends(curve.first())
        .into_iter()
        .chain(inner)
        .chain(ends(curve.last()))
        .collect()
}

/// Mean score against the share of high grade in each bin, with Wilson's interval.
pub fn calibration(figures: &Level) -> String {
    let mut plot = Plot::of_shares("Calibration", ["mean score of the bin", "share of high grade"]);
    plot.line("chance", [[0.0, 0.0], [1.0, 1.0]]);
    let most = figures.calibration.iter().map(|bin| bin.cases).max().unwrap_or(0);
    for bin in &figures.calibration {
        let (Some(high), Some([low_end, high_end])) =
            (share(bin.high, bin.cases), wilson(bin.high, bin.cases))
        else {
            continue;
        };
        plot.line(
            "bar-of-error",
            [[bin.mean_score, low_end], [bin.mean_score, high_end]],
        );
        let radius = 3.0 + 6.0 * (bin.cases as f64 / most as f64).sqrt();
        plot.mark("pictures-mark", Mark::Disc, [bin.mean_score, high], radius);
    }
    plot.legend(0, "chance", None, "perfect calibration");
    plot.legend(
        1,
        "pictures-mark",
        Some(Mark::Disc),
        "a bin, larger with more cases",
    );
    plot.finish()
}

/// How many cases, `what` in words, of each grade have which score: high grade upwards, low grade downwards.
pub fn scores(cases: &Cases, what: &str, band: Option<[f64; 2]>) -> String {
    let mut counts = [[0u32; 2]; BARS];
    for case in cases.all() {
        let bar = ((case.score * BARS as f64) as usize).min(BARS - 1);
        counts[bar][usize::from(case.high)] += 1;
    }
    let most = counts.iter().flatten().copied().max().unwrap_or(0).max(1);
    let step = tick_step(most);
    let end = most.div_ceil(step) * step;
    let ticks: Vec<(f64, String)> = (0..=end / step)
        .map(|n| n * step)
        .flat_map(|n| [f64::from(n), -f64::from(n)].map(|y| (y, n.to_string())))
        .collect();
    let end = f64::from(end);
    let mut plot = Plot::new(
        "Scores by grade",
        ["score, P(high grade)", what],
        [-end, end],
        &ticks,
    );
    if let Some(band) = band {
        plot.bar("band", band, [-end, end]);
    }
    for (bar, [low, high]) in counts.into_iter().enumerate() {
        let x = [bar, bar + 1].map(|edge| edge as f64 / BARS as f64);
        plot.bar("high", x, [0.0, f64::from(high)]);
        plot.bar("low", x, [0.0, -f64::from(low)]);
    }
    plot.line("threshold", [[0.5, -end], [0.5, end]]);
    plot.line("axis", [[0.0, 0.0], [1.0, 0.0]]);
    plot.finish()
}

/// A round step that gives at most five ticks up to `most`.
fn tick_step(most: u32) -> u32 {
    let steps = (0..9).flat_map(|power| [1, 2, 5].map(|n| n * 10u32.pow(power)));
    steps
        .into_iter()
        .find(|step| most.div_ceil(*step) <= 5)
        .unwrap_or(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_keeps_the_points_at_which_it_turns() {
        let curve = [
            [0.0, 0.0],
            [0.0, 0.5],
            [0.0, 0.7],
            [0.2, 0.8],
            [0.6, 0.8],
            [1.0, 0.8],
            [1.0, 1.0],
        ];
        let wanted = [[0.0, 0.0], [0.0, 0.7], [0.2, 0.8], [1.0, 0.8], [1.0, 1.0]];
        assert_eq!(corners(&curve), wanted);
        assert!(corners(&[]).is_empty());
    }

    #[test]
    fn ticks_are_round_and_few() {
        assert_eq!([1, 5, 6, 40, 51, 400].map(tick_step), [1, 1, 2, 10, 20, 100]);
    }

    #[test]
    fn plots_of_nothing_are_plots() {
        let none = Cases::new([]);
        let level = Level::new(&none, [0.4, 0.6], 0.9);
        for svg in [
            roc(&none, &none, &level, &level),
            calibration(&level),
            scores(&none, "exams", None),
        ] {
            assert!(
                svg.starts_with("<svg") && svg.ends_with("</svg>\n") && !svg.contains("NaN"),
                "{svg}"
            );
        }
    }
}
