//! Maps of a patient on the probe's grid: which tissue is where, how it is perfused and how it echoes.

use std::f32::consts::{PI, TAU};

use super::anatomy::{Kidney, Mass, Section};
use super::bolus::Tissue;
use super::patient::{Patient, from_db};
use super::probe::{BEAMS, Probe, ROWS};
use super::rng::Noise;
use super::soften::Softened;

/// Steps of the arrival delay within one tissue, and their length.
pub(super) const DELAYS: usize = 32;
pub(super) const DELAY_S: f32 = 0.2;
/// Loss of perfusion in the middle of a defect, dB.
const DEFECT_DB: f32 = 24.0;

/// One plane of a patient. All maps are row-major, [`ROWS`] × [`BEAMS`].
pub(super) struct Maps {
    /// Local factor on the tissue's echo power in contrast mode: perfusion, attenuation and gain.
    pub perfusion: Vec<f32>,
    /// Which enhancement curve: tissue × [`DELAYS`] + delay step.
    pub curve: Vec<u8>,
    /// Echo power that contrast mode fails to cancel.
    pub residue: Vec<f32>,
    /// Echo power in the B-mode image.
    pub echo: Vec<f32>,
    /// 255 inside the lesion, else 0.
    pub lesion: Vec<u8>,
}

/// What is at one place.
struct Spot {
    tissue: Tissue,
    /// Local perfusion, dB.
    perfusion_db: f32,
    delay_s: f32,
    echo_db: f32,
    /// Specular tissue echo above the rest, dB.
    specular_db: f32,
    lesion: bool,
}

impl Maps {
    /// `section` is what this plane shows of the lesion.
    pub fn new(patient: &Patient, section: &Section, probe: Probe, seed: u64) -> Self {
        let body = Body::new(patient, section, probe, seed);
        let look = &patient.look;
        let samples = ROWS * BEAMS;
        let mut maps = Self {
            perfusion: Vec::with_capacity(samples),
            curve: Vec::with_capacity(samples),
            residue: Vec::with_capacity(samples),
            echo: Vec::with_capacity(samples),
            lesion: Vec::with_capacity(samples),
        };
        for row in 0..ROWS {
            for beam in 0..BEAMS {
                let [x, z] = probe.place(row, beam);
                let spot = body.spot(x, z);
                let level_db = look.gain_db + look.slope_db_mm * (z - 0.5 * look.depth_mm);
                let step = (spot.delay_s / DELAY_S) as i32 + DELAYS as i32 / 2;
                let step = step.clamp(0, DELAYS as i32 - 1) as usize;
                maps.perfusion.push(from_db(spot.perfusion_db + level_db));
                maps.curve.push((spot.tissue as usize * DELAYS + step) as u8);
                let residue_db = look.residue_db + 0.35 * (spot.echo_db + 26.0) + spot.specular_db;
                maps.residue.push(from_db(residue_db + level_db));
                maps.echo.push(from_db(spot.echo_db + 0.5 * spot.specular_db));
                maps.lesion.push(if spot.lesion { 255 } else { 0 });
            }
        }
        maps.residue = Softened::default().of(maps.residue.into_iter()).to_vec();
        maps.echo = Softened::default().of(maps.echo.into_iter()).to_vec();
        maps
    }
}

struct Body<'a> {
    patient: &'a Patient,
    section: &'a Section,
    coarse: Noise,
    patches: Noise,
    necrosis: Noise,
    necrotic_above: f32,
    border: Noise,
    vessels: Noise,
    delays: Noise,
}

impl<'a> Body<'a> {
    fn new(patient: &'a Patient, section: &'a Section, probe: Probe, seed: u64) -> Self {
        let radius = patient.mass.radius;
        let mut body = Self {
            patient,
            section,
            coarse: Noise::new(seed, 1, 14.0),
            patches: Noise::new(section.seed, 2, patient.mass.patch_mm),
            necrosis: Noise::new(section.seed, 3, 0.45 * radius),
            necrotic_above: f32::INFINITY,
            border: Noise::new(section.seed, 4, 0.22 * radius),
            vessels: Noise::new(seed, 5, 7.0),
            delays: Noise::new(section.seed, 6, 0.5 * radius),
        };
        body.necrotic_above = body.necrosis_threshold(probe);
        body
    }

    /// The level that the share of the lesion without perfusion lies above.
    fn necrosis_threshold(&self, probe: Probe) -> f32 {
        let places = (0..ROWS)
            .step_by(2)
            .flat_map(|r| (0..BEAMS).step_by(2).map(move |b| (r, b)));
        let mut levels: Vec<f32> = places
            .map(|(row, beam)| probe.place(row, beam))
            .map(|[x, z]| (x, z, self.mass_distance(x, z)))
            .filter(|(.., distance)| *distance < 1.0)
            .map(|(x, z, distance)| self.necrosis_level(x, z, distance))
            .collect();
        levels.sort_by(f32::total_cmp);
        let perfused = (levels.len() as f32 * (1.0 - self.section.defects)) as usize;
        levels.get(perfused).copied().unwrap_or(f32::INFINITY)
    }

    /// Necrosis favours the middle of the lesion.
    fn necrosis_level(&self, x: f32, z: f32, distance: f32) -> f32 {
        self.necrosis.at(x, z) - 1.5 * distance * distance
    }

    /// Distance from the lesion's centre; 1 on its border.
    fn mass_distance(&self, x: f32, z: f32) -> f32 {
        let Mass {
            centre, radius, oval, ..
        } = &self.patient.mass;
        let Section {
            harmonics, ragged, ..
        } = self.section;
        let (dx, dz) = (x - centre[0], z - centre[1]);
        let distance = libm::hypotf(dx, dz) / radius;
        if distance > 1.8 {
            return distance;
        }
        let angle = libm::atan2f(dz, dx);
        let waves = std::iter::once(oval).chain(harmonics).zip(2..);
        let wave =
            |((amplitude, phase), k): (&(f32, f32), i32)| amplitude * libm::cosf(k as f32 * angle + phase);
        let border: f32 = 1.0 + waves.map(wave).sum::<f32>();
        distance / border.max(0.5) + 0.8 * ragged * self.border.at(x, z)
    }

    fn spot(&self, x: f32, z: f32) -> Spot {
        let distance = self.mass_distance(x, z);
        let mass = &self.patient.mass;
        if distance < 1.0 {
            self.inside_mass(x, z, distance)
        } else if distance < 1.0 + self.section.capsule {
            Spot {
                tissue: Tissue::Capsule,
                perfusion_db: 0.0,
                delay_s: 0.0,
                echo_db: mass.echo_db + 5.0,
                specular_db: 0.0,
                lesion: true,
            }
        } else {
            self.outside_mass(x, z)
        }
    }

    fn inside_mass(&self, x: f32, z: f32, distance: f32) -> Spot {
        let mass = &self.patient.mass;
        // A defect deepens over a few millimetres; its border is where half of the perfusion in dB is
        // lost.
        let above = self.necrosis_level(x, z, distance) - self.necrotic_above;
        let lost = (0.5 + 1.2 * above).clamp(0.0, 1.0);
        let texture = self.patches.at(x, z);
        Spot {
            tissue: Tissue::Mass,
            perfusion_db: self.section.heterogeneity_db * texture - DEFECT_DB * lost,
            delay_s: 0.8 * self.delays.at(x, z),
            echo_db: mass.echo_db + 1.2 * texture - 8.0 * lost,
            specular_db: 0.0,
            lesion: true,
        }
    }

    fn outside_mass(&self, x: f32, z: f32) -> Spot {
        let coarse = self.coarse.at(x, z);
        let (tissue, perfusion_db, delay_s, echo_db, specular_db) = match self.kidney_tissue(x, z) {
            Some(Tissue::Cortex) => (Tissue::Cortex, 0.8 * coarse, 0.3 * coarse, -31.0, 0.0),
            Some(Tissue::Medulla) => (Tissue::Medulla, 0.8 * coarse, 0.8 * coarse, -38.0, 0.0),
            Some(Tissue::Vessel) => (Tissue::Vessel, 0.0, 0.0, -36.0, 0.0),
            Some(tissue) => (tissue, 2.0 * coarse, 0.5 * coarse, -14.0, 3.0 * coarse),
            None => self.around(x, z, coarse),
        };
        Spot {
            tissue,
            perfusion_db,
            delay_s,
            echo_db: echo_db + 0.8 * coarse,
            specular_db,
            lesion: false,
        }
    }

    /// Abdominal wall, fat and liver.
    fn around(&self, x: f32, z: f32, coarse: f32) -> (Tissue, f32, f32, f32, f32) {
        let wavy = z + 1.2 * coarse;
        if wavy < 17.0 {
            // Layers of fascia: bright lines across the beams.
            let layer = libm::cosf(TAU * wavy / 5.5);
            let line = if layer > 0.8 { 9.0 } else { -2.0 * (1.0 - layer) };
            return (Tissue::Fat, coarse, 0.0, -20.0 + line, line);
        }
        let kidney = self.kidney_distance(x, z);
        let edge = if kidney < 1.06 { 5.0 } else { 0.0 };
        let centre = self.patient.kidney.centre;
        let from_liver = libm::hypotf((x - centre[0] + 35.0) / 75.0, (z - centre[1] + 30.0) / 42.0);
        if self.patient.look.liver && kidney > 1.1 && from_liver + 0.02 * coarse < 1.0 {
            (Tissue::Liver, 0.7 * coarse, 0.8 * coarse, -27.0, 0.0)
        } else {
            (
                Tissue::Fat,
                2.0 * coarse,
                0.0,
                -21.0 + edge + 2.0 * coarse,
                edge + 1.5 * coarse,
            )
        }
    }

    /// Distance from the kidney's centre; 1 on its border.
    fn kidney_distance(&self, x: f32, z: f32) -> f32 {
        let Kidney {
            half_length,
            half_width,
            ..
        } = self.patient.kidney;
        let [along, across] = self.along_kidney(x, z);
        libm::hypotf(along / half_length, across / half_width) + 0.015 * self.coarse.at(x, z)
    }

    fn along_kidney(&self, x: f32, z: f32) -> [f32; 2] {
        let Kidney { centre, axis, .. } = &self.patient.kidney;
        let (dx, dz) = (x - centre[0], z - centre[1]);
        [dx * axis[0] + dz * axis[1], dz * axis[0] - dx * axis[1]]
    }

    fn kidney_tissue(&self, x: f32, z: f32) -> Option<Tissue> {
        let distance = self.kidney_distance(x, z);
        if distance > 1.0 {
            return None;
        }
        let [along, across] = self.along_kidney(x, z);
        let kidney = &self.patient.kidney;
        let angle = libm::atan2f(across / kidney.half_width, along / kidney.half_length);
        // Pyramids point at the sinus: wide at the cortex, narrow inside.
        let inward = ((0.78 - distance) / 0.34).clamp(0.0, 1.0);
        let pyramid = libm::cosf(kidney.pyramids * (angle + PI)) > -0.5 + 0.9 * inward;
        let vessel = self.vessels.at(x, z);
        Some(match distance {
            d if d < 0.4 && (-0.16..0.16).contains(&vessel) => Tissue::Vessel,
            d if d < 0.4 => Tissue::Sinus,
            d if d < 0.78 && pyramid => Tissue::Medulla,
            d if d < 0.8 && !pyramid && (-0.08..0.08).contains(&vessel) => Tissue::Vessel,
            _ => Tissue::Cortex,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::phantom::Grade;

    #[test]
    fn defects_take_the_share_of_the_lesion_that_was_drawn() {
        let mut seen = 0;
        for seed in 0..12 {
            let patient = Patient::new(seed, Grade::High);
            let probe = Probe::new(patient.look.depth_mm, [600, 600]);
            let section = patient.section(0);
            let maps = Maps::new(&patient, &section, probe, seed);
            let inside = |i: &usize| maps.curve[*i] as usize / DELAYS == Tissue::Mass as usize;
            let mass: Vec<usize> = (0..ROWS * BEAMS).filter(inside).collect();
            let level = |i: usize| {
                let [_, z] = probe.place(i / BEAMS, i % BEAMS);
                from_db(patient.look.gain_db + patient.look.slope_db_mm * (z - 0.5 * patient.look.depth_mm))
            };
            let dark = mass
                .iter()
                .filter(|i| maps.perfusion[**i] < 0.05 * level(**i))
                .count();
            let share = dark as f32 / mass.len() as f32;
            assert!((share - section.defects).abs() < 0.05, "seed {seed}: {share}");
            seen += usize::from(share > 0.05);
        }
        assert!(seen > 2, "{seen} patients of high grade with defects");
    }
}
