//! Which pane and ROI are in use: what the user said, or what was found; and whether the screen still looks like it.

use std::fmt;

use serde::Serialize;

use super::{Finder, Layout, LayoutError, PanePreset, Screen, Sight};
use crate::frame::{Frame, Rect};
use crate::preprocess::PreprocessError;

/// A pane that overlaps the one in use by less than this share of both together is another.
const SAME: f64 = 0.8;
/// How often in a row another pane must be seen before it is believed.
const SURE: u32 = 2;

/// What is known of the layout, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Arranged {
    /// No contrast image was found yet: nothing is graded, shown or kept.
    #[default]
    Searching,
    /// The pane was found and is in use.
    Found,
    /// The pane was given or confirmed by a person.
    Confirmed,
    /// A person gave the pane, and a contrast image is seen elsewhere.
    Changed {
        /// Where.
        seen: Rect,
    },
}

impl fmt::Display for Arranged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Searching => f.write_str("looking for the contrast image"),
            Self::Found => f.write_str("the contrast image was found"),
            Self::Confirmed => f.write_str("the contrast pane was given"),
            Self::Changed { seen } => write!(f, "changed: a contrast image is seen at {seen}"),
        }
    }
}

/// Follows the layout of one source's screen.
#[derive(Default)]
pub struct Arrangement {
    screen: Screen,
    finder: Option<Finder>,
    /// The pane that was found, for `auto`.
    found: Option<Rect>,
    /// Another pane than the one in use, and how often it was seen in a row.
    other: Option<(Rect, u32)>,
    state: Arranged,
}

/// Why there is no layout.
#[derive(Debug, thiserror::Error)]
pub enum ArrangementError {
    /// Pane or ROI do not fit the picture.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The frame cannot be read.
    #[error("cannot look at the screen")]
    Picture(#[from] PreprocessError),
}

impl Arrangement {
    /// Begins with what the user said.
    pub fn new(screen: Screen) -> Self {
        Self {
            screen,
            ..Self::default()
        }
    }

    /// Uses this pane from the next frame on, whatever is found later; a ROI that was drawn in the pane before goes with it.
    pub fn set_pane(&mut self, pane: PanePreset) {
        *self = Self::new(Screen {
            pane: Some(pane),
            roi: None,
        });
    }

    /// Uses another lesion ROI from the next frame on; none is the whole pane.
    pub fn set_roi(&mut self, roi: Option<Rect>) {
        self.screen.roi = roi;
    }

    /// Begins with pane and ROI of an exam that goes on, if a picture of `area` has room for them.
    pub fn go_on(&mut self, Layout { pane, roi }: Layout, area: Rect) {
        if !area.contains(&pane) {
            return;
        }
        match self.screen.pane {
            Some(PanePreset::Auto) => self.found = Some(pane),
            _ => self.screen.pane = Some(PanePreset::Rect(pane)),
        }
        self.screen.roi = (roi != pane).then_some(roi);
    }

    /// What is known of the layout.
    pub fn state(&self) -> &Arranged {
        &self.state
    }

    /// Pane and ROI in `frame`; nothing while the pane is being looked for. A pane that was found is kept while `hold`: early in an
    /// exam the contrast fills a part of it only, and an exam has one pane.
    ///
    /// # Errors
    /// [`ArrangementError`] if they do not fit the picture or it cannot be read.
    pub fn layout(&mut self, frame: &Frame, hold: bool) -> Result<Option<Layout>, ArrangementError> {
        let format = frame.format;
        let finder = match self.finder.take() {
            Some(finder) if *finder.format() == format => finder,
            None => Finder::new(format),
            Some(_) => {
                (self.found, self.other) = (None, None);
                Finder::new(format)
            }
        };
        let sight = self.finder.insert(finder).look(frame)?;
        let auto = self.screen.pane == Some(PanePreset::Auto);
        let given = if auto {
            None
        } else {
            Some(self.screen.layout(format.width, format.height)?)
        };
        let pane = given.map(|layout| layout.pane).or(self.found);
        match sight {
            Some(Sight::Pane(seen)) if pane.is_none_or(|pane| !fits(pane, seen, auto)) => {
                let before = self.other.filter(|(other, _)| overlap(*other, seen) >= SAME);
                self.other = Some((seen, before.map_or(1, |(_, times)| times + 1)));
            }
            Some(_) => self.other = None,
            None => {}
        }
        if let Some((seen, times)) = self.other
            && auto
            && (self.found.is_none() || (times >= SURE && !hold))
        {
            if self.found.is_some() {
                // It was drawn in another pane.
                self.screen.roi = None;
            }
            (self.found, self.other) = (Some(seen), None);
        }
        self.state = match (self.other, auto, self.found) {
            (Some((seen, SURE..)), ..) => Arranged::Changed { seen },
            (_, false, _) => Arranged::Confirmed,
            (_, true, Some(_)) => Arranged::Found,
            (_, true, None) => Arranged::Searching,
        };
        if given.is_some() {
            return Ok(given);
        }
        let Some(pane) = self.found else {
            return Ok(None);
        };
        let here = Screen {
            pane: Some(PanePreset::Rect(pane)),
            roi: self.screen.roi,
        };
        Ok(Some(here.layout(format.width, format.height)?))
    }
}

/// Whether the image that is seen is the one in use: a pane that a person gave may be wider than it.
fn fits(pane: Rect, seen: Rect, auto: bool) -> bool {
    let share = if auto {
        overlap(pane, seen)
    } else {
        common(pane, seen) / area(seen)
    };
    share >= SAME
}

fn area(rect: Rect) -> f64 {
    f64::from(rect.w) * f64::from(rect.h)
}

fn common(a: Rect, b: Rect) -> f64 {
    let along = |a: u32, a_len: u32, b: u32, b_len: u32| {
        f64::from((a + a_len).min(b + b_len).saturating_sub(a.max(b)))
    };
    along(a.x, a.w, b.x, b.w) * along(a.y, a.h, b.y, b.h)
}

/// What two rectangles have in common as a share of both together (IoU).
fn overlap(a: Rect, b: Rect) -> f64 {
    let common = common(a, b);
    common / (area(a) + area(b) - common)
}
