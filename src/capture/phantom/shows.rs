//! What else a scanner's screen shows than a contrast exam: whatever must not be scored.

use super::colour::{ColourMap, amber, blue, bt709, red};
use super::probe::Shift;
use super::rng::Noise;
use super::screen::Screen;
use crate::frame::Rect;

/// What the contrast pane shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// The contrast exam.
    Exam,
    /// B-mode: contrast mode is off.
    BMode,
    /// B-mode with power Doppler in amber over the lesion.
    PowerDoppler,
    /// B-mode with colour Doppler in red and blue over the lesion.
    ColourDoppler,
    /// A menu over the images.
    Menu,
    /// The picture that was shown last; the timer goes on.
    Frozen,
    /// The contrast exam, so many display levels brighter or darker.
    Gain(i16),
    /// The contrast exam while the hand sweeps the probe over and back, in so many pictures.
    Sweep(u8),
}

/// How far the hand sweeps the probe in picture `n`.
pub(super) fn hand(show: Show, n: u64) -> Shift {
    let Show::Sweep(period) = show else {
        return Shift {
            rows: 0.0,
            beams: 0.0,
        };
    };
    let phase = (n % u64::from(period.max(1))) as f32 / f32::from(period.max(1));
    let wave = 4.0 * (phase - 0.5).abs() - 1.0;
    Shift {
        rows: 11.0 * wave,
        beams: 7.0 * wave,
    }
}

/// Blood flow over a B-mode image, as Doppler shows it.
pub(super) struct Flow {
    area: Rect,
    vessels: Noise,
    towards: ColourMap,
    away: ColourMap,
}

impl Flow {
    /// Flow in `area` of the pane.
    pub fn new(show: Show, seed: u64, area: Rect) -> Self {
        let (towards, away) = match show {
            Show::ColourDoppler => (red(), blue()),
            _ => (amber(), amber()),
        };
        Self {
            area,
            vessels: Noise::new(seed, 9, 45.0),
            towards: towards.map(bt709),
            away: away.map(bt709),
        }
    }

    /// Draws picture `n`'s flow; the pulse makes vessels wider and narrower.
    pub fn draw(&self, n: u64, screen: &mut Screen) {
        let pulse = 0.9 + 0.25 * libm::sinf(n as f32 * 0.42);
        let Rect { x, y, w, h } = self.area;
        for row in y..y + h {
            for column in (x & !1..x + w).step_by(2) {
                let speed = self.vessels.at(column as f32, row as f32);
                if speed.abs() > pulse {
                    let level = (110.0 + 70.0 * (speed.abs() - pulse)).min(230.0) as u8;
                    let colours = if speed > 0.0 { &self.towards } else { &self.away };
                    screen.paint(column, row, &[level; 2], colours);
                }
            }
        }
    }
}
