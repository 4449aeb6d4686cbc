//! From captured bytes to the model's input: lesion ROI → red, green and blue → the model's size, in one pass over
//! the bytes as the driver left them.
//!
//! Resampling is the antialiased triangle filter (Pillow's and torchvision's `BILINEAR`); chroma counts for each
//! pixel it covers. Every captured byte of the ROI's rows is read once, in order, because captured memory can be
//! uncached. No I/O, no clock; nothing is allocated once a ROI has been seen.

mod axis;
mod color;
mod rgb;

pub use rgb::crop;

use axis::Axis;
use color::ToRgb;

use crate::frame::{Channel, Frame, FrameFormat, Place, Plane, Rect};

/// What this module does, as models and records name it.
pub const NAME: &str = "roi-rgb-triangle-u8";

/// A level of a captured byte, so that 255 levels fill 16 bits.
const STEP: u16 = 257;

/// Cuts, converts and scales frames for one model input size.
pub struct Preprocessor {
    width: usize,
    height: usize,
    plan: Option<Plan>,
}

/// What depends on the frame's format and the ROI only.
struct Plan {
    format: FrameFormat,
    roi: Rect,
    planes: Vec<PlanePlan>,
    to_rgb: ToRgb,
    /// One row of each of three channels of the output, in 1/257 of a level.
    filtered: [Vec<u16>; 3],
}

struct PlanePlan {
    plane: &'static Plane,
    place: Place,
    /// The bytes of a row that the ROI covers.
    window: std::ops::Range<usize>,
    /// First row of the plane that the ROI covers.
    top: usize,
    rows: Axis,
    /// One for each channel of the plane.
    columns: Vec<Axis>,
    /// The next row to read, counted from `top`, and one row in 1/257 of a level.
    next: usize,
    wide: Vec<u16>,
    /// Output rows under way, each in the place of its number modulo their count.
    sums: Vec<Vec<u16>>,
    /// One channel of a row whose sums are complete.
    samples: Vec<u16>,
}

/// Why a frame cannot be prepared.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PreprocessError {
    /// The ROI leaves the picture.
    #[error("the ROI {roi} lies outside the picture of {width}x{height} pixels; draw it inside")]
    OutsidePicture {
        /// The rectangle asked for.
        roi: Rect,
        /// The picture's width.
        width: u32,
        /// The picture's height.
        height: u32,
    },
    /// The frame holds fewer bytes than its format says.
    #[error("frame {seq} is truncated: {got} bytes, expected {expected}")]
    Truncated {
        /// The frame's number.
        seq: u64,
        /// Bytes in it.
        got: usize,
        /// Bytes that its format needs.
        expected: usize,
    },
}

impl Preprocessor {
    /// For a model whose input is `width` × `height` pixels.
    pub fn new(width: usize, height: usize) -> Self {
        Self {
            width,
            height,
            plan: None,
        }
    }

    /// Writes the ROI of `frame` to `out`: `[3, height, width]` bytes, red plane first.
    ///
    /// # Errors
    /// [`PreprocessError`]; `out` is then unchanged.
    ///
    /// # Panics
    /// If `out` is not `3 × height × width` bytes long.
    pub fn run(&mut self, frame: &Frame, roi: Rect, out: &mut [u8]) -> Result<(), PreprocessError> {
        assert_eq!(out.len(), 3 * self.width * self.height, "the model's input size");
        check(frame, roi)?;
        let plan = match self.plan.take() {
            Some(plan) if plan.format == frame.format && plan.roi == roi => plan,
            _ => Plan::new(frame.format, roi, self.width, self.height),
        };
        self.plan
            .insert(plan)
            .run(&frame.bytes, self.width, self.height, out);
        Ok(())
    }
}

/// Whether `area` can be read from `frame`.
fn check(frame: &Frame, area: Rect) -> Result<(), PreprocessError> {
    let format = &frame.format;
    if !format.area().contains(&area) || area.w == 0 || area.h == 0 {
        return Err(PreprocessError::OutsidePicture {
            roi: area,
            width: format.width,
            height: format.height,
        });
    }
    if frame.bytes.len() < format.bytes() {
        return Err(PreprocessError::Truncated {
            seq: frame.seq,
            got: frame.bytes.len(),
            expected: format.bytes(),
        });
    }
    Ok(())
}

impl Plan {
    fn new(format: FrameFormat, roi: Rect, width: usize, height: usize) -> Self {
        let planes = format
            .planes()
            .map(|(plane, place)| PlanePlan::new(plane, place, roi, width, height))
            .collect();
        Self {
            format,
            roi,
            planes,
            to_rgb: ToRgb::new(&format),
            filtered: std::array::from_fn(|_| vec![0; width]),
        }
    }

    fn run(&mut self, bytes: &[u8], width: usize, height: usize, out: &mut [u8]) {
        for p in &mut self.planes {
            p.next = 0;
        }
        let (red, rest) = out.split_at_mut(width * height);
        let (green, blue) = rest.split_at_mut(width * height);
        let rows = red
            .chunks_exact_mut(width)
            .zip(green.chunks_exact_mut(width))
            .zip(blue.chunks_exact_mut(width));
        for (y, ((red, green), blue)) in rows.enumerate() {
            for p in &mut self.planes {
                p.finish_row(bytes, y);
                p.filter_row(y, &mut self.filtered);
            }
            let [a, b, c] = &self.filtered;
            self.to_rgb.convert([a, b, c], [red, green, blue]);
        }
    }
}

impl PlanePlan {
    fn new(plane: &'static Plane, place: Place, roi: Rect, width: usize, height: usize) -> Self {
        let first = roi.x / plane.unit_pixels;
        let end = (roi.x + roi.w).div_ceil(plane.unit_pixels);
        let window = first as usize * plane.unit_bytes..end as usize * plane.unit_bytes;
        let axis = |c: &Channel| Axis::new(roi.x, roi.w, width, c.halved, first * plane.unit_pixels);
        let rows = Axis::new(roi.y, roi.h, height, plane.halved_rows, roi.y);
        Self {
            top: roi.y as usize >> u32::from(plane.halved_rows),
            columns: plane.channels.iter().map(axis).collect(),
            next: 0,
            wide: vec![0; window.len()],
            sums: vec![vec![0; window.len()]; rows.overlap()],
            rows,
            samples: Vec::with_capacity(window.len()),
            window,
            plane,
            place,
        }
    }

    /// Reads rows until output row `y` is complete, adding each to every output row that it is part of.
    fn finish_row(&mut self, bytes: &[u8], y: usize) {
        let end = self.rows.end(y);
        while self.next < end {
            let at = self.place.offset + (self.top + self.next) * self.place.stride;
            let row = &bytes[at + self.window.start..at + self.window.end];
            for (wide, &byte) in self.wide.iter_mut().zip(row) {
                *wide = u16::from(byte) * STEP;
            }
            let count = self.sums.len();
            for (output, weight, begins) in self.rows.outputs_of(self.next, y) {
                let sums = &mut self.sums[output % count];
                if begins {
                    sums.fill(0);
                }
                for (sum, &value) in sums.iter_mut().zip(&self.wide) {
                    *sum += axis::scaled(value, weight);
                }
            }
            self.next += 1;
        }
    }

    /// The complete output row `y`, channel by channel, scaled to the output's width.
    fn filter_row(&mut self, y: usize, filtered: &mut [Vec<u16>; 3]) {
        let sums = &self.sums[y % self.sums.len()];
        for (channel, columns) in self.plane.channels.iter().zip(&self.columns) {
            let own = &sums[channel.offset..];
            self.samples.clear();
            match channel.step {
                1 => self.samples.extend_from_slice(own),
                2 => every::<2>(own, &mut self.samples),
                3 => every::<3>(own, &mut self.samples),
                _ => every::<4>(own, &mut self.samples),
            }
            self.samples.resize(self.samples.len() + columns.padding(), 0);
            columns.filter(&self.samples, &mut filtered[channel.index]);
        }
    }
}

/// Every `N`th value from the first on.
fn every<const N: usize>(values: &[u16], out: &mut Vec<u16>) {
    let (groups, rest) = values.as_chunks::<N>();
    out.extend(groups.iter().map(|group| group[0]));
    out.extend(rest.first());
}

#[cfg(test)]
mod tests;
