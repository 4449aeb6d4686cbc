//! The shadow of a rib or of gas: some beams that lose much of their energy a little below the skin, now and then.

use std::f32::consts::TAU;

use super::patient::from_db;
use super::probe::BEAMS;
use super::rng::Draws;

/// Share of the patients who have one.
const SHARE: f32 = 0.6;
/// The first row that is in the shade.
pub(super) const FIRST_ROW: usize = 60;

/// Where it falls, how dark it gets, and when.
pub(super) struct Shadow {
    /// In beams.
    centre: f32,
    half_width: f32,
    sway: f32,
    loss_db: f32,
    period_s: f32,
    phase: f32,
}

impl Shadow {
    pub fn drawn(draws: &mut Draws) -> Option<Self> {
        let shadow = Self {
            centre: draws.uniform(0.3, 0.7) * BEAMS as f32,
            half_width: draws.uniform(7.0, 26.0),
            sway: draws.uniform(5.0, 40.0),
            loss_db: draws.uniform(6.0, 22.0),
            period_s: draws.uniform(7.0, 23.0),
            phase: draws.uniform(0.0, TAU),
        };
        (draws.uniform(0.0, 1.0) < SHARE).then_some(shadow)
    }

    /// What is left of the echo power of each beam after `t` seconds.
    pub fn factors(&self, t: f32) -> [f32; BEAMS] {
        let angle = TAU * t / self.period_s + self.phase;
        let loss_db = self.loss_db * libm::sinf(angle).max(0.0);
        let centre = self.centre + self.sway * libm::cosf(0.7 * angle);
        std::array::from_fn(|beam| {
            let x = (beam as f32 - centre) / self.half_width;
            from_db(-loss_db * libm::expf(-x * x * x * x))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::rng::Stream;
    use super::*;

    #[test]
    fn it_darkens_some_beams_some_of_the_time() {
        let drawn = (0..200).filter_map(|seed| Shadow::drawn(&mut Draws::new(seed, Stream::Patient)));
        let shadows: Vec<Shadow> = drawn.collect();
        assert!((100..140).contains(&shadows.len()), "{}", shadows.len());
        for shadow in &shadows {
            let darkest = |t: f32| shadow.factors(t).into_iter().fold(1.0, f32::min);
            let times: Vec<f32> = (0..100).map(|n| darkest(n as f32 * 0.6)).collect();
            assert!(times.iter().any(|f| *f < 0.4) && times.iter().any(|f| *f > 0.99));
            assert!(times.iter().all(|f| (0.005..=1.0).contains(f)));
        }
    }
}
