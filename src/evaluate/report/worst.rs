//! The pictures that the model got most wrong, with the map that it had.

use std::collections::HashSet;
use std::io::Cursor;

use image::imageops::{FilterType, resize};
use image::{ImageFormat, RgbImage};

use super::ReportError;
use crate::evaluate::judge::{self, Judged};
use crate::evaluate::labels::{Labels, Row};
use crate::exam::record::Scored;
use crate::frame::{BufferPool, Rect};
use crate::{one_line, overlay, preprocess};

/// Pictures shown of each kind.
const SHOWN: usize = 6;
/// Longer sides are reduced to so many pixels.
const MAX_SIDE: u32 = 480;

/// A picture on the wrong side of 0.5.
pub struct Worst<'a> {
    /// Which.
    pub row: &'a Row,
    /// P(high grade).
    pub score: f32,
    /// The lesion and its surroundings with the map over the ROI, a PNG file.
    pub png: Vec<u8>,
}

impl<'a> Worst<'a> {
    /// The worst errors among the pictures whose true grade is `high`, or low; one of each patient, the worst first.
    pub fn find(
        labels: &'a Labels,
        judged: &'a [Judged],
        high: bool,
        label: &str,
    ) -> Result<Vec<Self>, ReportError> {
        let wrong = |(row, judged): (&'a Row, &'a Judged)| {
            let scored = judged.outcome.as_ref().ok()?;
            (row.high == high && (scored.score >= 0.5) != high).then_some((row, scored))
        };
        let mut wrong: Vec<_> = labels.rows.iter().zip(judged).filter_map(wrong).collect();
        wrong.sort_by(|a, b| a.1.score.total_cmp(&b.1.score));
        if !high {
            wrong.reverse();
        }
        let mut patients = HashSet::new();
        let one_each = wrong.into_iter().filter(|(row, _)| patients.insert(&row.patient));
        let shown = one_each.take(SHOWN);
        let pool = BufferPool::default();
        shown
            .map(|(row, scored)| {
                let png = drawn(row, scored, label, &pool).map_err(|reason| ReportError::Picture {
                    path: row.path.clone(),
                    reason,
                })?;
                Ok(Self {
                    row,
                    score: scored.score,
                    png,
                })
            })
            .collect()
    }
}

fn drawn(row: &Row, scored: &Scored, label: &str, pool: &BufferPool) -> Result<Vec<u8>, String> {
    let frame = judge::still(&row.path, pool)?;
    let shown = around(row.roi, row.pane);
    let mut picture = preprocess::crop(&frame, shown).map_err(|e| one_line(&e))?;
    let roi = Rect {
        x: row.roi.x - shown.x,
        y: row.roi.y - shown.y,
        ..row.roi
    };
    let roi = reduce(&mut picture, roi);
    overlay::draw(&mut picture, roi, &scored.map, scored.score, label);
    let mut png = Cursor::new(Vec::new());
    picture
        .write_to(&mut png, ImageFormat::Png)
        .map_err(|e| e.to_string())?;
    Ok(png.into_inner())
}

/// The ROI with half its size of surroundings on each side, inside the pane.
fn around(roi: Rect, pane: Rect) -> Rect {
    let axis = |at: u32, length: u32, from: u32, limit: u32| {
        let start = at.saturating_sub(length / 2).max(from);
        let end = (at + length).saturating_add(length / 2).min(from + limit);
        (start, end - start)
    };
    let (x, w) = axis(roi.x, roi.w, pane.x, pane.w);
    let (y, h) = axis(roi.y, roi.h, pane.y, pane.h);
    Rect { x, y, w, h }
}

/// Reduces a picture whose longer side is above [`MAX_SIDE`]; gives where `roi` then is.
fn reduce(picture: &mut RgbImage, roi: Rect) -> Rect {
    let longer = picture.width().max(picture.height());
    if longer <= MAX_SIDE {
        return roi;
    }
    let scaled = |pixels: u32| (u64::from(pixels) * u64::from(MAX_SIDE) / u64::from(longer)) as u32;
    let (width, height) = (scaled(picture.width()).max(1), scaled(picture.height()).max(1));
    *picture = resize(picture, width, height, FilterType::Triangle);
    Rect {
        x: scaled(roi.x),
        y: scaled(roi.y),
        w: scaled(roi.w).max(1),
        h: scaled(roi.h).max(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rect(x: u32, y: u32, w: u32, h: u32) -> Rect {
        Rect { x, y, w, h }
    }

    #[test]
    fn surroundings_end_at_the_pane() {
        let pane = rect(100, 0, 300, 200);
        assert_eq!(around(rect(200, 80, 40, 20), pane), rect(180, 70, 80, 40));
        assert_eq!(around(rect(100, 0, 60, 200), pane), rect(100, 0, 90, 200));
        assert_eq!(around(pane, pane), pane);
    }

    #[test]
    fn large_pictures_are_reduced_with_their_roi() {
        let mut picture = RgbImage::new(960, 320);
        assert_eq!(reduce(&mut picture, rect(100, 50, 400, 1)), rect(50, 25, 200, 1));
        assert_eq!(picture.dimensions(), (480, 160));
        let mut small = RgbImage::new(480, 9);
        assert_eq!(reduce(&mut small, rect(1, 2, 3, 4)), rect(1, 2, 3, 4));
    }
}
