//! Video4Linux2 capture devices: single-planar, memory-mapped streaming.
//!
//! Owning thread: `capture`. A device is opened, streams until it fails, and is dropped; the capture thread opens it
//! again. Nothing here retries, and nothing watches the signal: a device without a signal gives no frame or the
//! driver's own test picture. Multi-planar devices and DV timings are not read.
//!
//! The crate `v4l` gives the ioctl numbers and names. Its `Device` and `Stream` are not used: they panic on colour
//! spaces and names they do not know, and when `STREAMOFF` fails on a device that has just been unplugged.

mod format;
mod node;
mod stream;

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use super::{CaptureError, Captured, FrameSource};
use crate::frame::{BufferPool, Frame, FrameFormat};
use node::Node;
use stream::{Stamp, Stream};

/// Which device to open, and what to ask it for. What is `None` is left as the device has it.
#[derive(Clone, Debug)]
pub struct Options {
    /// The device node, best one of `/dev/v4l/by-path` or `/dev/v4l/by-id`: `/dev/video0` can be another
    /// device after a restart.
    pub device: PathBuf,
    /// Picture width in pixels.
    pub width: Option<u32>,
    /// Picture height in lines.
    pub height: Option<u32>,
    /// Pixel format as a V4L2 code of four characters, such as `YUYV`.
    pub format: Option<String>,
}

/// A device that is streaming.
pub struct Device {
    stream: Stream,
    node: Node,
    format: FrameFormat,
    clock: Option<Clock>,
    dropped_bad: u64,
}

/// Opens the device, sets what `options` pin down, and starts streaming.
///
/// # Errors
/// [`CaptureError::NotFound`], [`CaptureError::NotVideo`], [`CaptureError::Busy`], [`CaptureError::Unsupported`] if
/// the device gives none of our pixel formats or not the one asked for, [`CaptureError::Gone`], else
/// [`CaptureError::Io`].
pub fn open(options: &Options) -> Result<Device, CaptureError> {
    let node = Node::open(&options.device)?;
    let format = format::negotiate(&node, options)?;
    let stream = Stream::start(&node, format.bytes())?;
    Ok(Device {
        stream,
        node,
        format,
        clock: None,
        dropped_bad: 0,
    })
}

impl Device {
    /// How many frames were not given because the driver marked them damaged or they were too short.
    pub fn dropped_bad(&self) -> u64 {
        self.dropped_bad
    }
}

impl FrameSource for Device {
    fn next(&mut self, pool: &BufferPool, wait: Duration) -> Result<Captured, CaptureError> {
        let deadline = Instant::now() + wait;
        loop {
            let mut bytes = pool.take();
            match self.stream.next(&self.node, deadline, bytes.vec_mut())? {
                stream::Next::Nothing => return Ok(Captured::Nothing),
                stream::Next::Bad { used, flagged } => {
                    self.dropped_bad += 1;
                    tracing::debug!(
                        device = %self.node.path().display(),
                        used, expected = self.format.bytes(), flagged, dropped = self.dropped_bad,
                        "damaged frame dropped"
                    );
                }
                stream::Next::Frame(stamp) => {
                    let (seq, t) = self.clock.get_or_insert(Clock::new(stamp)).read(stamp);
                    return Ok(Captured::Frame(Frame {
                        seq,
                        t,
                        wall: SystemTime::now(),
                        format: self.format,
                        bytes,
                    }));
                }
            }
        }
    }

    fn describe(&self) -> String {
        let FrameFormat {
            width,
            height,
            pixels,
            ..
        } = self.format;
        let pixels = format!("{pixels:?}").to_lowercase();
        format!("{}: {width}x{height} {pixels}", self.node.path().display())
    }
}

/// Turns the driver's counters into ours.
#[derive(Debug)]
struct Clock {
    first: Duration,
    /// The driver's number of the last frame.
    last: u32,
    /// Our number of the next one.
    next: u64,
}

impl Clock {
    /// A clock whose first frame is to be `first`.
    fn new(first: Stamp) -> Self {
        Self {
            first: first.time,
            last: first.sequence.wrapping_sub(1),
            next: u64::from(first.sequence),
        }
    }

    /// The frame's number, always more than the last one's, and its time since the first frame. The driver's
    /// number is 32 bits wide and wraps; a driver that does not count, or starts over, counts as one on.
    fn read(&mut self, stamp: Stamp) -> (u64, Duration) {
        let missed = match stamp.sequence.wrapping_sub(self.last) {
            ahead @ 1..=0x7fff_ffff => ahead - 1,
            _ => 0,
        };
        let seq = self.next + u64::from(missed);
        self.last = stamp.sequence;
        self.next = seq + 1;
        (seq, stamp.time.saturating_sub(self.first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(device: &str) -> CaptureError {
        let options = Options {
            device: device.into(),
            width: None,
            height: None,
            format: None,
        };
        open(&options).err().expect("no capture device")
    }

    #[test]
    fn what_is_no_capture_device_is_named() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (path, expected) in [
            (file.path().to_str().expect("utf-8"), "a regular file"),
            (folder.path().to_str().expect("utf-8"), "a folder"),
            ("/dev/null", "another kind of device"),
            ("/dev/tty", "another kind of device"),
        ] {
            match error(path) {
                CaptureError::NotVideo { found, .. } => assert_eq!(found, expected, "{path}"),
                other => panic!("{path}: {other}"),
            }
        }
    }

    #[test]
    fn a_missing_device_is_not_found_and_a_broken_path_no_panic() {
        assert!(matches!(
            error("/dev/no-such-video"),
            CaptureError::NotFound { .. }
        ));
        assert!(matches!(error("/dev/\0video"), CaptureError::Io { .. }));
        assert!(matches!(error("/dev/null/video"), CaptureError::Io { .. }));
    }

    #[test]
    fn the_drivers_numbers_wrap_start_over_or_stand_still_and_ours_go_on() {
        let at = |sequence, ms| Stamp {
            sequence,
            time: Duration::from_millis(ms),
        };
        let start = u32::MAX - 1;
        let mut clock = Clock::new(at(start, 500));
        let stamps = [
            (start, 500),
            (u32::MAX, 517),
            (2, 567),
            (0, 583),
            (0, 600),
            (1, 400),
        ];
        let seen = stamps.map(|(sequence, ms)| {
            let (seq, t) = clock.read(at(sequence, ms));
            (seq - u64::from(start), t.as_millis())
        });
        assert_eq!(seen, [(0, 0), (1, 17), (4, 67), (5, 83), (6, 100), (7, 0)]);
    }
}
