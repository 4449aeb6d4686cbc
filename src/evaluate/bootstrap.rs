//! 95 % intervals that know that pictures of one patient resemble each other.
//!
//! Patients are drawn with replacement, within each grade, as many as there are; a figure is computed of all their
//! cases; the 2.5th and 97.5th percentiles over many such draws are its interval (Efron and Tibshirani 1993, ch. 13).

/// Draws for an interval.
pub const RESAMPLES: usize = 2000;
/// Fixed, so that the same set gives the same interval.
const SEED: u128 = 0x50_4E_4F;

/// A figure that is undefined in more than this share of the draws has no interval.
const MAY_BE_UNDEFINED: f64 = 0.05;

/// Gives a number below its argument, the same ones at each start.
pub fn seeded() -> impl FnMut(usize) -> usize {
    let mut random = oorandom::Rand64::new(SEED);
    move |below| random.rand_range(0..below as u64) as usize
}

/// The intervals of the figures that `figures` computes when each patient counts as often as its weight says.
///
/// `patients` says of each whether the grade is high. `draw(n)` gives a number below n. Where a grade that is there
/// at all has a single patient, nothing can be drawn: no figure then has an interval.
pub fn intervals(
    patients: &[bool],
    resamples: usize,
    mut draw: impl FnMut(usize) -> usize,
    mut figures: impl FnMut(&[u32]) -> Vec<Option<f64>>,
) -> Vec<Option<[f64; 2]>> {
    let of_grade = |grade: bool| (0..patients.len()).filter(move |&p| patients[p] == grade);
    let grades = [false, true].map(|grade| of_grade(grade).collect::<Vec<_>>());
    let mut weights = vec![0; patients.len()];
    let mut drawn: Vec<Vec<f64>> = vec![Vec::new(); figures(&weights).len()];
    if patients.is_empty() || grades.iter().any(|members| members.len() == 1) {
        return vec![None; drawn.len()];
    }
    for _ in 0..resamples {
        weights.fill(0);
        for members in &grades {
            for _ in members {
                weights[members[draw(members.len())]] += 1;
            }
        }
        for (values, value) in drawn.iter_mut().zip(figures(&weights)) {
            values.extend(value);
        }
    }
    let enough = (1.0 - MAY_BE_UNDEFINED) * resamples as f64;
    let interval = |values: &mut Vec<f64>| {
        values.sort_by(f64::total_cmp);
        let defined = !values.is_empty() && values.len() as f64 >= enough;
        defined.then(|| [percentile(values, 0.025), percentile(values, 0.975)])
    };
    drawn.iter_mut().map(interval).collect()
}

/// Between the two nearest of `sorted`, which is not empty.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    let at = share * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[at as usize], sorted[at.ceil() as usize]);
    below + (above - below) * at.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grades_keep_their_numbers_and_draws_repeat() {
        let patients = [true, false, true, false, false];
        let run = || {
            intervals(&patients, 50, seeded(), |weights| {
                let high: u32 = [0, 2].iter().map(|&p: &usize| weights[p]).sum();
                vec![Some(f64::from(high)), Some(f64::from(weights[0]))]
            })
        };
        let first = run();
        assert_eq!(first, run());
        // The figures are asked once without any weight, for their count alone.
        assert_eq!(first[0], Some([2.0, 2.0]));
        assert_eq!(first[1], Some([0.0, 2.0]));
    }

    #[test]
    fn one_patient_of_a_grade_and_rarely_defined_figures_have_no_interval() {
        let one = |_: &[u32]| vec![Some(1.0)];
        assert_eq!(intervals(&[true, false, false], 9, seeded(), one), [None]);
        assert_eq!(intervals(&[], 9, seeded(), one), [None]);
        let mut calls = 0;
        let rare = |_: &[u32]| {
            calls += 1;
            vec![(calls % 2 == 0).then_some(1.0)]
        };
        assert_eq!(intervals(&[true, true], 40, seeded(), rare), [None]);
    }
}
