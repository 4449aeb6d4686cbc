//! `sonograde capture probe`: opens a source as the daemon would and says what it gives.

use std::io::Write;
use std::time::Duration;

use serde::Serialize;

use super::{From, output, watch};
use crate::capture::{Lost, Signal};
use crate::cmd::{Failure, seconds};
use crate::frame::{Frame, FrameFormat, Matrix, PixelFormat, Range};
use crate::pipeline::Pace;

/// Opens a source and says what it gives: mode, rate, gaps, levels, signal.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    from: From,
    /// How long to look, in seconds.
    #[arg(long, value_name = "N", default_value_t = 5.0, value_parser = seconds)]
    seconds: f64,
    /// Write JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let (mut open, pace, _) = args.from.choose()?;
    let mut source = open()?;
    let mut seen = Seen::default();
    let watched = watch(&mut *source, Some(args.seconds), |frame| {
        seen.add(frame);
        true
    })?;
    let report = Report {
        source: source.describe(),
        signal: match (seen.signal(), watched.without) {
            (_, Some(signal)) => signal,
            (Some(signal), None) => signal,
            (None, None) => Signal::NoSignal {
                reason: format!("no picture for {:.1} s", watched.lasted.as_secs_f64()),
            },
        },
        mode: seen.previous.as_ref().map(|frame| Shown::of(&frame.format)),
        frames: seen.frames,
        per_second: seen.rate(),
        repeats: seen.repeats,
        lost: (pace == Pace::Device).then(|| source.lost()),
        levels: seen.levels,
    };
    let text = match args.json {
        true => serde_json::to_string_pretty(&report).expect("plain data") + "\n",
        false => report.words(),
    };
    std::io::stdout().write_all(text.as_bytes()).map_err(output)?;
    watched.error.map_or(Ok(()), |error| Err(error.into()))
}

/// What came.
#[derive(Default)]
struct Seen {
    frames: u64,
    /// Time stamps of the first and the last picture.
    times: Option<[Duration; 2]>,
    /// Pictures that were, byte for byte, the one before.
    repeats: u64,
    previous: Option<Frame>,
    /// Lowest and highest luma, or red, green or blue.
    levels: Option<[u8; 2]>,
}

impl Seen {
    fn add(&mut self, frame: Frame) {
        self.frames += 1;
        let first = self.times.map_or(frame.t, |times| times[0]);
        self.times = Some([first, frame.t]);
        if self
            .previous
            .as_ref()
            .is_some_and(|before| before.bytes[..] == frame.bytes[..])
        {
            self.repeats += 1;
        } else {
            let [low, high] = levels(&frame);
            let [lowest, highest] = self.levels.unwrap_or([low, high]);
            self.levels = Some([lowest.min(low), highest.max(high)]);
        }
        self.previous = Some(frame);
    }

    fn rate(&self) -> Option<f64> {
        let [first, last] = self.times?;
        let seconds = last.saturating_sub(first).as_secs_f64();
        (seconds > 0.0).then(|| (self.frames - 1) as f64 / seconds)
    }

    fn signal(&self) -> Option<Signal> {
        match self.frames {
            0 => None,
            n if n > 1 && self.repeats == n - 1 => Some(Signal::Frozen {
                reason: "every picture is the same".into(),
            }),
            _ => Some(Signal::Live),
        }
    }
}

/// Lowest and highest luma, or red, green or blue, in every fourth row.
fn levels(frame: &Frame) -> [u8; 2] {
    let format = &frame.format;
    let own = |index| index == 0 || !format.pixels.is_yuv();
    let mut levels = [255, 0];
    for (plane, place) in format.planes() {
        let row_bytes = plane.row_bytes(format.width);
        for row in (0..plane.rows(format.height)).step_by(4) {
            let line = &frame.bytes[place.offset + row * place.stride..][..row_bytes];
            for channel in plane.channels.iter().filter(|channel| own(channel.index)) {
                for &sample in line[channel.offset..].iter().step_by(channel.step) {
                    levels = [levels[0].min(sample), levels[1].max(sample)];
                }
            }
        }
    }
    levels
}

#[derive(Serialize)]
struct Report {
    source: String,
    signal: Signal,
    #[serde(flatten)]
    mode: Option<Shown>,
    frames: u64,
    per_second: Option<f64>,
    repeats: u64,
    #[serde(flatten)]
    lost: Option<Lost>,
    levels: Option<[u8; 2]>,
}

/// How the pictures are to be read.
#[derive(Serialize)]
struct Shown {
    format: PixelFormat,
    width: u32,
    height: u32,
    range: Range,
    matrix: Matrix,
}

impl Shown {
    fn of(format: &FrameFormat) -> Self {
        Self {
            format: format.pixels,
            width: format.width,
            height: format.height,
            range: format.range,
            matrix: format.matrix,
        }
    }
}

impl Report {
    fn words(&self) -> String {
        let state = match self.signal.reason() {
            Some(reason) => reason.to_owned(),
            None => "live".into(),
        };
        let mut text = format!("{}\nsignal   {state}\n", self.source);
        let rate = self
            .per_second
            .map_or(String::new(), |rate| format!(", {rate:.2} a second"));
        text += &format!(
            "pictures {}{rate}, {} repeat the one before\n",
            self.frames, self.repeats
        );
        if let Some(lost) = &self.lost {
            text += &format!(
                "lost     {} missed by the driver, {} damaged, {} overtaken\n",
                lost.missed, lost.damaged, lost.overtaken
            );
        }
        if let (Some(mode), Some([low, high])) = (&self.mode, self.levels) {
            let matrix = match mode.matrix {
                Matrix::Bt601 => ", BT.601",
                Matrix::Bt709 => ", BT.709",
            };
            let matrix = if mode.format.is_yuv() { matrix } else { "" };
            let range = match mode.range {
                Range::Limited => "limited range (16 to 235)",
                Range::Full => "full range",
            };
            text += &format!("levels   {low} to {high} in {range}{matrix}\n");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(n: u64, level: u8) -> Frame {
        let format = FrameFormat::packed(PixelFormat::Yuyv, 4, 5);
        let mut bytes = [50, 128].repeat(format.bytes() / 2);
        bytes[4 * 8 + 6] = level;
        Frame {
            seq: n,
            t: Duration::from_millis(20 * n),
            wall: std::time::SystemTime::UNIX_EPOCH,
            format,
            bytes: bytes.into(),
        }
    }

    #[test]
    fn rate_repeats_levels_and_a_frozen_picture_are_seen() {
        let mut seen = Seen::default();
        assert_eq!((seen.signal(), seen.rate()), (None, None));
        for (n, level) in [(3, 60), (4, 60), (5, 60)] {
            seen.add(frame(n, level));
        }
        assert!(matches!(seen.signal(), Some(Signal::Frozen { .. })));
        seen.add(frame(9, 20));
        assert_eq!(seen.signal(), Some(Signal::Live));
        assert_eq!((seen.frames, seen.repeats, seen.levels), (4, 2, Some([20, 60])));
        assert_eq!(seen.rate(), Some(25.0));
    }
}
