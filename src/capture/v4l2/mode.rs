//! Which mode a device is set to: what it offers, and which of that suits grading best.

use v4l::format::FourCC;
use v4l::v4l_sys::*;

use super::Options;
use super::format::{self, Described};
use super::input::Timings;
use super::node::Node;
use crate::capture::CaptureError;

/// A scanner shows 10 to 20 contrast pictures a second: a mode with fewer than this may miss some, one with more sees
/// repeats.
const ENOUGH_A_SECOND: f64 = 24.0;
/// Pictures beyond this size cost time and show no more: scanners put out no finer ones.
const LARGEST: (u32, u32) = (1920, 1080);
/// What is tried of a device that takes any size in a range.
const USUAL: [(u32, u32); 5] = [(1920, 1080), (1280, 720), (1024, 768), (800, 600), (640, 480)];

/// One thing that a device can be set to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mode {
    /// The pixel format's code as V4L2 has it: four characters.
    pub format: [u8; 4],
    /// Width in pixels.
    pub width: u32,
    /// Height in lines.
    pub height: u32,
    /// Time between two pictures in seconds as a fraction; `None` where the device does not say or the scanner decides.
    pub interval: Option<(u32, u32)>,
}

impl Mode {
    /// Whether Sonograde reads this pixel format.
    pub fn readable(&self) -> bool {
        format::rank(self.code()).is_some()
    }

    /// Pictures a second, where that is known.
    pub fn fps(&self) -> Option<f64> {
        let (numerator, denominator) = self.interval?;
        Some(f64::from(denominator) / f64::from(numerator.max(1)))
    }

    fn code(&self) -> u32 {
        u32::from_le_bytes(self.format)
    }

    /// Whether the mode has what is pinned.
    fn keeps(&self, options: &Options) -> bool {
        let near = |wanted: f64, given: f64| (wanted - given).abs() < 0.02 * wanted;
        options.width.is_none_or(|w| w == self.width)
            && options.height.is_none_or(|h| h == self.height)
            && options
                .format
                .as_ref()
                .is_none_or(|f| f.as_bytes() == self.format)
            && options
                .fps
                .is_none_or(|fps| self.fps().is_none_or(|given| near(fps, given)))
    }

    /// Better modes have greater keys: enough pictures a second, then the size, then what is not compressed, then the
    /// rate, then the pixel format.
    fn key(&self) -> impl Ord + use<> {
        let fps = self.fps().unwrap_or(60.0);
        let area = i64::from(self.width) * i64::from(self.height);
        let size = match self.width <= LARGEST.0 && self.height <= LARGEST.1 {
            true => area,
            false => -area,
        };
        let rate = (fps.min(60.0) * 10.0) as i64;
        let rank = format::rank(self.code()).map_or(i64::MIN, |rank| -(rank as i64));
        (
            fps >= ENOUGH_A_SECOND,
            size,
            !format::compressed(self.code()),
            rate,
            rank,
        )
    }
}

/// What the device offers.
pub(super) fn offered(node: &Node, options: &Options) -> Vec<Mode> {
    let formats = node.formats();
    formats
        .into_iter()
        .flat_map(|code| {
            sizes(node, code, options)
                .into_iter()
                .map(move |size| (code, size))
        })
        .flat_map(|(code, (width, height))| {
            intervals(node, code, width, height)
                .into_iter()
                .map(move |interval| Mode {
                    format: code.to_le_bytes(),
                    width,
                    height,
                    interval,
                })
        })
        .collect()
}

/// The best of what is offered and has what is pinned, if we can read any.
pub(super) fn choose(offered: &[Mode], options: &Options) -> Option<Mode> {
    let fit = offered
        .iter()
        .filter(|mode| mode.readable() && mode.keeps(options));
    fit.max_by_key(|mode| mode.key()).copied()
}

/// Sizes of a pixel format: what the device lists; of a range the usual ones, the pinned one and the greatest; what is
/// pinned or the device is set to if it does not say, as of a receiver, where the scanner decides.
fn sizes(node: &Node, code: u32, options: &Options) -> Vec<(u32, u32)> {
    let pinned = |(width, height)| (options.width.unwrap_or(width), options.height.unwrap_or(height));
    let now = || {
        let now = node.picture().map(|p| pinned((p.width, p.height)));
        now.into_iter().collect()
    };
    if node.has_timings() {
        return now();
    }
    let mut sizes = Vec::new();
    for size in node.sizes(code) {
        if size.type_ == v4l2_frmsizetypes_V4L2_FRMSIZE_TYPE_DISCRETE {
            // SAFETY: the member of the union for this type; every bit pattern is valid.
            let size = unsafe { size.__bindgen_anon_1.discrete };
            sizes.push((size.width, size.height));
        } else {
            // SAFETY: the member of the union for these types; every bit pattern is valid.
            let range = unsafe { size.__bindgen_anon_1.stepwise };
            let fits = |(width, height): &(u32, u32)| {
                (range.min_width..=range.max_width).contains(width)
                    && (range.min_height..=range.max_height).contains(height)
                    && (width - range.min_width) % range.step_width.max(1) == 0
                    && (height - range.min_height) % range.step_height.max(1) == 0
            };
            let most = (range.max_width, range.max_height);
            let tried = USUAL.into_iter().chain([pinned(most), most]);
            sizes.extend(tried.filter(fits));
        }
    }
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    sizes.dedup();
    if sizes.is_empty() { now() } else { sizes }
}

/// Times between pictures: what the device lists, the shortest of a range, `None` if it does not say.
fn intervals(node: &Node, code: u32, width: u32, height: u32) -> Vec<Option<(u32, u32)>> {
    let fraction = |f: v4l2_fract| Some((f.numerator, f.denominator));
    let mut intervals: Vec<_> = node
        .intervals(code, width, height)
        .into_iter()
        .map(|interval| {
            if interval.type_ == v4l2_frmivaltypes_V4L2_FRMIVAL_TYPE_DISCRETE {
                // SAFETY: the member of the union for this type; every bit pattern is valid.
                fraction(unsafe { interval.__bindgen_anon_1.discrete })
            } else {
                // SAFETY: the member of the union for these types; every bit pattern is valid.
                fraction(unsafe { interval.__bindgen_anon_1.stepwise.min })
            }
        })
        .filter(|interval| interval.is_some_and(|(n, d)| n > 0 && d > 0))
        .collect();
    if intervals.is_empty() {
        intervals.push(None);
    }
    intervals
}

/// Sets the device to the best mode that has what `options` pin down, and reads back what it gives. `timings` are those of
/// what comes in, where the device knows them: then the scanner decides the size.
pub(super) fn negotiate(
    node: &Node,
    options: &Options,
    timings: Option<&Timings>,
) -> Result<Described, CaptureError> {
    if let Some(name) = &options.format
        && format::asked_for(name).is_none()
    {
        return Err(node.unsupported(format!("{name:?}"), format::readable_names()));
    }
    let offered = offered(node, options);
    let Some(mode) = choose(&offered, options) else {
        return Err(node.unsupported(asked(options), list(&offered, timings)));
    };
    if let Some(interval) = mode.interval {
        // Some drivers change the rate with the format, others the other way round.
        node.set_picture(mode.width, mode.height, mode.code())?;
        node.set_interval(interval);
    }
    let given = node.set_picture(mode.width, mode.height, mode.code())?;
    if (given.width, given.height, given.code) != (mode.width, mode.height, mode.code()) {
        let asked = format!("{}x{} {}", mode.width, mode.height, FourCC::from(mode.code()));
        let (width, height, name) = (given.width, given.height, FourCC::from(given.code));
        return Err(node.unsupported(
            asked,
            format!("{width}x{height} {name}, which the device gives for it"),
        ));
    }
    format::describe(&given).map_err(|(found, expected)| node.unsupported(found, expected))
}

/// What is pinned, for people.
fn asked(options: &Options) -> String {
    let side = |n: Option<u32>| n.map_or("any".to_owned(), |n| n.to_string());
    let size = match (options.width, options.height) {
        (None, None) => "any size".to_owned(),
        (w, h) => format!("{}x{}", side(w), side(h)),
    };
    let format = options.format.as_deref().unwrap_or("a readable format");
    let rate = options
        .fps
        .map_or(String::new(), |fps| format!(" at {fps} a second"));
    format!("{size}, {format}{rate}")
}

/// What is offered, for people.
fn list(offered: &[Mode], timings: Option<&Timings>) -> String {
    const SHOWN: usize = 12;
    let mut words: Vec<_> = offered
        .iter()
        .map(|m| format!("{}x{} {}", m.width, m.height, FourCC::new(&m.format)))
        .collect();
    words.dedup();
    let more = if words.len() > SHOWN { ", and others" } else { "" };
    words.truncate(SHOWN);
    let sent = timings.map_or(String::new(), |t| {
        format!(
            " (the scanner sends {}x{} at {:.0} a second)",
            t.size().0,
            t.size().1,
            t.rate()
        )
    });
    match words.is_empty() {
        true => format!("{}; the device offers nothing", format::readable_names()),
        false => format!("what the device offers, {}{more}{sent}", words.join(", ")),
    }
}
