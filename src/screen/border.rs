//! From what moves to the rectangle that the scanner keeps for it: an image is often narrower than its pane, whose black ends at
//! the ground of the screen. Before the contrast arrives only a part of the image moves: the pane then ends where the ground is
//! that was found at another side of it.

use image::RgbImage;

use crate::frame::{Frame, Rect};
use crate::preprocess::{self, PreprocessError};

/// Black has no channel above this.
const BLACK: u8 = 9;
/// Dim are red, green and blue that add up to this at most.
const DIM: u16 = 120;
/// Of a line of tissue in a contrast image so many percent are dim; of one of a B-mode image beside it fewer.
const DIM_PERCENT: usize = 20;
/// How far the pane reaches beyond its image, and beyond the part of it that moves, as a share of the size of that.
const BEYOND: f32 = 0.4;
const FAR_BEYOND: f32 = 1.5;
/// Of a line of the pane outside its image so many percent are black; of one of the ground fewer than the second.
const PANE_PERCENT: usize = 97;
const GROUND_PERCENT: usize = 40;
/// Of a line of the ground so many percent have its colour, but for so many levels.
const PLAIN_PERCENT: usize = 60;
const PLAIN_LEVELS: u8 = 3;

/// The pane of which `image` is seen to move; `image` itself if it has no border.
///
/// # Errors
/// [`PreprocessError`] if the frame cannot be read.
pub(super) fn of(frame: &Frame, image: Rect) -> Result<Rect, PreprocessError> {
    let area = frame.format.area();
    let reach = |from: u32, len: u32, all: u32| {
        let more = (FAR_BEYOND * len as f32) as u32;
        let first = from.saturating_sub(more);
        (first, (from + len + more).min(all) - first)
    };
    let ((x, w), (y, h)) = (reach(image.x, image.w, area.w), reach(image.y, image.h, area.h));
    let around = Rect { x, y, w, h };
    let picture = preprocess::crop(frame, around)?;
    let mut pane = Sides {
        picture: &picture,
        x: [image.x - x, image.x - x + image.w],
        y: [image.y - y, image.y - y + image.h],
        ground: None,
    };
    let sides = [Side::Top, Side::Bottom, Side::Left, Side::Right];
    let ends = sides.map(|side| (side, pane.over_black(side)));
    for (side, end) in ends {
        match (end, pane.ground) {
            (End::Plain, _) | (End::Nowhere, None) => {}
            (_, Some(ground)) => pane.reach(side, ground),
            (End::Other(last), None) => *pane.at(side) = last,
        }
    }
    Ok(Rect {
        x: x + pane.x[0],
        y: y + pane.y[0],
        w: pane.x[1] - pane.x[0],
        h: pane.y[1] - pane.y[0],
    })
}

/// Where the black lines outside a side end.
enum End {
    /// At the ground, which is of one colour.
    Plain,
    /// At something else that is not black, after this line.
    Other(u32),
    Nowhere,
}

#[derive(Clone, Copy)]
enum Side {
    Top,
    Bottom,
    Left,
    Right,
}

/// A pane whose sides are moved outwards.
struct Sides<'a> {
    picture: &'a RgbImage,
    /// Columns and rows: from, to.
    x: [u32; 2],
    y: [u32; 2],
    /// The colour of the ground, once a side has come to it.
    ground: Option<[u8; 3]>,
}

impl Sides<'_> {
    /// The side's place among columns or rows.
    fn at(&mut self, side: Side) -> &mut u32 {
        match side {
            Side::Left => &mut self.x[0],
            Side::Right => &mut self.x[1],
            Side::Top => &mut self.y[0],
            Side::Bottom => &mut self.y[1],
        }
    }

    /// The lines outside a side, the next one first, `beyond` of the pane's size at most, each with the place that the side
    /// would have if it were the last inside.
    fn lines(&mut self, side: Side, beyond: f32) -> Vec<(u32, u32)> {
        let (len, all) = match side {
            Side::Left | Side::Right => (self.x[1] - self.x[0], self.picture.width()),
            Side::Top | Side::Bottom => (self.y[1] - self.y[0], self.picture.height()),
        };
        let (from, more) = (*self.at(side), (beyond * len as f32) as u32);
        match side {
            Side::Left | Side::Top => (from.saturating_sub(more)..from).rev().map(|n| (n, n)).collect(),
            Side::Right | Side::Bottom => (from..(from + more).min(all)).map(|n| (n, n + 1)).collect(),
        }
    }

    /// The pixels of a line, from edge to edge of the pane.
    fn line(&self, side: Side, n: u32) -> Vec<[u8; 3]> {
        let pixel = |x, y| self.picture.get_pixel(x, y).0;
        match side {
            Side::Left | Side::Right => (self.y[0]..self.y[1]).map(|y| pixel(n, y)).collect(),
            Side::Top | Side::Bottom => (self.x[0]..self.x[1]).map(|x| pixel(x, n)).collect(),
        }
    }

    /// Goes from a side over black lines to where they end, and moves it to the ground if that begins there, or after a part of
    /// the image that did not move.
    fn over_black(&mut self, side: Side) -> End {
        let start = *self.at(side);
        let (mut black_to, mut before) = (start, start);
        for (n, inside) in self.lines(side, BEYOND) {
            let line = self.line(side, n);
            match percent(&line, black) {
                share if share >= PANE_PERCENT => black_to = inside,
                share if share < GROUND_PERCENT => {
                    // There is one ground: dim noise is of one colour too.
                    let colour = self.ground.unwrap_or_else(|| median(line.clone()));
                    if !is_plain(&line, colour) {
                        return End::Other(black_to);
                    }
                    self.ground = Some(colour);
                    *self.at(side) = before;
                    return End::Plain;
                }
                _ if black_to == start => {}
                // Something written on black.
                _ => return End::Nowhere,
            }
            before = inside;
        }
        End::Nowhere
    }

    /// Moves a side to where the ground of this colour begins, over lines that are dim enough for a contrast image;
    /// leaves it if that is nowhere.
    fn reach(&mut self, side: Side, ground: [u8; 3]) {
        let mut last = None;
        for (n, inside) in self.lines(side, FAR_BEYOND) {
            let line = self.line(side, n);
            if is_plain(&line, ground) {
                *self.at(side) = last.unwrap_or(*self.at(side));
                return;
            }
            if percent(&line, dim) < DIM_PERCENT {
                return;
            }
            last = Some(inside);
        }
    }
}

/// Whether a line is of this colour, which is not black.
fn is_plain(line: &[[u8; 3]], colour: [u8; 3]) -> bool {
    let near = |pixel: &[u8; 3]| {
        pixel
            .iter()
            .zip(colour)
            .all(|(a, b)| a.abs_diff(b) <= PLAIN_LEVELS)
    };
    !black(&colour) && percent(line, near) >= PLAIN_PERCENT
}

fn black(pixel: &[u8; 3]) -> bool {
    pixel.iter().all(|v| *v <= BLACK)
}

fn dim(pixel: &[u8; 3]) -> bool {
    pixel.iter().map(|v| u16::from(*v)).sum::<u16>() <= DIM
}

fn percent(line: &[[u8; 3]], is: impl Fn(&[u8; 3]) -> bool) -> usize {
    100 * line.iter().filter(|pixel| is(pixel)).count() / line.len().max(1)
}

/// The middle of each channel.
fn median(mut line: Vec<[u8; 3]>) -> [u8; 3] {
    [0, 1, 2].map(|channel| {
        line.sort_by_key(|pixel| pixel[channel]);
        line.get(line.len() / 2).map_or(0, |pixel| pixel[channel])
    })
}
