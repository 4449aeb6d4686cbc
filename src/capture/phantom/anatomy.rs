//! Kidney and lesion of one patient, and how one plane through the lesion looks.

use std::f32::consts::TAU;

use super::patient::feature;
use super::rng::{Draws, Stream, mix};

/// Standard deviation of a plane's severity about the patient's: clear cell carcinoma differs from
/// place to place (J. J. Tomaszewski et al., "Heterogeneity and renal mass biopsy", Cancer Biol. Med. 11(3), 162-172, 2014), and its
/// grade is that of its worst part, so that one picture tells less than an exam.
const SEVERITY_SPREAD: f32 = 1.2;

/// The kidney: an ellipse. Lengths in mm, `centre` as (lateral, depth).
pub(super) struct Kidney {
    pub centre: [f32; 2],
    pub half_length: f32,
    pub half_width: f32,
    /// Direction of the long axis, a unit vector.
    pub axis: [f32; 2],
    pub pyramids: f32,
}

impl Kidney {
    /// A kidney out of whose border the lesion grows.
    pub fn beside(mass: &Mass, draws: &mut Draws) -> Self {
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

/// The lesion. Lengths in mm, `centre` as (lateral, depth).
pub(super) struct Mass {
    pub centre: [f32; 2],
    pub radius: f32,
    /// Amplitude (share of the radius) and phase of the border's second harmonic.
    pub oval: (f32, f32),
    /// Size of the patches of unlike perfusion, mm.
    pub patch_mm: f32,
    /// Echogenicity in the B-mode image, dB.
    pub echo_db: f32,
}

impl Mass {
    pub fn new(draws: &mut Draws, severity: f32, depth_mm: f32) -> Self {
        let size = 0.12 * feature(draws, severity) + draws.normal(0.0, 0.22);
        let radius = (19.0 * libm::expf(size)).clamp(11.0, 30.0);
        let highest = radius + 22.0;
        Self {
            centre: [
                draws.uniform(-12.0, 12.0),
                draws.uniform(highest, (depth_mm - radius - 14.0).max(highest + 1.0)),
            ],
            radius,
            oval: (draws.normal(0.0, 0.07), draws.uniform(0.0, TAU)),
            patch_mm: draws.uniform(0.18, 0.4) * radius,
            echo_db: draws.normal(-28.0, 3.0),
        }
    }
}

/// What one plane shows of the lesion.
pub(super) struct Section {
    /// Tells its patterns from those of the patient's other planes.
    pub seed: u64,
    /// Amplitude (share of the radius) and phase of the border's third and higher harmonics.
    pub harmonics: [(f32, f32); 5],
    /// Fine roughness of the border as a share of the radius.
    pub ragged: f32,
    /// Standard deviation of perfusion inside, dB.
    pub heterogeneity_db: f32,
    /// Share of the lesion without perfusion.
    pub defects: f32,
    /// Thickness of the pseudocapsule as a share of the radius; 0 for none.
    pub capsule: f32,
}

impl Section {
    /// Plane `number` through the lesion of a patient of this severity.
    pub fn new(seed: u64, number: u64, severity: f32) -> Self {
        let seed = mix(seed ^ mix(number));
        let mut draws = Draws::new(seed, Stream::Section);
        let severity = draws.normal(severity, SEVERITY_SPREAD);
        let border = (0.035 * libm::expf(0.6 * feature(&mut draws, severity))).clamp(0.008, 0.14);
        let patchiness = libm::expf(0.5 * feature(&mut draws, severity));
        let necrosis = libm::expf(0.9 * feature(&mut draws, severity));
        let capsule = 0.045 - 0.05 * feature(&mut draws, severity);
        Self {
            seed,
            harmonics: std::array::from_fn(|_| (draws.normal(0.0, border), draws.uniform(0.0, TAU))),
            ragged: border,
            heterogeneity_db: (1.8 * patchiness).clamp(0.5, 5.5),
            defects: (0.07 * necrosis - 0.05).clamp(0.0, 0.4),
            capsule: if capsule > 0.02 { capsule.min(0.13) } else { 0.0 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Grade;
    use super::super::patient::Patient;

    /// Share of pairs in which the high grade has the larger value.
    fn auc(value: impl Fn(u64, Grade) -> f32) -> f64 {
        let [low, high] = [Grade::Low, Grade::High]
            .map(|grade| (0..400).map(|seed| value(seed, grade)).collect::<Vec<_>>());
        let above = low.iter().flat_map(|l| high.iter().map(move |h| h > l));
        above.filter(|x| *x).count() as f64 / (low.len() * high.len()) as f64
    }

    #[test]
    fn grades_differ_in_the_mean_and_overlap() {
        let one = auc(|seed, grade| Patient::new(seed, grade).section(3).heterogeneity_db);
        assert!((0.6..0.9).contains(&one), "{one}");
    }

    #[test]
    fn planes_of_one_lesion_differ_and_together_tell_more_than_one() {
        let patchy = |seed, grade, planes: u64| {
            let patient = Patient::new(seed, grade);
            (0..planes)
                .map(|n| patient.section(n).heterogeneity_db.ln())
                .sum::<f32>()
        };
        let (one, ten) = (auc(|s, g| patchy(s, g, 1)), auc(|s, g| patchy(s, g, 10)));
        assert!(ten > one + 0.05, "{one} {ten}");
    }
}
