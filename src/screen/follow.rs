//! Follows the lesion through breathing: a picture of it and its surroundings, a slow mean over the exam, is looked for in
//! every new picture near where it was last.
//!
//! Pure. Bounded cost: one search of [`super::shift`] for each new picture.

use serde::Serialize;

use super::shift::{self, Part, SIDE, Sketch};
use crate::frame::Rect;

/// The lesion is drawn in a window that reaches this share of its size beyond it on each side, and compared with this much.
const AROUND: f32 = 0.7;
const COMPARED: f32 = 0.35;
/// Below this correlation the tissue is not what was followed; it is again from the second.
const LOST: f32 = 0.4;
const FOUND: f32 = 0.5;
/// The share that a new picture has in the mean.
const LEARN: f32 = 0.02;

/// Whether the lesion ROI is where the tissue is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Following {
    /// No lesion is drawn: the whole pane is scored.
    Off,
    /// The ROI follows the tissue.
    Follows,
    /// The ROI is where it was drawn, for this reason.
    Lost {
        /// For people.
        reason: &'static str,
    },
}

/// Where the tissue under a drawn ROI is now.
pub(super) struct Follower {
    /// Pixels of the screen in one of a sketch, across and down.
    scale: [f32; 2],
    part: Part,
    /// The mean, and the same as a sketch; empty until the first picture.
    mean: Vec<f32>,
    template: Sketch,
    by: [f32; 2],
    pub state: Following,
}

/// The part of the screen that is looked at to follow `roi`: some of its surroundings, inside the pane.
pub(super) fn window(pane: Rect, roi: Rect) -> Rect {
    let grown = |from: u32, len: u32, low: u32, all: u32| {
        let around = (AROUND * len as f32) as u32;
        let start = from.saturating_sub(around).max(low);
        (start, (from + len + around).min(low + all) - start)
    };
    let ((x, w), (y, h)) = (
        grown(roi.x, roi.w, pane.x, pane.w),
        grown(roi.y, roi.h, pane.y, pane.h),
    );
    Rect { x, y, w, h }
}

impl Follower {
    /// Follows `roi` in sketches of `window`.
    pub fn new(window: Rect, roi: Rect) -> Self {
        let axis = |from: u32, len: u32, start: u32, all: u32| {
            let scale = all as f32 / SIDE as f32;
            let more = COMPARED * len as f32;
            let edge = |v: f32| (v / scale).clamp(0.0, SIDE as f32) as i32;
            let first = (from - start) as f32;
            (scale, [edge(first - more), edge(first + len as f32 + more)])
        };
        let across = axis(roi.x, roi.w, window.x, window.w);
        let down = axis(roi.y, roi.h, window.y, window.h);
        Self {
            scale: [across.0, down.0],
            part: Part {
                x: across.1,
                y: down.1,
            },
            mean: Vec::new(),
            template: Sketch::default(),
            by: [0.0; 2],
            state: Following::Lost {
                reason: "nothing was seen of it yet",
            },
        }
    }

    /// Takes a new picture of the window; `steady` ones are learnt from. Gives the pixels by which the tissue has moved since
    /// the first, 0 while it is lost.
    pub fn follow(&mut self, sketch: &Sketch, steady: bool) -> [f32; 2] {
        if self.mean.is_empty() {
            self.mean = sketch.level().iter().map(|v| f32::from(2 * v)).collect();
            self.template = sketch.clone();
            self.state = Following::Follows;
            return self.by;
        }
        let found = shift::find(&self.template, sketch, self.part, self.by);
        let enough = if self.state == Following::Follows {
            LOST
        } else {
            FOUND
        };
        if found.correlation < enough {
            return self.lose("the tissue does not look like what was followed");
        }
        self.state = Following::Follows;
        self.by = found.by;
        if steady {
            self.learn(sketch);
        }
        [found.by[0] * self.scale[0], found.by[1] * self.scale[1]]
    }

    /// Goes back to where the ROI was drawn.
    pub fn lose(&mut self, reason: &'static str) -> [f32; 2] {
        self.by = [0.0; 2];
        self.state = Following::Lost { reason };
        self.by
    }

    /// Adds a sketch, moved back by what it has moved, to the mean.
    fn learn(&mut self, sketch: &Sketch) {
        let whole = self.by.map(f32::floor);
        let [right, down] = [self.by[0] - whole[0], self.by[1] - whole[1]];
        let [dx, dy] = whole.map(|v| v as i32);
        let inside = |d: i32| (-d).max(0) as usize..(SIDE as i32 - 1 - d).clamp(0, SIDE as i32) as usize;
        for y in inside(dy) {
            for x in inside(dx) {
                let at = (y as i32 + dy) as usize * SIDE + (x as i32 + dx) as usize;
                let pixel = |beyond: usize| f32::from(2 * sketch.level()[at + beyond]);
                let upper = pixel(0) + right * (pixel(1) - pixel(0));
                let lower = pixel(SIDE) + right * (pixel(SIDE + 1) - pixel(SIDE));
                let here = y * SIDE + x;
                self.mean[here] += LEARN * (upper + down * (lower - upper) - self.mean[here]);
            }
        }
        self.template.set(self.mean.iter().map(|v| v.round() as u8));
    }
}

/// `roi` moved by so many pixels, as far as the pane goes.
pub(super) fn moved(pane: Rect, roi: Rect, [dx, dy]: [f32; 2]) -> Rect {
    let along = |from: u32, len: u32, low: u32, all: u32, d: f32| {
        let to = i64::from(from) + d.round() as i64;
        to.clamp(i64::from(low), i64::from(low + all - len)) as u32
    };
    Rect {
        x: along(roi.x, roi.w, pane.x, pane.w, dx),
        y: along(roi.y, roi.h, pane.y, pane.h, dy),
        ..roi
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PANE: Rect = Rect {
        x: 100,
        y: 50,
        w: 600,
        h: 400,
    };
    const ROI: Rect = Rect {
        x: 300,
        y: 150,
        w: 200,
        h: 150,
    };

    fn of(luma: impl Iterator<Item = u8>) -> Sketch {
        let mut sketch = Sketch::default();
        sketch.set(luma);
        sketch
    }

    /// Blobs, moved by (dx, dy) sketch pixels.
    fn sketch(dx: f32, dy: f32) -> Sketch {
        let level = |n: usize| {
            let (x, y) = ((n % SIDE) as f32 - dx, (n / SIDE) as f32 - dy);
            100.0 + 60.0 * (x * 0.31).sin() * (y * 0.23).cos() + 30.0 * (x * 0.11 + y * 0.17).sin()
        };
        of((0..SIDE * SIDE).map(|n| level(n) as u8))
    }

    #[test]
    fn movement_is_followed_between_pixels() {
        let window = window(PANE, ROI);
        let mut follower = Follower::new(window, ROI);
        let scale = follower.scale;
        for n in 0..60 {
            let (dx, dy) = (3.0 * (n as f32 * 0.2).sin(), 4.0 * (n as f32 * 0.13).sin());
            let [x, y] = follower.follow(&sketch(dx, dy), true);
            let error = [x - dx * scale[0], y - dy * scale[1]];
            assert!(
                error[0].abs() < 1.0 && error[1].abs() < 1.0,
                "picture {n}: {error:?}"
            );
        }
    }

    #[test]
    fn what_looks_otherwise_is_lost_and_found_again() {
        let mut follower = Follower::new(window(PANE, ROI), ROI);
        follower.follow(&sketch(0.0, 0.0), true);
        follower.follow(&sketch(2.0, 0.0), true);
        let other = of((0..SIDE * SIDE).map(|n| (n * 7919 % 251) as u8));
        assert_eq!(follower.follow(&other, true), [0.0; 2]);
        assert!(matches!(follower.state, Following::Lost { .. }));
        let [x, _] = follower.follow(&sketch(2.0, 0.0), true);
        assert!(follower.state == Following::Follows && x > 1.0, "{x}");
    }

    #[test]
    fn the_roi_never_leaves_the_pane() {
        for by in [[1e6, -1e6], [-1e6, 1e6], [7.4, -3.6]] {
            let roi = moved(PANE, ROI, by);
            assert!(PANE.contains(&roi) && (roi.w, roi.h) == (ROI.w, ROI.h), "{roi}");
        }
        let all = window(PANE, PANE);
        assert_eq!(all, PANE);
    }
}
