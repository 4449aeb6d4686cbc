//! How much contrast lesion and reference hold over time.
//!
//! A scanner shows echo power as a logarithm: its colours rise by so many decibels from the darkest to the brightest.
//! Power is proportional to the concentration of bubbles, so the mean is taken of powers, not of colours. Pure.

use image::RgbImage;
use serde::{Deserialize, Serialize};

use super::kinetics::{self, Fit};
use crate::frame::Rect;

/// At most one sample in this time.
pub const SPACING_MS: u64 = 200;
/// What is kept from before the exam, for the background.
const BEFORE_MS: u64 = 20_000;
/// Samples kept: half an hour.
const CAPACITY: usize = 9000;
/// Points of a curve that is kept with its exam.
const KEPT: usize = 100;
/// Samples that are fitted, so that a long exam's end takes no longer than a short one's.
const FITTED: usize = 500;

/// How the scanner shows echo power.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Display {
    /// Decibels from its darkest to its brightest colour.
    pub range_db: f32,
    /// Where its colours are on the screen, the brightest on top; they are greys if absent.
    pub colour_bar: Option<Rect>,
}

impl Default for Display {
    /// What most scanners show contrast with.
    fn default() -> Self {
        Self {
            range_db: 60.0,
            colour_bar: None,
        }
    }
}

/// From a pixel's luma to echo power; 1 is the brightest that the display shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear([f32; 256]);

impl Linear {
    /// A display of `range_db` decibels. `bar` are the colours of its scale, darkest first; grey if there are none.
    pub fn new(range_db: f32, bar: &[[u8; 3]]) -> Self {
        let lumas: Vec<u8> = bar.iter().map(luma).collect();
        let level = |luma: usize| {
            let Some(above) = lumas.iter().position(|l| usize::from(*l) >= luma) else {
                return if lumas.is_empty() {
                    luma as f32 / 255.0
                } else {
                    1.0
                };
            };
            let steps = (lumas.len().max(2) - 1) as f32;
            let Some(below) = above.checked_sub(1) else {
                return 0.0;
            };
            let (low, high) = (f32::from(lumas[below]), f32::from(lumas[above]));
            (below as f32 + (luma as f32 - low) / (high - low).max(1.0)) / steps
        };
        Self(std::array::from_fn(|luma| {
            libm::powf(10.0, (level(luma) - 1.0) * range_db / 10.0)
        }))
    }

    /// A display whose colours were cut out of the screen as `bar`.
    pub fn of(range_db: f32, bar: Option<&RgbImage>) -> Self {
        let middle = |bar: &RgbImage| {
            let rows = (0..bar.height()).rev();
            rows.map(|y| bar.get_pixel(bar.width() / 2, y).0)
                .collect::<Vec<_>>()
        };
        Self::new(range_db, &bar.map(middle).unwrap_or_default())
    }

    /// The least echo power that the display shows.
    pub fn darkest(&self) -> f32 {
        self.0[0]
    }

    /// Mean echo power of a picture.
    pub fn mean(&self, picture: &RgbImage) -> f32 {
        let sum: f64 = picture
            .pixels()
            .map(|p| f64::from(self.0[usize::from(luma(&p.0))]))
            .sum();
        (sum / f64::from(picture.width() * picture.height()).max(1.0)) as f32
    }
}

/// BT.709 luma, as the scanner's colours were mixed.
fn luma([r, g, b]: &[u8; 3]) -> u8 {
    ((54 * u32::from(*r) + 183 * u32::from(*g) + 19 * u32::from(*b) + 128) / 256) as u8
}

/// Mean echo powers at one time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Milliseconds since the source was opened.
    pub t_ms: u64,
    /// Of the lesion.
    pub lesion: f32,
    /// Of the reference, once there is one.
    pub reference: Option<f32>,
}

/// The samples of an exam and of the time just before it.
#[derive(Clone, Debug, Default)]
pub struct Curve {
    samples: Vec<Sample>,
    /// When the exam began, in milliseconds since the source was opened.
    began_ms: u64,
}

/// What the curves say. Times are in seconds since the injection or, where none was marked, since the exam began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Enhancement {
    /// Of the lesion; absent where there is no enhancement to be found.
    pub lesion: Option<Fit>,
    /// Of the reference.
    pub reference: Option<Fit>,
    /// The curves themselves, at a hundred points at most; absent in records of before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub curve: Vec<Point>,
}

/// A point of a kept curve: the time, the mean echo power of the lesion, and of the reference where there was one. To three digits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point(pub f32, pub f32, pub Option<f32>);

impl Curve {
    /// Whether it is time for another sample.
    pub fn wants(&self, t_ms: u64) -> bool {
        self.samples
            .last()
            .is_none_or(|last| t_ms >= last.t_ms + SPACING_MS)
    }

    /// Adds a sample, later than those before it.
    pub fn add(&mut self, sample: Sample) {
        if self.samples.len() == CAPACITY {
            self.samples.drain(..CAPACITY / 10);
        }
        self.samples.push(sample);
    }

    /// An exam begins at `t_ms`: forgets what was long before.
    pub fn begin(&mut self, t_ms: u64) {
        self.began_ms = t_ms;
        self.samples.retain(|sample| sample.t_ms + BEFORE_MS >= t_ms);
    }

    /// Another lesion or reference: what was seen of the one before is of no use.
    pub fn clear(&mut self) {
        self.samples.clear();
    }

    /// Fits both curves. `injection_ms` is when the contrast agent was injected, if that was marked.
    pub fn enhancement(&self, injection_ms: Option<u64>) -> Enhancement {
        let zero_ms = injection_ms.unwrap_or(self.began_ms) as f64;
        let seconds = |sample: &Sample| (sample.t_ms as f64 - zero_ms) / 1000.0;
        let lesion = self.samples.iter().map(|s| (seconds(s), f64::from(s.lesion)));
        let reference = self
            .samples
            .iter()
            .filter_map(|s| Some((seconds(s), f64::from(s.reference?))));
        let curve = |samples: &[(f64, f64)]| kinetics::fit(&thinned(samples, FITTED));
        let lesion: Vec<_> = lesion.collect();
        Enhancement {
            reference: curve(&reference.collect::<Vec<_>>()),
            curve: self.kept(&thinned(&lesion, KEPT)),
            lesion: curve(&lesion),
        }
    }

    /// The points of the lesion's thinned curve, each with the mean of the reference's samples of its time.
    fn kept(&self, lesion: &[(f64, f64)]) -> Vec<Point> {
        let each = each(self.samples.len(), KEPT);
        let point = |((t, power), near): (&(f64, f64), &[Sample])| {
            let references: Vec<f32> = near.iter().filter_map(|s| s.reference).collect();
            let mean = references.iter().sum::<f32>() / references.len().max(1) as f32;
            let reference = (!references.is_empty()).then(|| short(mean));
            Point(short(*t as f32), short(*power as f32), reference)
        };
        lesion.iter().zip(self.samples.chunks(each)).map(point).collect()
    }
}

/// How many of `samples` neighbours make one of `most`.
fn each(samples: usize, most: usize) -> usize {
    samples.div_ceil(most).max(1)
}

/// At most `most` samples, each the mean of as many neighbours.
fn thinned(curve: &[(f64, f64)], most: usize) -> Vec<(f64, f64)> {
    let mean = |near: &[(f64, f64)]| {
        let sum = near.iter().fold((0.0, 0.0), |sum, s| (sum.0 + s.0, sum.1 + s.1));
        (sum.0 / near.len() as f64, sum.1 / near.len() as f64)
    };
    curve.chunks(each(curve.len(), most)).map(mean).collect()
}

/// The value to three digits: as short as it can be written.
fn short(value: f32) -> f32 {
    format!("{value:.2e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_display_is_made_linear_by_its_colour_bar() {
        let grey = Linear::new(40.0, &[]);
        assert!((grey.0[255] - 1.0).abs() < 1e-6 && (grey.0[0] - 1e-4).abs() < 1e-8);
        // A bar whose luma rises slowly at first: its middle is at luma 64.
        let bar: Vec<[u8; 3]> = (0..=200u32).map(|n| [(n * n * 255 / 40_000) as u8; 3]).collect();
        let half = Linear::new(40.0, &bar).0[64];
        assert!((half / 0.01 - 1.0).abs() < 0.05, "{half}");
    }

    #[test]
    fn the_mean_is_of_powers() {
        let mut picture = RgbImage::new(2, 1);
        picture.put_pixel(0, 0, image::Rgb([255; 3]));
        let mean = Linear::new(60.0, &[]).mean(&picture);
        assert!((mean - 0.5).abs() < 1e-5, "{mean}");
    }

    #[test]
    fn an_exam_keeps_the_background_from_before_it_and_no_more() {
        let mut curve = Curve::default();
        for n in 0..20_000u64 {
            let t_ms = n * 100;
            if curve.wants(t_ms) {
                curve.add(Sample {
                    t_ms,
                    lesion: 0.1,
                    reference: None,
                });
            }
        }
        assert!(curve.samples.len() <= CAPACITY);
        curve.begin(2_000_000);
        assert_eq!(curve.samples.len() as u64, BEFORE_MS / SPACING_MS);
        assert_eq!(curve.enhancement(None).reference, None);
    }

    #[test]
    fn a_kept_curve_is_short_and_true() {
        let mut curve = Curve::default();
        for n in 0..1000u64 {
            curve.add(Sample {
                t_ms: n * 200,
                lesion: n as f32 / 3000.0,
                reference: (n >= 500).then_some(0.25),
            });
        }
        curve.begin(0);
        let kept = curve.enhancement(Some(1000)).curve;
        assert_eq!(kept.len(), 100);
        assert_eq!(kept[0], Point(-0.1, 0.0015, None));
        assert_eq!(kept[99], Point(198.0, 0.332, Some(0.25)));
        let json = serde_json::to_string(&kept).expect("finite numbers");
        assert!(json.len() < 2500, "{} bytes", json.len());
    }
}
