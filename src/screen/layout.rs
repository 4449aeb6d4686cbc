//! Where the contrast pane and the lesion are.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use crate::frame::Rect;

/// What the user said of the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Screen {
    /// The contrast pane; the whole picture if absent.
    pub pane: Option<PanePreset>,
    /// The lesion ROI in pixels of the screen; the whole pane if absent.
    pub roi: Option<Rect>,
}

/// A pane by name or by its rectangle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PanePreset {
    /// The one that is found.
    Auto,
    /// The whole picture.
    Full,
    /// The left half.
    ContrastLeft,
    /// The right half.
    ContrastRight,
    /// The upper half.
    Stacked,
    /// Pixels of the screen.
    Rect(Rect),
}

impl PanePreset {
    /// Those that have a name.
    const NAMED: [(&str, Self); 5] = [
        ("auto", Self::Auto),
        ("full", Self::Full),
        ("contrast-left", Self::ContrastLeft),
        ("contrast-right", Self::ContrastRight),
        ("stacked", Self::Stacked),
    ];

    /// The names that are understood beside a rectangle.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Self::NAMED.iter().map(|(name, _)| *name)
    }
}

impl FromStr for PanePreset {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((_, preset)) = Self::NAMED.iter().find(|(name, _)| *name == text) {
            return Ok(*preset);
        }
        text.parse()
            .map(Self::Rect)
            .map_err(|e| format!("{e}; or use auto, full, contrast-left, contrast-right or stacked"))
    }
}

impl fmt::Display for PanePreset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Rect(rect) = self {
            return rect.fmt(f);
        }
        let named = Self::NAMED.iter().find(|(_, preset)| preset == self);
        f.write_str(named.map_or("auto", |(name, _)| name))
    }
}

impl<'de> Deserialize<'de> for PanePreset {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// The rectangles on a screen of known size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The contrast pane.
    pub pane: Rect,
    /// The lesion ROI, inside the pane.
    pub roi: Rect,
}

/// Why pane and ROI cannot be placed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// A rectangle does not fit.
    #[error("the {what} {rect} lies outside the {around} {limits}; correct it or leave it out")]
    Outside {
        /// Pane or ROI.
        what: &'static str,
        /// What was asked for.
        rect: Rect,
        /// What it must lie in.
        around: &'static str,
        /// How far that goes.
        limits: Rect,
    },
    /// The pane is to be found, and nobody looks for it here.
    #[error(
        "the pane is \"auto\", which only grading finds; give x,y,w,h, full, contrast-left, contrast-right or stacked"
    )]
    Auto,
}

impl Screen {
    /// The rectangles on a screen of `width` × `height` pixels.
    ///
    /// # Errors
    /// [`LayoutError`] if the pane leaves the picture or the ROI leaves the pane, or if the pane is yet to be found.
    pub fn layout(&self, width: u32, height: u32) -> Result<Layout, LayoutError> {
        let picture = Rect::full(width, height);
        let half = |x| Rect {
            x,
            w: (width / 2).max(1),
            ..picture
        };
        let pane = match self.pane.unwrap_or(PanePreset::Full) {
            PanePreset::Auto => return Err(LayoutError::Auto),
            PanePreset::Full => picture,
            PanePreset::ContrastLeft => half(0),
            PanePreset::ContrastRight => half(width / 2),
            PanePreset::Stacked => Rect {
                h: (height / 2).max(1),
                ..picture
            },
            PanePreset::Rect(rect) => rect,
        };
        let fits = |what, rect, around, limits: Rect| {
            if limits.contains(&rect) {
                Ok(())
            } else {
                Err(LayoutError::Outside {
                    what,
                    rect,
                    around,
                    limits,
                })
            }
        };
        fits("pane", pane, "picture", picture)?;
        let roi = self.roi.unwrap_or(pane);
        fits("ROI", roi, "pane", pane)?;
        Ok(Layout { pane, roi })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(pane: &str, roi: Option<&str>) -> Result<Layout, LayoutError> {
        let pane = Some(pane.parse().expect("a pane"));
        let roi = roi.map(|r| r.parse().expect("a rectangle"));
        Screen { pane, roi }.layout(640, 480)
    }

    #[test]
    fn the_roi_is_the_pane_until_it_is_drawn() {
        let right = layout("contrast-right", None).expect("fits");
        assert_eq!(
            right.pane,
            Rect {
                x: 320,
                y: 0,
                w: 320,
                h: 480
            }
        );
        assert_eq!(right.roi, right.pane);
        assert_eq!(
            Screen::default().layout(9, 9).expect("fits").pane,
            Rect::full(9, 9)
        );
    }

    #[test]
    fn rectangles_outside_are_named() {
        let error = layout("600,0,41,10", None).expect_err("outside the picture");
        assert_eq!(
            error.to_string(),
            "the pane 600,0,41,10 lies outside the picture 0,0,640,480; correct it or leave it out"
        );
        assert!(layout("0,0,100,100", Some("50,50,51,10")).is_err());
        assert!("left".parse::<PanePreset>().is_err());
    }
}
