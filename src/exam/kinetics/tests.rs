//! Fits held to the phantom's own kinetics.

use super::*;
use crate::capture::phantom::{Grade, lesion_power};

/// A curve of 90 seconds, five samples a second, with multiplicative noise of this standard deviation.
fn curve(seed: u64, noise: f64) -> Vec<(f64, f64)> {
    let mut random = oorandom::Rand64::new(seed.into());
    let mut normal = || (0..12).map(|_| random.rand_float()).sum::<f64>() - 6.0;
    let (power, _) = lesion_power(seed, Grade::High);
    let sample = |n: u32| {
        let t = f64::from(n) / 5.0;
        (t, (0.03 + f64::from(power(t as f32))) * (1.0 + noise * normal()))
    };
    (0..450).map(sample).collect()
}

/// The figures that the phantom's own curve has.
fn truth(seed: u64) -> Figures {
    let (power, transit_s) = lesion_power(seed, Grade::High);
    figures(0.0, 0.025, transit_s.into(), |t| f64::from(power(t as f32))).expect("a peak in 50 s")
}

#[test]
fn each_figure_is_within_5_percent_of_the_phantoms_or_the_fit_is_called_poor() {
    for (noise, least_good) in [(0.0, 15), (0.02, 10), (0.05, 4)] {
        let mut good = 0;
        for seed in 0..16 {
            let fit = fit(&curve(seed, noise)).expect("an enhancement");
            if fit.poor {
                continue;
            }
            good += 1;
            let Kinetics {
                arrival_s,
                time_to_peak_s,
                peak,
                wash_in_per_s,
                mean_transit_s,
                wash_out,
            } = fit.kinetics;
            let truth = truth(seed);
            for (n, found) in [
                (0, arrival_s),
                (1, time_to_peak_s),
                (2, peak),
                (3, wash_in_per_s),
                (4, mean_transit_s),
                (5, wash_out),
            ] {
                let off = f64::from(found) / truth[n] - 1.0;
                assert!(
                    off.abs() < 0.05,
                    "noise {noise}, seed {seed}, figure {n}: off by {off:.3}, {fit:?}"
                );
            }
        }
        assert!(good >= least_good, "noise {noise}: {good} of 16 fits are good");
    }
}

#[test]
fn no_enhancement_is_no_figure_or_a_poor_fit() {
    let flat: Vec<_> = (0..400).map(|n| (f64::from(n) / 5.0, 0.1)).collect();
    assert!(fit(&flat).is_none_or(|fit| fit.poor));
    let mut random = oorandom::Rand64::new(3);
    let noise: Vec<_> = (0..400)
        .map(|n| (f64::from(n) / 5.0, random.rand_float()))
        .collect();
    assert!(fit(&noise).is_none_or(|fit| fit.poor));
    assert_eq!(fit(&flat[..LEAST - 1]), None);
}

#[test]
fn a_few_wild_samples_do_not_move_a_fit() {
    let mut samples = curve(4, 0.01);
    for n in (0..samples.len()).step_by(25) {
        samples[n].1 *= 3.0;
    }
    let (wild, clean) = (
        fit(&samples).expect("a fit"),
        fit(&curve(4, 0.01)).expect("a fit"),
    );
    let ratio = wild.kinetics.peak / clean.kinetics.peak;
    assert!((ratio - 1.0).abs() < 0.05, "{ratio}");
}

/// A fit with an infinite mean transit time once made its exam unstorable.
#[test]
fn what_is_said_of_any_curve_is_finite() {
    for seed in 0..20 {
        let mut draws = oorandom::Rand64::new(seed);
        let rise = draws.rand_float() * 0.2;
        let samples: Vec<(f64, f64)> = (0..60)
            .map(|n| {
                (
                    f64::from(n) * 0.2,
                    f64::from(n) * rise + draws.rand_float() * seed as f64,
                )
            })
            .collect();
        if let Some(Fit { kinetics, r2, .. }) = fit(&samples) {
            let text = serde_json::to_string(&kinetics).expect("numbers");
            assert!(r2.is_finite() && !text.contains("null"), "seed {seed}: {text}");
        }
    }
}
