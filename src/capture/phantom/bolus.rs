//! Contrast agent in each tissue over time.

use super::patient::{feature, from_db};
use super::rng::Draws;

/// When the contrast agent is injected, in seconds after the exam starts.
pub(super) const INJECTION_S: f32 = 3.0;

/// Tissues that enhance each in their own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tissue {
    Fat,
    Liver,
    Cortex,
    Medulla,
    Sinus,
    Vessel,
    Mass,
    Capsule,
}

impl Tissue {
    pub const ALL: [Self; 8] = [
        Self::Fat,
        Self::Liver,
        Self::Cortex,
        Self::Medulla,
        Self::Sinus,
        Self::Vessel,
        Self::Mass,
        Self::Capsule,
    ];
}

/// Enhancement of one tissue: a log-normal first pass (C. Strouthos et al., "Indicator dilution
/// models for the quantification of microvascular blood flow with bolus administration of ultrasound
/// contrast agents", IEEE Trans. Ultrason. Ferroelectr. Freq. Control 57(6), 1296-1310, 2010) and a
/// slowly cleared blood pool.
#[derive(Clone, Copy)]
pub(super) struct Bolus {
    /// Arrival in seconds after the exam starts.
    pub arrival_s: f32,
    /// From arrival to the peak of the first pass.
    pub rise_s: f32,
    /// Shape parameter of the log-normal curve: wider washes out later.
    pub spread: f32,
    /// Share of the peak that stays in the blood pool.
    pub pool: f32,
    /// Echo power at the peak; 1 is a typical cortex.
    pub peak: f32,
}

/// How long the blood pool keeps its bubbles.
const CLEARANCE_S: f32 = 120.0;

impl Bolus {
    /// Echo power at `t` seconds. Power is proportional to the concentration of bubbles. The
    /// log-normal curve relative to its peak is exp(-ln²x / 2σ²) with x the time since arrival over
    /// the rise time.
    pub fn power(&self, t: f32) -> f32 {
        let since = t - self.arrival_s;
        if since <= 0.0 {
            return 0.0;
        }
        let log = libm::logf(since / self.rise_s);
        let first_pass = libm::expf(-log * log / (2.0 * self.spread * self.spread));
        let filled = 1.0 - libm::expf(-2.0 * since / self.rise_s);
        let pool = filled * libm::expf(-since / CLEARANCE_S);
        self.peak * ((1.0 - self.pool) * first_pass + self.pool * pool)
    }
}

/// Kinetics of every tissue. Arrival and rise are about half of what patients show, so that an exam
/// of a minute holds wash-in, peak and wash-out.
pub(super) fn boluses(draws: &mut Draws, severity: f32) -> [Bolus; 8] {
    let arrival = INJECTION_S + draws.uniform(2.5, 4.5);
    let rise = draws.uniform(4.5, 7.5);
    let cortex = Bolus {
        arrival_s: arrival,
        rise_s: rise,
        spread: draws.uniform(0.95, 1.25),
        pool: draws.uniform(0.15, 0.28),
        peak: 1.0,
    };
    let early = feature(draws, severity);
    let mass = Bolus {
        arrival_s: arrival + draws.uniform(-0.6, 1.2),
        rise_s: rise * draws.uniform(0.8, 1.3),
        spread: (0.95 - 0.13 * early).clamp(0.5, 1.4),
        pool: (0.18 - 0.05 * early).clamp(0.02, 0.35),
        peak: from_db(draws.normal(0.5, 1.8) - 0.4 * feature(draws, severity)),
    };
    let capsule = Bolus {
        spread: 1.3,
        pool: 0.4,
        peak: mass.peak * from_db(draws.uniform(0.0, 2.5)),
        rise_s: mass.rise_s * 1.3,
        ..mass
    };
    let slow = |delay: f32, stretch: f32, peak: f32| Bolus {
        arrival_s: arrival + delay,
        rise_s: rise * stretch,
        peak,
        ..cortex
    };
    Tissue::ALL.map(|tissue| match tissue {
        Tissue::Fat => slow(2.0, 2.0, 0.012),
        Tissue::Liver => slow(4.5, 3.0, 0.22),
        Tissue::Cortex => cortex,
        Tissue::Medulla => slow(5.0, 2.4, 0.35),
        Tissue::Sinus => slow(3.0, 2.0, 0.03),
        Tissue::Vessel => slow(-1.0, 0.6, 2.2),
        Tissue::Mass => mass,
        Tissue::Capsule => capsule,
    })
}

#[cfg(test)]
mod tests {
    use super::super::Grade;
    use super::super::patient::Patient;
    use super::Tissue;

    #[test]
    fn the_lesion_enhances_and_washes_out_within_a_minute() {
        for seed in 0..50 {
            let mass = Patient::new(seed, Grade::High).boluses[Tissue::Mass as usize];
            let curve: Vec<f32> = (0..600).map(|n| mass.power(n as f32 * 0.1)).collect();
            let peak = curve.iter().copied().fold(0.0, f32::max);
            let at = curve.iter().position(|v| *v == peak).expect("a peak");
            assert_eq!(curve[40], 0.0, "seed {seed}: nothing arrives within a second");
            assert!((80..250).contains(&at), "seed {seed}: peak after {at} tenths");
            assert!(curve[..at].is_sorted(), "seed {seed}: wash-in rises");
            assert!(curve[599] < 0.6 * peak, "seed {seed}: {} of {peak}", curve[599]);
        }
    }
}
