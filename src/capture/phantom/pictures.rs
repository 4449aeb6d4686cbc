//! Single pictures of the contrast pane with the lesion's outline, for training.

use std::time::Duration;

use image::{GrayImage, Luma, Rgb, RgbImage};

use super::colour::{ColourMap, amber};
use super::probe::PANE;
use super::render::Scan;
use super::{CONTENT_HZ, Grade};
use crate::frame::Rect;

/// A simulated patient whose pictures can be taken at any time, in any order.
pub struct Pictures {
    scan: Scan,
    colours: ColourMap,
}

impl Pictures {
    /// The patient that [`super::Phantom::new`] makes of the same seed and grade.
    pub fn new(seed: u64, grade: Grade) -> Self {
        Self {
            scan: Scan::new(seed, grade),
            colours: amber(),
        }
    }

    /// The pane in pixels of the picture: all of it.
    pub fn pane(&self) -> Rect {
        Rect::full(PANE, PANE)
    }

    /// The lesion ROI in pixels of the picture.
    pub fn roi(&self) -> Rect {
        self.scan.roi()
    }

    /// Numbers of `count` pictures, one drawn from each of as many equal parts of the time from early wash-in to
    /// `seconds` after the start of the exam. `draw` gives numbers in 0..1.
    pub fn numbers(&self, count: u32, seconds: f64, mut draw: impl FnMut() -> f64) -> Vec<u64> {
        let span = self.scan.enhanced(seconds);
        let length = span.end.saturating_sub(span.start) as f64 / f64::from(count.max(1));
        (0..count)
            .map(|k| span.start + ((f64::from(k) + draw()) * length) as u64)
            .collect()
    }

    /// When picture `n` is taken, from the start of the exam.
    pub fn time(n: u64) -> Duration {
        Duration::from_millis(n * 1000 / CONTENT_HZ)
    }

    /// Picture `n` of the contrast pane.
    pub fn contrast(&mut self, n: u64) -> RgbImage {
        let mut picture = RgbImage::new(PANE, PANE);
        let colours = &self.colours;
        self.scan.contrast(n, |x, y, levels| {
            for (x, level) in (x..).zip(levels) {
                picture.put_pixel(x, y, Rgb(colours[usize::from(*level)]));
            }
        });
        picture
    }

    /// The lesion in picture `n`: 255 inside, else 0.
    pub fn lesion(&self, n: u64) -> GrayImage {
        let mut mask = GrayImage::new(PANE, PANE);
        self.scan.lesion(n, |x, y, inside| {
            for (x, value) in (x..).zip(inside) {
                mask.put_pixel(x, y, Luma([if *value < 128 { 0 } else { 255 }]));
            }
        });
        mask
    }
}
