//! Finds the contrast pane on a screen by itself: images are what changes in a block; the contrast image is the one with a
//! colour map, or the one whose speckle lives. Text, scales and bars stand still or are too small.
//!
//! Pure. It looks at the whole screen, a few times a second, at a size of some 480 columns.

use std::time::Duration;

use super::blocks::{self, Block};
use super::border;
use crate::frame::{Frame, FrameFormat, Rect};
use crate::preprocess::{PreprocessError, Preprocessor};

/// Columns of the small screen, at most.
const COLUMNS: u32 = 480;
/// Time between two looks, and changes that are added up before something is said.
const EVERY: Duration = Duration::from_millis(120);
const CHANGES: u32 = 8;
/// A cell is part of an image if its luma changes by so many levels in [`CHANGES`] looks: more than noise does.
const ACTIVE: u16 = 16;
/// The least share of the screen that an image has, in percent.
const LEAST_PERCENT: usize = 3;
/// Cells whose brightest channel is at least this have a colour; grey if red, green and blue differ by less than an eighth of it.
const HUED: u8 = 48;
/// Change from look to look as a share of what neighbouring cells differ by: bubbles' speckle has more than this, tissue's less.
const LIVELY: f32 = 0.85;

/// What a look at the screen says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// Not enough was seen yet.
    Unsure,
    /// No contrast image is on the screen.
    Nothing,
    /// The contrast image fills this rectangle.
    Pane(Rect),
}

/// Looks at screens of one size.
pub struct Finder {
    format: FrameFormat,
    columns: usize,
    rows: usize,
    scaler: Preprocessor,
    pixels: Vec<u8>,
    luma: Vec<u8>,
    looked: Option<Duration>,
    /// Sums over the looks since something was said: change and detail of each cell.
    looks: u32,
    change: Vec<u16>,
    detail: Vec<u16>,
    /// The block that was found last, and its pane.
    known: Option<(Block, Rect)>,
}

impl Finder {
    /// For frames of this format.
    pub fn new(format: FrameFormat) -> Self {
        let cell = format.width.div_ceil(COLUMNS).max(2);
        let (columns, rows) = (
            (format.width / cell).max(1) as usize,
            (format.height / cell).max(1) as usize,
        );
        Self {
            format,
            columns,
            rows,
            scaler: Preprocessor::new(columns, rows),
            pixels: vec![0; 3 * columns * rows],
            luma: vec![0; columns * rows],
            looked: None,
            looks: 0,
            change: vec![0; columns * rows],
            detail: vec![0; columns * rows],
            known: None,
        }
    }

    /// The format that this was made for.
    pub fn format(&self) -> &FrameFormat {
        &self.format
    }

    /// Looks at a frame, if it is time to. Nothing is said in between.
    ///
    /// # Errors
    /// [`PreprocessError`] if the frame cannot be read.
    pub fn look(&mut self, frame: &Frame) -> Result<Option<Sight>, PreprocessError> {
        let due = self
            .looked
            .is_none_or(|looked| frame.t.checked_sub(looked).is_none_or(|since| since >= EVERY));
        if !due {
            return Ok(None);
        }
        self.scaler.run(frame, self.format.area(), &mut self.pixels)?;
        let first = self.looked.is_none_or(|looked| frame.t < looked);
        self.looked = Some(frame.t);
        self.add(first);
        if self.looks < CHANGES {
            return Ok(None);
        }
        let sight = self.sight(frame)?;
        (self.looks, self.change, self.detail) = (0, vec![0; self.luma.len()], vec![0; self.luma.len()]);
        Ok(Some(sight))
    }

    /// Adds what changed; of the `first` picture nothing is known.
    fn add(&mut self, first: bool) {
        let columns = self.columns;
        let now: Vec<u8> = super::quality::luma(&self.pixels).collect();
        if !first {
            let mut changed = false;
            for (at, (&was, &is)) in self.luma.iter().zip(&now).enumerate() {
                let difference = u16::from(was.abs_diff(is));
                changed |= difference > 4;
                self.change[at] += difference;
                let left = if at % columns == 0 { is } else { now[at - 1] };
                self.detail[at] += u16::from(is.abs_diff(left));
            }
            // A repeat of the whole screen tells nothing.
            self.looks += u32::from(changed);
        }
        self.luma = now;
    }

    fn sight(&mut self, frame: &Frame) -> Result<Sight, PreprocessError> {
        let active: Vec<bool> = self.change.iter().map(|c| *c >= ACTIVE).collect();
        let least = self.columns * self.rows * LEAST_PERCENT / 100;
        let blocks = blocks::find(&active, self.columns, least);
        let contrast = blocks
            .iter()
            .map(|block| (self.contrast(block, &active), block))
            .filter(|(score, _)| *score > LIVELY)
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let Some((_, block)) = contrast else {
            return Ok(Sight::Nothing);
        };
        let pane = match self.known {
            Some((known, pane)) if known.about(block) => pane,
            _ => border::of(frame, self.pixels_of(block))?,
        };
        self.known = Some((*block, pane));
        Ok(Sight::Pane(pane))
    }

    /// How much a block looks like a contrast image: how lively its speckle is, and far more if it has a colour map.
    fn contrast(&self, block: &Block, active: &[bool]) -> f32 {
        let (red, rest) = self.pixels.split_at(self.luma.len());
        let (green, blue) = rest.split_at(self.luma.len());
        let (mut hued, mut grey, mut change, mut detail) = (0u32, 0u32, 0u32, 1u32);
        for row in block.y[0]..block.y[1] {
            for at in row * self.columns + block.x[0]..row * self.columns + block.x[1] {
                if !active[at] {
                    continue;
                }
                let (high, low) = (
                    red[at].max(green[at]).max(blue[at]),
                    red[at].min(green[at]).min(blue[at]),
                );
                hued += u32::from(high >= HUED);
                grey += u32::from(high >= HUED && 8 * u16::from(high - low) < u16::from(high));
                change += u32::from(self.change[at]);
                detail += u32::from(self.detail[at]);
            }
        }
        let lively = change as f32 / detail as f32;
        // One in fifty grey is Doppler over B-mode; a colour map has none.
        match (hued, grey) {
            (0, _) => lively,
            (hued, grey) if 50 * grey < hued => 10.0 + lively,
            (hued, grey) if 50 * (hued - grey) < hued => lively,
            _ => 0.0,
        }
    }

    fn pixels_of(&self, block: &Block) -> Rect {
        let scale =
            |cell: usize, cells: usize, pixels: u32| (cell as u64 * u64::from(pixels) / cells as u64) as u32;
        let across = block.x.map(|x| scale(x, self.columns, self.format.width));
        let down = block.y.map(|y| scale(y, self.rows, self.format.height));
        Rect {
            x: across[0],
            y: down[0],
            w: across[1] - across[0],
            h: down[1] - down[0],
        }
    }
}
