//! One simulated patient: anatomy, bolus kinetics and scanner settings, all drawn from a seed.
//!
//! The lesion's looks follow what is written of clear cell renal cell carcinoma: high grades enhance
//! more heterogeneously, hold perfusion defects (necrosis), have ragged borders and wash out early;
//! low grades are more homogeneous and more often show a pseudocapsule as a perilesional rim. Every
//! feature is only loosely tied to the grade, and features are tied to each other through one hidden
//! severity, so that the two grades overlap widely, as they do on real scanners.

use std::f32::consts::TAU;

use serde::{Deserialize, Serialize};

use super::rng::{Draws, Stream};
use super::speckle::PointSpread;

/// How far the two grades lie apart: the mean of the hidden severity (standard deviation 1) is this
/// for high grade and its negative for low grade. Sets how hard the phantom is to grade.
const SEPARATION: f32 = 1.2;

/// Correlation of each visible feature with the severity.
const LOADING: f32 = 0.7;

/// When the contrast agent is injected, in seconds after the exam starts.
pub(super) const INJECTION_S: f32 = 3.0;

/// Nuclear grade of the simulated clear cell renal cell carcinoma (WHO/ISUP or Fuhrman).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// Grades I and II.
    Low,
    /// Grades III and IV.
    High,
}

impl Grade {
    /// The word that serde and clap use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::High => "high",
        }
    }
}

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

/// The kidney: an ellipse. Lengths in mm, `centre` as (lateral, depth).
pub(super) struct Kidney {
    pub centre: [f32; 2],
    pub half_length: f32,
    pub half_width: f32,
    /// Direction of the long axis, a unit vector.
    pub axis: [f32; 2],
    pub pyramids: f32,
}

/// The lesion. Lengths in mm, `centre` as (lateral, depth).
pub(super) struct Mass {
    pub centre: [f32; 2],
    pub radius: f32,
    /// Amplitude (share of the radius) and phase of the border's second and higher harmonics.
    pub harmonics: [(f32, f32); 6],
    /// Fine roughness of the border as a share of the radius.
    pub ragged: f32,
    /// Standard deviation of perfusion inside, dB.
    pub heterogeneity_db: f32,
    /// Size of the patches of unlike perfusion, mm.
    pub patch_mm: f32,
    /// Share of the lesion without perfusion.
    pub defects: f32,
    /// Thickness of the pseudocapsule as a share of the radius; 0 for none.
    pub capsule: f32,
    /// Echogenicity in the B-mode image, dB.
    pub echo_db: f32,
}

/// How this patient is scanned and how the scanner is set.
pub(super) struct Look {
    /// Depth of the image, mm.
    pub depth_mm: f32,
    /// Added to every contrast echo, dB.
    pub gain_db: f32,
    /// Dynamic range of the contrast image, dB.
    pub range_db: f32,
    /// What attenuation leaves uncompensated, dB/mm.
    pub slope_db_mm: f32,
    /// Electronic noise at the greatest depth, dB.
    pub noise_db: f32,
    /// Tissue that contrast mode does not cancel, dB.
    pub residue_db: f32,
    pub spread: PointSpread,
    /// Whether liver covers the kidney.
    pub liver: bool,
}

/// Breathing: a sine along range and along the beams.
pub(super) struct Breathing {
    pub period_s: f32,
    pub phase: f32,
    /// Amplitude in rows and beams.
    pub amplitude: [f32; 2],
}

/// Everything that is drawn once for a patient.
pub(super) struct Patient {
    pub kidney: Kidney,
    pub mass: Mass,
    /// In the order of [`Tissue::ALL`].
    pub boluses: [Bolus; 8],
    pub look: Look,
    pub breathing: Breathing,
}

impl Patient {
    pub fn new(seed: u64, grade: Grade) -> Self {
        let mut draws = Draws::new(seed, Stream::Patient);
        let mean = match grade {
            Grade::Low => -SEPARATION,
            Grade::High => SEPARATION,
        };
        let severity = Draws::new(seed, Stream::Grade).normal(mean, 1.0);
        let look = Look {
            depth_mm: draws.uniform(95.0, 130.0),
            gain_db: draws.normal(0.0, 2.0),
            range_db: draws.uniform(34.0, 48.0),
            slope_db_mm: draws.uniform(-0.09, 0.01),
            noise_db: draws.normal(-27.0, 2.0),
            residue_db: draws.normal(-27.0, 2.5),
            spread: PointSpread {
                rows: draws.uniform(1.1, 1.7),
                columns: draws.uniform(1.1, 1.6),
            },
            liver: draws.uniform(0.0, 1.0) < 0.5,
        };
        let mass = Mass::new(&mut draws, severity, look.depth_mm);
        let kidney = Kidney::beside(&mass, &mut draws);
        let boluses = boluses(&mut draws, severity);
        let breathing = Breathing {
            period_s: draws.uniform(3.2, 5.5),
            phase: draws.uniform(0.0, TAU),
            amplitude: [draws.uniform(0.5, 3.0), draws.uniform(0.3, 2.0)],
        };
        Self {
            kidney,
            mass,
            boluses,
            look,
            breathing,
        }
    }
}

/// One visible feature's standard score: tied to the severity, with noise of its own.
fn feature(draws: &mut Draws, severity: f32) -> f32 {
    LOADING * severity + draws.normal(0.0, libm::sqrtf(1.0 - LOADING * LOADING))
}

impl Mass {
    fn new(draws: &mut Draws, severity: f32, depth_mm: f32) -> Self {
        let size = 0.12 * feature(draws, severity) + draws.normal(0.0, 0.22);
        let radius = (19.0 * libm::expf(size)).clamp(11.0, 30.0);
        let border = (0.035 * libm::expf(0.6 * feature(draws, severity))).clamp(0.008, 0.14);
        let patchiness = libm::expf(0.5 * feature(draws, severity));
        let necrosis = libm::expf(0.9 * feature(draws, severity));
        let capsule = 0.045 - 0.05 * feature(draws, severity);
        let highest = radius + 22.0;
        Self {
            centre: [
                draws.uniform(-12.0, 12.0),
                draws.uniform(highest, (depth_mm - radius - 14.0).max(highest + 1.0)),
            ],
            radius,
            harmonics: std::array::from_fn(|k| {
                let amplitude = if k == 0 {
                    draws.normal(0.0, 0.07)
                } else {
                    draws.normal(0.0, border)
                };
                (amplitude, draws.uniform(0.0, TAU))
            }),
            ragged: border,
            heterogeneity_db: (1.8 * patchiness).clamp(0.5, 5.5),
            patch_mm: draws.uniform(0.18, 0.4) * radius,
            defects: (0.07 * necrosis - 0.05).clamp(0.0, 0.4),
            capsule: if capsule > 0.02 { capsule.min(0.13) } else { 0.0 },
            echo_db: draws.normal(-28.0, 3.0),
        }
    }
}

impl Kidney {
    /// A kidney out of whose border the lesion grows.
    fn beside(mass: &Mass, draws: &mut Draws) -> Self {
        let (half_length, half_width) = (draws.uniform(46.0, 58.0), draws.uniform(22.0, 28.0));
        let tilt = draws.uniform(-0.35, 0.35);
        let axis = [libm::cosf(tilt), libm::sinf(tilt)];
        // Where on the kidney's border (angle on its ellipse) the lesion sits, and how far out.
        let place = draws.uniform(0.0, TAU);
        let out = draws.uniform(0.75, 1.15);
        let (along, across) = (
            out * half_length * libm::cosf(place),
            out * half_width * libm::sinf(place),
        );
        Self {
            centre: [
                mass.centre[0] - (along * axis[0] - across * axis[1]),
                mass.centre[1] - (along * axis[1] + across * axis[0]),
            ],
            half_length,
            half_width,
            axis,
            pyramids: libm::roundf(draws.uniform(7.0, 10.0)),
        }
    }
}

/// Kinetics of every tissue. Arrival and rise are about half of what patients show, so that an exam
/// of a minute holds wash-in, peak and wash-out.
fn boluses(draws: &mut Draws, severity: f32) -> [Bolus; 8] {
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

/// The power ratio of so many dB.
pub(super) fn from_db(db: f32) -> f32 {
    libm::exp10f(db / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn grades_differ_in_the_mean_and_overlap() {
        let defects = |grade| -> Vec<f32> {
            (0..400)
                .map(|seed| Patient::new(seed, grade).mass.heterogeneity_db)
                .collect()
        };
        let (low, high) = (defects(Grade::Low), defects(Grade::High));
        let above = low
            .iter()
            .flat_map(|l| high.iter().map(move |h| h > l))
            .filter(|x| *x)
            .count();
        let auc = above as f64 / (low.len() * high.len()) as f64;
        assert!((0.6..0.95).contains(&auc), "{auc}");
    }
}
