//! Does the activation map of `high` lie on the lesion?
//!
//! The map covers the ROI: cell (column, row) of w × h cells has its centre at (column + ½) / w of the ROI's width and
//! (row + ½) / h of its height. Two questions, asked of each picture with a mask:
//! - **pointing game** (Zhang et al. 2016, 10.1007/978-3-319-46493-0_33): is the pixel at the centre of the highest cell
//!   inside the mask? A map drawn between its cells by straight lines, as the overlay does, peaks there too.
//! - **energy in the mask** (Wang et al. 2020, 10.1109/CVPRW50498.2020.00020): how much of what is positive in that drawn
//!   map lies inside the mask. The mask is scaled to the map's size by the same triangle filter that scales pictures, which
//!   is the transpose of drawing the map by straight lines; so the sum over cells is the sum over pixels.

use serde::Serialize;

use super::binary::{Estimate, wilson};
use super::bootstrap;
use super::cases::Cases;
use crate::exam::record::ActivationMap;
use crate::frame::{Frame, Rect};
use crate::preprocess::{self, PreprocessError, Preprocessor};

/// How one map lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placed {
    /// Whether its peak is inside the mask.
    pub hit: bool,
    /// Share of its positive energy inside the mask; absent if nothing of it is positive.
    pub energy: Option<f64>,
    /// Share of the ROI that the mask takes: what a map that knows nothing would reach.
    pub mask_of_roi: f64,
}

/// How the maps of the pictures of one grade lie.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MapFigures {
    /// Pictures with a mask.
    pub pictures: u64,
    /// Share of pictures whose map has its peak inside the mask.
    pub pointing_game: Estimate,
    /// Mean share of the map's positive energy inside the mask.
    pub energy_in_mask: Estimate,
    /// Pictures whose map is positive nowhere: they have no energy and do not count in its mean.
    pub without_energy: u64,
    /// Mean share of the ROI that the mask takes.
    pub mask_of_roi: Option<f64>,
}

/// Judges `map` of the `roi` of a picture by the lesion's `mask`, a picture of the same size.
///
/// # Errors
/// [`PreprocessError`] if the ROI leaves the mask's picture.
pub fn place(map: &ActivationMap, mask: &Frame, roi: Rect) -> Result<Placed, PreprocessError> {
    let cells = map.width * map.height;
    let mut scaled = vec![0; 3 * cells];
    Preprocessor::new(map.width, map.height).run(mask, roi, &mut scaled)?;
    let inside = |cell: usize| luma(std::array::from_fn(|channel| scaled[channel * cells + cell])) / 255.0;
    let positive = |cell: usize| f64::from(map.values[cell].max(0.0));
    let sum = |value: &dyn Fn(usize) -> f64| (0..cells).map(value).sum::<f64>();
    let energy = sum(&positive);
    let peak = (0..cells)
        .rev()
        .max_by(|&a, &b| map.values[a].total_cmp(&map.values[b]));
    let centre = centre(peak.unwrap_or(0), map, roi);
    let pixel = preprocess::crop(mask, centre)?.get_pixel(0, 0).0;
    Ok(Placed {
        hit: luma(pixel) >= 127.5,
        energy: (energy > 0.0).then(|| sum(&|cell| positive(cell) * inside(cell)) / energy),
        mask_of_roi: sum(&inside) / cells as f64,
    })
}

/// Whether anything of a mask is marked.
pub fn marks_anything(mask: &Frame) -> bool {
    mask.bytes.iter().any(|&level| level >= 128)
}

/// BT.601 luma, as Pillow converts to grey.
fn luma([red, green, blue]: [u8; 3]) -> f64 {
    (299.0 * f64::from(red) + 587.0 * f64::from(green) + 114.0 * f64::from(blue)) / 1000.0
}

/// The pixel at the centre of a cell of a map that covers `roi`.
fn centre(cell: usize, map: &ActivationMap, roi: Rect) -> Rect {
    let at = |index: usize, count: usize, pixels: u32| {
        ((2 * index as u64 + 1) * u64::from(pixels) / (2 * count as u64)) as u32
    };
    Rect {
        x: roi.x + at(cell % map.width, map.width, roi.w),
        y: roi.y + at(cell / map.width, map.height, roi.h),
        w: 1,
        h: 1,
    }
}

impl MapFigures {
    /// Of (patient, how the map lies) of each picture of one grade; nothing without pictures.
    pub fn new<'a>(placed: impl IntoIterator<Item = (&'a str, Placed)>) -> Option<Self> {
        let placed: Vec<(&str, Placed)> = placed.into_iter().collect();
        let mean = |value: &dyn Fn(&Placed) -> Option<f64>| {
            let values = placed
                .iter()
                .filter_map(|(patient, one)| Some((*patient, true, value(one)?)));
            by_patient(&Cases::new(values))
        };
        let (hits, of) = (placed.iter().filter(|(_, one)| one.hit).count(), placed.len());
        Some(Self {
            pictures: of as u64,
            pointing_game: Estimate {
                ci95: wilson(hits as u64, of as u64),
                ..mean(&|one| Some(f64::from(u8::from(one.hit))))
            },
            energy_in_mask: mean(&|one| one.energy),
            without_energy: placed.iter().filter(|(_, one)| one.energy.is_none()).count() as u64,
            mask_of_roi: mean(&|one| Some(one.mask_of_roi)).value,
        })
        .filter(|figures| figures.pictures > 0)
    }
}

/// Mean of the cases' values, with its interval by patient.
fn by_patient(cases: &Cases) -> Estimate {
    let mean = |weights: &[u32]| cases.mean(weights, |case| case.score);
    let draw = bootstrap::seeded();
    let intervals = bootstrap::intervals(cases.patients(), bootstrap::RESAMPLES, draw, |w| vec![mean(w)]);
    Estimate {
        value: mean(&cases.once()),
        ci95: None,
        ci95_by_patient: intervals.into_iter().next().flatten(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::frame::{FrameFormat, PixelFormat};

    /// A mask of 100 × 80 that is white left of `edge`.
    fn mask(edge: usize) -> Frame {
        let row: Vec<u8> = (0..100).map(|x| if x < edge { 255 } else { 0 }).collect();
        Frame {
            seq: 0,
            t: Duration::ZERO,
            wall: SystemTime::UNIX_EPOCH,
            format: FrameFormat::packed(PixelFormat::Grey, 100, 80),
            bytes: row.repeat(80).into(),
        }
    }

    fn map(values: &[f32]) -> ActivationMap {
        ActivationMap {
            width: values.len(),
            height: 1,
            values: values.to_vec(),
        }
    }

    const ROI: Rect = Rect {
        x: 20,
        y: 10,
        w: 60,
        h: 40,
    };

    fn placed(values: &[f32], edge: usize) -> Placed {
        place(&map(values), &mask(edge), ROI).expect("the ROI lies inside")
    }

    #[test]
    fn the_peak_is_looked_for_at_the_centre_of_its_cell() {
        // Three cells of 20 pixels from x = 20 on: the middle one has its centre at pixel 50.
        assert!(placed(&[0.0, 1.0, 0.5], 51).hit);
        assert!(!placed(&[0.0, 1.0, 0.5], 50).hit);
        assert!(placed(&[-1.0, -2.0, -3.0], 31).hit);
    }

    #[test]
    fn energy_is_that_of_the_map_drawn_by_straight_lines() {
        for (values, edge) in [
            ([0.0, 2.0, 1.0], 47),
            ([3.0, -1.0, 0.5], 62),
            ([1.0, 1.0, 1.0], 38),
        ] {
            // The filter leaves out what lies outside the ROI, so the outer halves of the outer cells weigh more.
            let drawn = |cell: usize, pixel: usize| {
                let distance = (pixel as f64 + 0.5) / 20.0 - (cell as f64 + 0.5);
                (1.0 - distance.abs()).max(0.0)
            };
            let whole = |cell| (0..60).map(|pixel| drawn(cell, pixel)).sum::<f64>();
            let part = |cell| (0..edge - 20).map(|pixel| drawn(cell, pixel)).sum::<f64>() / whole(cell);
            let positive = values.map(|v: f32| f64::from(v.max(0.0)));
            let inside: f64 = (0..3).map(|cell| positive[cell] * part(cell)).sum();
            let wanted = inside / positive.iter().sum::<f64>();
            let energy = placed(&values, edge).energy.expect("positive somewhere");
            assert!((energy - wanted).abs() < 0.005, "{energy} for {wanted}");
        }
    }

    #[test]
    fn a_map_without_positive_values_has_no_energy_and_a_mask_of_black_marks_nothing() {
        assert_eq!(placed(&[-1.0, 0.0], 50).energy, None);
        assert!(!marks_anything(&mask(0)) && marks_anything(&mask(1)));
        let figures = MapFigures::new([("a", placed(&[-1.0, 0.0], 50)), ("b", placed(&[0.0, 1.0], 90))]);
        let figures = figures.expect("two pictures");
        assert_eq!((figures.pictures, figures.without_energy), (2, 1));
        assert_eq!(figures.energy_in_mask.value, Some(1.0));
        assert_eq!(MapFigures::new([]), None);
    }
}
