//! How the simulated scanner is set up, and what catches its picture.

use super::colour::{ColourMap, amber, blue, grey};
use super::rng::{Draws, Stream};
use crate::frame::Rect;

/// Drawn once for an exam: one hospital's scanner differs from the next one's.
pub(super) struct Scanner {
    /// The contrast pane, in pixels of the screen.
    pub contrast: Rect,
    /// The B-mode pane, if the layout has one.
    pub b_mode: Option<Rect>,
    pub colours: ColourMap,
    /// Mechanical index, in hundredths.
    pub mechanical_index: u32,
    /// JPEG quality of a grabber that compresses.
    pub jpeg: Option<u8>,
}

const fn pane(x: u32, y: u32, w: u32, h: u32) -> Rect {
    Rect { x, y, w, h }
}

/// Contrast on the right, as most scanners have it.
const RIGHT: (Rect, Option<Rect>) = (pane(1010, 200, 600, 600), Some(pane(290, 200, 600, 600)));
const LEFT: (Rect, Option<Rect>) = (pane(290, 200, 600, 600), Some(pane(1010, 200, 600, 600)));
/// Contrast above.
const STACKED: (Rect, Option<Rect>) = (pane(600, 156, 720, 400), Some(pane(600, 606, 720, 400)));
/// Contrast alone.
const FULL: (Rect, Option<Rect>) = (pane(530, 144, 860, 860), None);

impl Scanner {
    pub fn new(seed: u64) -> Self {
        let mut draws = Draws::new(seed, Stream::Scanner);
        let (contrast, b_mode) = match draws.uniform(0.0, 1.0) {
            x if x < 0.5 => RIGHT,
            x if x < 0.7 => LEFT,
            x if x < 0.85 => STACKED,
            _ => FULL,
        };
        let colours = match draws.uniform(0.0, 1.0) {
            x if x < 0.6 => amber(),
            x if x < 0.8 => grey(),
            _ => blue(),
        };
        let compressed = draws.uniform(0.0, 1.0) < 0.35;
        let quality = draws.uniform(60.0, 95.0) as u8;
        Self {
            contrast,
            b_mode,
            colours,
            mechanical_index: draws.uniform(5.0, 12.0) as u32,
            jpeg: compressed.then_some(quality),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layout_map_and_grabber_occurs() {
        let scanners: Vec<Scanner> = (0..100).map(Scanner::new).collect();
        for (contrast, b_mode) in [RIGHT, LEFT, STACKED, FULL] {
            assert!(
                scanners
                    .iter()
                    .any(|s| (s.contrast, s.b_mode) == (contrast, b_mode))
            );
        }
        for colours in [amber(), grey(), blue()] {
            assert!(scanners.iter().any(|s| s.colours == colours));
        }
        assert!(scanners.iter().any(|s| s.jpeg.is_none()));
        assert!(
            scanners
                .iter()
                .filter_map(|s| s.jpeg)
                .all(|q| (60..95).contains(&q))
        );
    }
}
