//! Single pictures of the contrast pane with the lesion's outline, for training.

use image::{GrayImage, Luma, Rgb, RgbImage};

use super::colour::{ColourMap, bt709};
use super::render::Scan;
use super::scanner::Scanner;
use super::screen::yuyv;
use super::{CONTENT_HZ, Grade, Phantom};
use crate::capture::clip::colour::ToRgb;
use crate::frame::{Matrix, Range, Rect};

/// A simulated patient whose pictures can be taken at any time, in any order.
pub struct Pictures {
    scan: Scan,
    width: u32,
    height: u32,
    /// Luma and chroma of every level.
    colours: ColourMap,
    jpeg: Option<u8>,
}

impl Pictures {
    /// The patient that [`super::Phantom::new`] makes of the same seed and grade.
    pub fn new(seed: u64, grade: Grade) -> Self {
        let scanner = Scanner::new(seed);
        let Rect { w, h, .. } = scanner.contrast;
        Self {
            scan: Scan::new(seed, grade, [w, h]),
            width: w,
            height: h,
            colours: scanner.colours.map(bt709),
            jpeg: scanner.jpeg,
        }
    }

    /// The pane in pixels of the picture: all of it.
    pub fn pane(&self) -> Rect {
        Rect::full(self.width, self.height)
    }

    /// The lesion ROI in pixels of the picture.
    pub fn roi(&mut self) -> Rect {
        self.scan.roi()
    }

    /// The quality, 1 to 100, at which this patient's grabber compresses pictures to JPEG, if it does.
    pub fn jpeg(&self) -> Option<u8> {
        self.jpeg
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

    /// Milliseconds from the injection of the contrast agent to picture `n`; negative before it.
    pub fn since_injection_ms(n: u64) -> i64 {
        (n * 1000 / CONTENT_HZ) as i64 - Phantom::injection().as_millis() as i64
    }

    /// Picture `n` of the contrast pane, after 4:2:2 as [`Phantom`] puts it out.
    pub fn contrast(&mut self, n: u64) -> RgbImage {
        let mut picture = RgbImage::new(self.width, self.height);
        let to_rgb = ToRgb::new(Matrix::Bt709, Range::Limited);
        let colours = &self.colours;
        self.scan.contrast(n, |x, y, levels| {
            for (x, levels) in (x..).step_by(2).zip(levels.chunks_exact(2)) {
                let [left, cb, right, cr] = yuyv(colours, [levels[0], levels[1]]);
                picture.put_pixel(x, y, Rgb(to_rgb.rgb(left, cb, cr)));
                picture.put_pixel(x + 1, y, Rgb(to_rgb.rgb(right, cb, cr)));
            }
        });
        picture
    }

    /// The lesion in picture `n`: 255 inside, else 0.
    pub fn lesion(&mut self, n: u64) -> GrayImage {
        let mut mask = GrayImage::new(self.width, self.height);
        self.scan.lesion(n, |x, y, inside| {
            for (x, value) in (x..).zip(inside) {
                mask.put_pixel(x, y, Luma([if *value < 128 { 0 } else { 255 }]));
            }
        });
        mask
    }
}
