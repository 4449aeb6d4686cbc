//! The two images of one patient at any time: contrast and B-mode, as display levels 0..255.
//!
//! Echo power is added up on the probe's grid, compressed logarithmically and scan converted. Bubbles
//! move between pictures, so their speckle is partly new in each; tissue's is not. The hand that holds the
//! probe slides from plane to plane through the lesion. Every picture is a function of its number
//! alone: nothing but maps that are made again when needed is carried from one to the next.

use super::CONTENT_HZ;
use super::bolus::Tissue;
use super::patient::{Grade, Patient, from_db};
use super::planes::Planes;
use super::probe::{BEAMS, Probe, ROWS, ScanConverter, Shift};
use super::rng::{Draws, Stream, mix};
use super::shadow;
use super::soften::Softened;
use super::speckle::Field;
use super::tissue::{DELAY_S, DELAYS};
use crate::frame::Rect;

/// Columns of the field that fresh speckle is cut from.
const BANK_COLUMNS: usize = BEAMS + 512;
/// Amplitudes of lasting speckle and of each of the two fresh fields; their squares add up to 1. A
/// fresh field lives for two pictures.
const LASTING: f32 = 0.55;
const FRESH: f32 = 0.590_55;
/// Dynamic range of the B-mode image, dB, and the share of it at which power 1 is shown.
const ECHO_RANGE_DB: f32 = 60.0;
const ECHO_LEVEL: f32 = 0.9;
/// Share of the display's range at which a cortex at its peak is shown.
const CORTEX_LEVEL: f32 = 0.66;

/// A simulated patient under a simulated scanner.
pub(super) struct Scan {
    seed: u64,
    patient: Patient,
    probe: Probe,
    planes: Planes,
    converter: ScanConverter,
    bubbles: Field,
    fresh: Field,
    tissue: Field,
    /// Echo power of electronic noise for each row.
    noise: Vec<f32>,
    power: Softened,
    grid: Vec<u8>,
    /// What the hand adds to breathing and drift.
    pub hand: Shift,
}

impl Scan {
    /// `pane`: width and height of the pane in pixels.
    pub fn new(seed: u64, grade: Grade, pane: [u32; 2]) -> Self {
        let patient = Patient::new(seed, grade);
        let look = &patient.look;
        let probe = Probe::new(look.depth_mm, pane);
        let field =
            |stream, rows, columns| Field::new(rows, columns, look.spread, &mut Draws::new(seed, stream));
        let noise = |row| from_db(look.noise_db + look.gain_db - 14.0 * (1.0 - row as f32 / ROWS as f32));
        Self {
            planes: Planes::default(),
            converter: ScanConverter::new(probe),
            bubbles: field(Stream::Bubbles, ROWS, BEAMS),
            fresh: field(Stream::Motion, 512, BANK_COLUMNS),
            tissue: field(Stream::Tissue, ROWS, BEAMS),
            noise: (0..ROWS).map(noise).collect(),
            power: Softened::default(),
            grid: vec![0; ROWS * BEAMS],
            hand: Shift {
                rows: 0.0,
                beams: 0.0,
            },
            seed,
            probe,
            patient,
        }
    }

    /// Decibels from the darkest to the brightest colour of the contrast image.
    pub fn range_db(&self) -> f32 {
        self.patient.look.range_db
    }

    pub fn probe(&self) -> Probe {
        self.probe
    }

    /// Display levels of the contrast image of picture `n`, span by span as (x, y, levels); what is
    /// not given lies outside the sector.
    pub fn contrast(&mut self, n: u64, put: impl FnMut(u32, u32, &[u8])) {
        let gains = self.gains(n);
        let (newer, older) = (self.cut(n + 1), self.cut(n));
        let (shift, shades) = (self.shift(n), self.shades(n));
        let planes = self.planes.at(n, &self.patient, self.probe, self.seed);
        let compress = Compress::new(self.patient.look.range_db, CORTEX_LEVEL);
        let enhanced = planes.blend(|maps, i| maps.perfusion[i] * gains[usize::from(maps.curve[i])]);
        let power = self.power.of(enhanced);
        for (row, levels) in self.grid.chunks_exact_mut(BEAMS).enumerate() {
            let at = row * BEAMS..(row + 1) * BEAMS;
            let noise = self.noise[row];
            let bubbles = self.bubbles.row(row, 0, BEAMS);
            let newer = self.fresh.row(row + newer.0, newer.1, BEAMS);
            let older = self.fresh.row(row + older.0, older.1, BEAMS);
            let tissue = self.tissue.row(row, 0, BEAMS);
            let maps = power[at.clone()]
                .iter()
                .zip(planes.row(row, |maps| &maps.residue))
                .zip(shades.row(row));
            let fields = bubbles.iter().zip(newer).zip(older).zip(tissue);
            for ((level, ((power, residue), shade)), (((b, f), g), s)) in
                levels.iter_mut().zip(maps).zip(fields)
            {
                let re = LASTING * b[0] + FRESH * (f[0] + g[0]);
                let im = LASTING * b[1] + FRESH * (f[1] + g[1]);
                let echo = power * (re * re + im * im) + residue * (s[0] * s[0] + s[1] * s[1]);
                *level = compress.level(shade * echo + noise * (f[0] * f[0] + f[1] * f[1]));
            }
        }
        self.converter.convert(&self.grid, shift, put);
    }

    /// Display levels of the B-mode image of picture `n`, as [`Scan::contrast`].
    pub fn b_mode(&mut self, n: u64, put: impl FnMut(u32, u32, &[u8])) {
        let newer = self.cut(n + 1);
        let (shift, shades) = (self.shift(n), self.shades(n));
        let planes = self.planes.at(n, &self.patient, self.probe, self.seed);
        let compress = Compress::new(ECHO_RANGE_DB, ECHO_LEVEL);
        for (row, levels) in self.grid.chunks_exact_mut(BEAMS).enumerate() {
            let noise = 0.1 * self.noise[row];
            let fresh = self.fresh.row(row + newer.0, newer.1, BEAMS);
            let fields = self.tissue.row(row, 0, BEAMS).iter().zip(fresh);
            let maps = planes.row(row, |maps| &maps.echo).zip(shades.row(row));
            for ((level, (echo, shade)), (s, f)) in levels.iter_mut().zip(maps).zip(fields) {
                let power = shade * echo * (s[0] * s[0] + s[1] * s[1]);
                *level = compress.level(power + noise * (f[0] * f[0] + f[1] * f[1]));
            }
        }
        self.converter.convert(&self.grid, shift, put);
    }

    /// The lesion in picture `n`: 128 and more inside, as [`Scan::contrast`].
    pub fn lesion(&mut self, n: u64, put: impl FnMut(u32, u32, &[u8])) {
        let shift = self.shift(n);
        let planes = self.planes.at(n, &self.patient, self.probe, self.seed);
        let inside = planes.blend(|maps, i| f32::from(maps.lesion[i]));
        self.grid.iter_mut().zip(inside).for_each(|(to, v)| *to = v as u8);
        self.converter.convert(&self.grid, shift, put);
    }

    /// The lesion's bounding box in the pane between breaths, with a margin as a sonographer would leave it.
    pub fn roi(&mut self) -> Rect {
        let first = self.planes.at(0, &self.patient, self.probe, self.seed);
        let lesion = &first.near.lesion;
        let samples = (0..ROWS * BEAMS).filter(|i| lesion[*i] == 255);
        let (mut low, mut high) = ([f32::INFINITY; 2], [f32::NEG_INFINITY; 2]);
        for i in samples {
            let pixel = self.probe.pixel(self.probe.place(i / BEAMS, i % BEAMS));
            for axis in 0..2 {
                low[axis] = low[axis].min(pixel[axis]);
                high[axis] = high[axis].max(pixel[axis]);
            }
        }
        let mut draws = Draws::new(self.seed, Stream::Drawing);
        let size = [high[0] - low[0], high[1] - low[1]];
        let mut margin = |axis: usize| draws.uniform(0.06, 0.16) * size[axis];
        let pane = self.probe.pane();
        let edge = |axis: usize, v: f32| v.clamp(0.0, pane[axis] as f32 - 1.0) as u32;
        let (left, top) = (edge(0, low[0] - margin(0)), edge(1, low[1] - margin(1)));
        let (right, bottom) = (edge(0, high[0] + margin(0)), edge(1, high[1] + margin(1)));
        Rect {
            x: left,
            y: top,
            w: (right - left).max(1),
            h: (bottom - top).max(1),
        }
    }

    /// How many pixels the lesion has moved in picture `n` from where [`Scan::roi`] has it.
    pub fn lesion_moved(&self, n: u64) -> [f32; 2] {
        let centre = self.probe.pixel(self.patient.mass.centre);
        self.probe.moved(centre.map(|v| v as u32), self.shift(n))
    }

    /// The pictures between the lesion's early wash-in and `seconds`.
    pub fn enhanced(&self, seconds: f64) -> std::ops::Range<u64> {
        let bolus = &self.patient.boluses[Tissue::Mass as usize];
        let first = f64::from(bolus.arrival_s + 0.4 * bolus.rise_s) * CONTENT_HZ as f64;
        first as u64..(seconds * CONTENT_HZ as f64) as u64
    }

    /// Echo power of every tissue and delay step in picture `n`.
    fn gains(&self, n: u64) -> [f32; 256] {
        let t = seconds(n);
        let mut gains = [0.0; 256];
        for tissue in Tissue::ALL {
            for step in 0..DELAYS {
                let delay = (step as f32 - DELAYS as f32 / 2.0) * DELAY_S;
                gains[tissue as usize * DELAYS + step] =
                    self.patient.boluses[tissue as usize].power(t - delay);
            }
        }
        gains
    }

    /// Row and column at which picture `n`'s fresh field is cut from the bank.
    fn cut(&self, n: u64) -> (usize, usize) {
        let bits = mix(mix(self.seed) ^ n);
        (
            (bits % 512) as usize,
            (bits >> 32) as usize % (BANK_COLUMNS - BEAMS),
        )
    }

    fn shift(&self, n: u64) -> Shift {
        let [rows, beams] = self.patient.motion.at(seconds(n));
        Shift {
            rows: rows + self.hand.rows,
            beams: beams + self.hand.beams,
        }
    }

    fn shades(&self, n: u64) -> Shades {
        let shadow = self.patient.shadow.as_ref();
        Shades(shadow.map_or([1.0; BEAMS], |shadow| shadow.factors(seconds(n))))
    }
}

/// When picture `n` is taken, in seconds from the start of the exam.
fn seconds(n: u64) -> f32 {
    n as f32 / CONTENT_HZ as f32
}

/// What a shadow leaves of each beam.
struct Shades([f32; BEAMS]);

impl Shades {
    fn row(&self, row: usize) -> &[f32; BEAMS] {
        if row < shadow::FIRST_ROW {
            &[1.0; BEAMS]
        } else {
            &self.0
        }
    }
}

/// Logarithmic compression: echo power to a display level.
#[derive(Clone, Copy)]
struct Compress {
    /// Levels for each doubling of power, scaled to steps of the float's bits.
    per_bit: f32,
    offset: f32,
}

impl Compress {
    /// A display of `range_db` that shows power 1 at the share `level` of its range.
    fn new(range_db: f32, level: f32) -> Self {
        // A float's bits, read as an integer, are its base-2 logarithm to within 0.09 (0.26 dB).
        let per_doubling = 255.0 * 3.0103 / range_db;
        Self {
            per_bit: per_doubling / 8_388_608.0,
            offset: 255.0 * level - 127.0 * per_doubling,
        }
    }

    #[inline]
    fn level(self, power: f32) -> u8 {
        (power.to_bits() as i32 as f32 * self.per_bit + self.offset).clamp(0.0, 255.0) as u8
    }
}
