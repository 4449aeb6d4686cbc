//! One simulated patient: anatomy, bolus kinetics and scanner settings, all drawn from a seed.
//!
//! The lesion's looks follow what is written of renal cell carcinoma under contrast (heterogeneous enhancement,
//! wash-out, perilesional rim: T. H. Oh et al., Korean J. Urol. 55(9), 587-592, 2014, 10.4111/kju.2014.55.9.587) and of
//! its grades: high grades enhance more heterogeneously, hold perfusion defects (necrosis), have ragged
//! borders and wash out early; low grades are more homogeneous and more often show a pseudocapsule as a
//! perilesional rim. Every feature is only loosely tied to the grade, and features are tied to each
//! other through one hidden severity, so that the two grades overlap widely, as they do on real scanners.

use std::f32::consts::TAU;

use serde::{Deserialize, Serialize};

use super::anatomy::{Kidney, Mass, Section};
use super::bolus::{Bolus, boluses};
use super::rng::{Draws, Stream};
use super::shadow::Shadow;
use super::speckle::PointSpread;

/// How far the two grades lie apart: the mean of the hidden severity (standard deviation 1) is this
/// for high grade and its negative for low grade. Sets how hard the phantom is to grade, together with the planes' own
/// spread: a float RepVGG-A0 reached an AUC of 0.828 on single pictures of patients it had not seen, and 0.918 on their exams
/// (`models/sonograde-phantom-a0.md`); the method's source had 0.852 on patients.
const SEPARATION: f32 = 1.4;

/// Correlation of each visible feature with the severity.
const LOADING: f32 = 0.7;

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

/// Movement of the tissue under the probe, in rows and beams: breathing, and the slower drift of the hand.
pub(super) struct Motion {
    breath: Swing,
    drift: Swing,
}

struct Swing {
    period_s: f32,
    phase: f32,
    amplitude: [f32; 2],
}

impl Motion {
    fn new(draws: &mut Draws) -> Self {
        Self {
            breath: Swing {
                period_s: draws.uniform(3.2, 5.5),
                phase: draws.uniform(0.0, TAU),
                amplitude: [draws.uniform(0.5, 6.0), draws.uniform(0.3, 3.0)],
            },
            drift: Swing {
                period_s: draws.uniform(17.0, 31.0),
                phase: draws.uniform(0.0, TAU),
                amplitude: [draws.uniform(0.0, 4.0), draws.uniform(0.0, 4.0)],
            },
        }
    }

    /// Rows and beams by which everything has moved after `t` seconds.
    pub fn at(&self, t: f32) -> [f32; 2] {
        [&self.breath, &self.drift]
            .map(|s| (s, libm::sinf(TAU * t / s.period_s + s.phase)))
            .iter()
            .fold([0.0; 2], |sum, (s, wave)| {
                [sum[0] + s.amplitude[0] * wave, sum[1] + s.amplitude[1] * wave]
            })
    }
}

/// Everything that is drawn once for a patient.
pub(super) struct Patient {
    seed: u64,
    severity: f32,
    pub kidney: Kidney,
    pub mass: Mass,
    /// In the order of [`super::bolus::Tissue::ALL`].
    pub boluses: [Bolus; 8],
    pub look: Look,
    pub motion: Motion,
    pub shadow: Option<Shadow>,
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
        Self {
            seed,
            severity,
            kidney: Kidney::beside(&mass, &mut draws),
            mass,
            boluses: boluses(&mut draws, severity),
            look,
            motion: Motion::new(&mut draws),
            shadow: Shadow::drawn(&mut draws),
        }
    }

    /// The lesion in plane `number`.
    pub fn section(&self, number: u64) -> Section {
        Section::new(self.seed, number, self.severity)
    }
}

/// One visible feature's standard score: tied to the severity, with noise of its own.
pub(super) fn feature(draws: &mut Draws, severity: f32) -> f32 {
    LOADING * severity + draws.normal(0.0, libm::sqrtf(1.0 - LOADING * LOADING))
}

/// The power ratio of so many dB.
pub(super) fn from_db(db: f32) -> f32 {
    libm::exp10f(db / 10.0)
}
