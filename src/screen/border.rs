//! From what moves to the rectangle that the scanner keeps for it: an image is often narrower than its pane, whose black ends at
//! the ground of the screen.

use crate::frame::{Frame, Rect};
use crate::preprocess::{self, PreprocessError};

/// Black has no channel above this.
const BLACK: u8 = 9;
/// How far the pane reaches beyond its image, as a share of the image's size at most.
const BEYOND: f32 = 0.4;
/// Of a line of the pane outside its image so many percent are black; of one of the ground fewer than the second.
const PANE_PERCENT: usize = 97;
const GROUND_PERCENT: usize = 40;

/// The pane of which `image` is seen to move; `image` itself if it has no border.
///
/// # Errors
/// [`PreprocessError`] if the frame cannot be read.
pub(super) fn of(frame: &Frame, image: Rect) -> Result<Rect, PreprocessError> {
    let area = frame.format.area();
    let reach = |from: u32, len: u32, all: u32| {
        let more = (BEYOND * len as f32) as u32;
        let first = from.saturating_sub(more);
        (first, (from + len + more).min(all) - first)
    };
    let ((x, w), (y, h)) = (reach(image.x, image.w, area.w), reach(image.y, image.h, area.h));
    let around = Rect { x, y, w, h };
    let picture = preprocess::crop(frame, around)?;
    let black = |x: u32, y: u32| picture.get_pixel(x, y).0.iter().all(|v| *v <= BLACK);
    let (mut left, mut top) = (image.x - x, image.y - y);
    let (mut right, mut bottom) = (left + image.w, top + image.h);
    let share = |line: &mut dyn Iterator<Item = bool>| {
        let (mut all, mut dark) = (0, 0);
        line.for_each(|is| (all, dark) = (all + 1, dark + usize::from(is)));
        100 * dark / all.max(1)
    };
    let row = |y: u32, left: u32, right: u32| share(&mut (left..right).map(|x| black(x, y)));
    (top, bottom) = (
        edge((0..top).rev(), top, |y| row(y, left, right), 0),
        edge(bottom..h, bottom, |y| row(y, left, right), 1),
    );
    let column = |x: u32| share(&mut (top..bottom).map(|y| black(x, y)));
    (left, right) = (
        edge((0..left).rev(), left, column, 0),
        edge(right..w, right, column, 1),
    );
    Ok(Rect {
        x: x + left,
        y: y + top,
        w: right - left,
        h: bottom - top,
    })
}

/// Goes outwards from `start` over black lines to where the ground begins; back to `start` if it does not. `black`: percent of a
/// line; `after`: 1 if the pane ends after a line, 0 if it begins with it.
fn edge(lines: impl Iterator<Item = u32>, start: u32, black: impl Fn(u32) -> usize, after: u32) -> u32 {
    let mut last = start;
    for line in lines {
        match black(line) {
            percent if percent >= PANE_PERCENT => last = line + after,
            percent if percent < GROUND_PERCENT => return last,
            // A part of the image that did not move, or something written on black.
            _ if last == start => {}
            _ => return start,
        }
    }
    start
}
