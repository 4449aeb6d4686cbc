//! From captured bytes to the model's input: lesion ROI → red, green and blue → the model's size, in one pass over
//! the bytes as the driver left them.
//!
//! Resampling is the antialiased triangle filter (Pillow's and torchvision's `BILINEAR`); chroma counts for each
//! pixel it covers. Every captured byte of the ROI's rows is read once, in order, because captured memory can be
//! uncached. No I/O, no clock; nothing is allocated once a ROI has been seen.

mod axis;
mod color;
mod planes;
mod rgb;

pub use rgb::crop;

use axis::Axis;
use color::ToRgb;
use planes::Plane;

use crate::frame::{Frame, FrameFormat, Rect};

/// What this module does, as models and records name it.
pub const NAME: &str = "roi-rgb-triangle-u8";

/// A level of a captured byte, so that 255 levels fill 16 bits.
const STEP: u16 = 257;

/// Output rows that are filtered together: one lane of 16 bits each.
const LANES: usize = 8;

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
    /// Three channels of `LANES` rows of the output, in 1/257 of a level.
    filtered: [Vec<[u16; LANES]>; 3],
    /// The same as red, green and blue bytes.
    converted: [Vec<[u8; LANES]>; 3],
}

struct PlanePlan {
    plane: Plane,
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
    /// `LANES` finished output rows side by side.
    lanes: Vec<[u16; LANES]>,
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
        let planes = planes::of(&format)
            .into_iter()
            .map(|plane| PlanePlan::new(plane, roi, width, height))
            .collect();
        Self {
            format,
            roi,
            planes,
            to_rgb: ToRgb::new(&format),
            filtered: std::array::from_fn(|_| vec![[0; LANES]; width]),
            converted: std::array::from_fn(|_| vec![[0; LANES]; width]),
        }
    }

    fn run(&mut self, bytes: &[u8], width: usize, height: usize, out: &mut [u8]) {
        let stride = self.format.stride;
        for top in (0..height).step_by(LANES) {
            let lanes = LANES.min(height - top);
            for p in &mut self.planes {
                if top == 0 {
                    p.next = 0;
                }
                for lane in 0..lanes {
                    p.finish_row(bytes, stride, top + lane);
                    p.lay_aside(top + lane, lane);
                }
                for (channel, columns) in p.plane.channels.iter().zip(&p.columns) {
                    columns.filter(
                        &p.lanes,
                        channel.step,
                        channel.offset,
                        &mut self.filtered[channel.index],
                    );
                }
            }
            let [a, b, c] = &self.filtered;
            let [red, green, blue] = &mut self.converted;
            let planes = [red, green, blue]
                .map(Vec::as_mut_slice)
                .map(<[_]>::as_flattened_mut);
            self.to_rgb
                .convert([a, b, c].map(|channel| channel.as_flattened()), planes);
            for (converted, plane) in self.converted.iter().zip(out.chunks_exact_mut(width * height)) {
                let rows = plane[top * width..].chunks_exact_mut(width).take(lanes);
                for (lane, row) in rows.enumerate() {
                    row.iter_mut()
                        .zip(converted)
                        .for_each(|(byte, column)| *byte = column[lane]);
                }
            }
        }
    }
}

impl PlanePlan {
    fn new(plane: Plane, roi: Rect, width: usize, height: usize) -> Self {
        let first = roi.x / plane.unit_pixels;
        let end = (roi.x + roi.w).div_ceil(plane.unit_pixels);
        let window = first as usize * plane.unit_bytes..end as usize * plane.unit_bytes;
        let axis = |c: &planes::Channel| Axis::new(roi.x, roi.w, width, c.halved, first * plane.unit_pixels);
        let rows = Axis::new(roi.y, roi.h, height, plane.halved_rows, roi.y);
        Self {
            top: roi.y as usize >> u32::from(plane.halved_rows),
            columns: plane.channels.iter().map(axis).collect(),
            next: 0,
            wide: vec![0; window.len()],
            sums: vec![vec![0; window.len()]; rows.overlap()],
            rows,
            lanes: vec![[0; LANES]; window.len()],
            window,
            plane,
        }
    }

    /// Reads rows until output row `y` is complete, adding each to every output row that it is part of.
    fn finish_row(&mut self, bytes: &[u8], stride: usize, y: usize) {
        let end = self.rows.end(y);
        while self.next < end {
            let at = self.plane.base + (self.top + self.next) * stride;
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

    /// Puts the complete output row `y` beside its neighbours.
    fn lay_aside(&mut self, y: usize, lane: usize) {
        let count = self.sums.len();
        for (column, value) in self.lanes.iter_mut().zip(&self.sums[y % count]) {
            column[lane] = *value;
        }
    }
}

#[cfg(test)]
mod tests;
