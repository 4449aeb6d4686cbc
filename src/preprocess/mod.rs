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
    /// Three channels of `LANES` rows of the output, in 1/256 of a level.
    filtered: [Vec<[u16; LANES]>; 3],
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
    /// One row after the vertical filter, in 1/256 of a level, and `LANES` of them side by side.
    row: Vec<u16>,
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
        }
    }

    fn run(&mut self, bytes: &[u8], width: usize, height: usize, out: &mut [u8]) {
        let stride = self.format.stride;
        for top in (0..height).step_by(LANES) {
            let lanes = LANES.min(height - top);
            for p in &mut self.planes {
                for lane in 0..lanes {
                    p.filter_rows(bytes, stride, top + lane);
                    for (column, value) in p.lanes.iter_mut().zip(&p.row) {
                        column[lane] = *value;
                    }
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
            self.to_rgb.write(&self.filtered, top, lanes, width, height, out);
        }
    }
}

impl PlanePlan {
    fn new(plane: Plane, roi: Rect, width: usize, height: usize) -> Self {
        let first = roi.x / plane.unit_pixels;
        let end = (roi.x + roi.w).div_ceil(plane.unit_pixels);
        let window = first as usize * plane.unit_bytes..end as usize * plane.unit_bytes;
        let axis = |c: &planes::Channel| Axis::new(roi.x, roi.w, width, c.halved, first * plane.unit_pixels);
        Self {
            top: roi.y as usize >> u32::from(plane.halved_rows),
            rows: Axis::new(roi.y, roi.h, height, plane.halved_rows, roi.y),
            columns: plane.channels.iter().map(axis).collect(),
            row: vec![0; window.len()],
            lanes: vec![[0; LANES]; window.len()],
            window,
            plane,
        }
    }

    /// The vertical filter: output row `y` of this plane into `self.row`.
    fn filter_rows(&mut self, bytes: &[u8], stride: usize, y: usize) {
        self.row.fill(0);
        let (first, weights) = self.rows.taps(y);
        let rows = bytes[self.plane.base + (self.top + first) * stride..].chunks(stride);
        for (row, &weight) in rows.zip(weights) {
            if weight == 0 {
                continue;
            }
            for (sum, &byte) in self.row.iter_mut().zip(&row[self.window.clone()]) {
                *sum += axis::scaled(u16::from(byte) << 8, weight);
            }
        }
    }
}

#[cfg(test)]
mod tests;
