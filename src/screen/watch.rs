//! What is remembered from picture to picture: whether a picture is new, whether its tissue moves too fast, whether its speckle
//! is that of bubbles, and where the lesion is.
//!
//! Pure: it knows the frames' own times and no clock.

use std::time::Duration;

use super::follow::{self, Follower, Following};
use super::quality::{self, Colours, Look};
use super::shift::{self, Match, SIDE, Sketch, WHOLE};
use super::{Layout, repeat, speckle};
use crate::exam::record::{Fitness, Quality};
use crate::frame::{Frame, FrameFormat, PixelFormat, Range, Rect};
use crate::preprocess::{PreprocessError, Preprocessor};

/// Pictures further apart are not compared: nothing can be said of motion or speckle.
const APART: Duration = Duration::from_millis(250);
/// Strong motion: the tissue moves by more than this share of the pane's height from one picture to the next, or looks so
/// different that its movement cannot be told.
const STRONG: f32 = 0.01;
const ANOTHER: f32 = 0.4;
/// Below this correlation two pictures have nothing to do with each other: stills, or a cut. Nothing can be said then either.
const UNRELATED: f32 = 0.15;
/// The lesion is lost if its picture was unfit for so long.
const UNSEEN: Duration = Duration::from_secs(1);

/// Watches one stream of pictures on one layout.
pub struct Watch {
    layout: Layout,
    /// Width of the model's input.
    width: usize,
    cutter: Preprocessor,
    /// What the model would see of the newest frame, and its luma.
    input: Vec<u8>,
    luma: Vec<u8>,
    /// What is looked at for motion: all of the pane, or the lesion and its surroundings.
    window: Rect,
    scaler: Preprocessor,
    /// The window at the scaler's size.
    pixels: Vec<u8>,
    sketch: Sketch,
    last: Option<Seen>,
    /// When the lesion could be seen last.
    seen: Duration,
    follower: Option<Follower>,
    roi: Rect,
}

/// The newest picture that was new.
struct Seen {
    t: Duration,
    /// The model's input and its luma.
    input: Vec<u8>,
    luma: Vec<u8>,
    sketch: Sketch,
}

impl Watch {
    /// For a model whose input is `width` × `height` pixels.
    pub fn new(layout: Layout, width: usize, height: usize) -> Self {
        let drawn = layout.roi != layout.pane;
        let window = if drawn {
            follow::window(layout.pane, layout.roi)
        } else {
            layout.pane
        };
        Self {
            layout,
            width,
            cutter: Preprocessor::new(width, height),
            input: vec![0; 3 * width * height],
            luma: Vec::new(),
            window,
            scaler: Preprocessor::new(SIDE, SIDE),
            pixels: vec![0; 3 * SIDE * SIDE],
            sketch: Sketch::default(),
            last: None,
            seen: Duration::ZERO,
            follower: drawn.then(|| Follower::new(window, layout.roi)),
            roi: layout.roi,
        }
    }

    /// The rectangles that this was made for.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// What the model is to see of the newest frame: `[3, height, width]`, red plane first.
    pub fn input(&self) -> &[u8] {
        &self.input
    }

    /// Where the lesion was seen last.
    pub fn roi(&self) -> Rect {
        self.roi
    }

    /// Whether the ROI follows the lesion.
    pub fn following(&self) -> Following {
        self.follower
            .as_ref()
            .map_or(Following::Off, |follower| follower.state.clone())
    }

    /// Follows the lesion to `frame` and cuts it out, and says how good the picture is, or why it is not fit to be scored.
    ///
    /// # Errors
    /// [`PreprocessError`] if the pane cannot be read.
    pub fn look(&mut self, frame: &Frame) -> Result<Result<Fitness, Quality>, PreprocessError> {
        let cut = self.roi;
        self.cut(frame)?;
        if quality::dark(&self.luma) {
            self.unseen(frame.t);
            return Ok(Err(Quality::TooDark));
        }
        if let Some(last) = &self.last
            && (last.input == self.input || repeat::same(&last.luma, &self.luma, self.width))
        {
            return Ok(Err(Quality::Duplicate));
        }
        self.scale(frame)?;
        self.sketch.set(quality::luma(&self.pixels));
        let look = self.judge(frame.t);
        if matches!(look, Ok(_) | Err(Quality::Motion)) {
            self.follow(frame.t, look.is_ok());
        } else {
            self.unseen(frame.t);
        }
        if self.roi != cut {
            self.cut(frame)?;
        }
        self.remember(frame.t);
        Ok(look.map(|look| look.fitness(&self.luma)))
    }

    fn cut(&mut self, frame: &Frame) -> Result<(), PreprocessError> {
        self.cutter.run(frame, self.roi, &mut self.input)?;
        self.luma.clear();
        self.luma.extend(quality::luma(&self.input));
        Ok(())
    }

    /// Makes the window small. Where no lesion is drawn it is what was cut out, and small already: the frame is read once.
    fn scale(&mut self, frame: &Frame) -> Result<(), PreprocessError> {
        if self.follower.is_some() {
            return self.scaler.run(frame, self.window, &mut self.pixels);
        }
        let (width, height) = (self.width as u32, (self.luma.len() / self.width) as u32);
        let cut = Frame {
            format: FrameFormat {
                range: Range::Full,
                ..FrameFormat::packed(PixelFormat::Grey, width, height)
            },
            bytes: self.luma.clone().into(),
            ..*frame
        };
        self.scaler.run(&cut, Rect::full(width, height), &mut self.pixels)
    }

    /// Why a new picture is not fit to be scored; else what is told of it, and less clear the faster it moves.
    fn judge(&self, t: Duration) -> Result<Look, Quality> {
        let look = quality::judge(&self.input, &self.luma, self.width)?;
        let recent = |last: &&Seen| t.checked_sub(last.t).is_some_and(|later| later <= APART);
        let Some(last) = self.last.as_ref().filter(recent) else {
            return Ok(look);
        };
        let moved = shift::find(&last.sketch, &self.sketch, WHOLE, [0.0; 2]);
        let motion = self.motion(moved);
        if moved.correlation < UNRELATED {
            Ok(look)
        } else if moved.correlation < ANOTHER || motion > 1.0 {
            Err(Quality::Motion)
        } else if look.colours == Colours::Grey && self.tissue(last, moved) {
            Err(Quality::NotContrast)
        } else {
            let clear = look.clear * (1.0 - motion * motion);
            Ok(Look { clear, ..look })
        }
    }

    /// Keeps a new picture, to compare the next with.
    fn remember(&mut self, t: Duration) {
        let last = self.last.get_or_insert_with(|| Seen {
            t,
            input: Vec::new(),
            luma: Vec::new(),
            sketch: Sketch::default(),
        });
        last.t = t;
        last.input.clone_from(&self.input);
        last.luma.clone_from(&self.luma);
        last.sketch.clone_from(&self.sketch);
    }

    /// Pixels of the screen by which the window moved.
    fn pixels_moved(&self, moved: Match) -> [f32; 2] {
        let side = SIDE as f32;
        [
            moved.by[0] * self.window.w as f32 / side,
            moved.by[1] * self.window.h as f32 / side,
        ]
    }

    /// How fast the tissue moves; 1 is strong.
    fn motion(&self, moved: Match) -> f32 {
        let [x, y] = self.pixels_moved(moved);
        x.hypot(y) / (STRONG * self.layout.pane.h as f32)
    }

    /// Whether a grey picture is of tissue.
    fn tissue(&self, last: &Seen, moved: Match) -> bool {
        let [x, y] = self.pixels_moved(moved);
        let height = self.luma.len() / self.width;
        let by = [
            (x * self.width as f32 / self.roi.w as f32).round() as i32,
            (y * height as f32 / self.roi.h as f32).round() as i32,
        ];
        speckle::lasts(&last.luma, &self.luma, self.width, by)
    }

    fn follow(&mut self, t: Duration, steady: bool) {
        self.seen = t;
        if let Some(follower) = &mut self.follower {
            let by = follower.follow(&self.sketch, steady);
            self.roi = follow::moved(self.layout.pane, self.layout.roi, by);
        }
    }

    fn unseen(&mut self, t: Duration) {
        if let Some(follower) = &mut self.follower
            && follower.state == Following::Follows
            && t.saturating_sub(self.seen) > UNSEEN
        {
            follower.lose("it has not been seen for a second");
            // What was kept was cut out where the lesion was.
            (self.roi, self.last) = (self.layout.roi, None);
        }
    }
}
