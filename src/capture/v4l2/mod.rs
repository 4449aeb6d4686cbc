//! Video4Linux2 capture devices, single- and multi-planar, by memory-mapped streaming.
//!
//! Owning thread: `capture`. A device is opened and streams until it fails; then it is dropped, and the capture thread opens
//! it again. What the connector says is followed here: without a picture that can be read the device stops streaming
//! and waits for one, and a picture of other timings is streamed anew.
//!
//! `find` opens the device by its name, `node` is what it can be asked and set to, `input` what comes in at its
//! connector, `edid` what the scanner is told; `mode` and `format` choose and describe the picture; `buffers` and `stream`
//! move it; `ioctl` is the system call.
//!
//! The crate `v4l` gives the ioctl numbers and names. Its `Device` and `Stream` are not used: they know one plane, panic on
//! colour spaces and names they do not know, and when `STREAMOFF` fails on a device that has just been unplugged.

mod buffers;
mod clock;
mod edid;
mod find;
mod format;
mod input;
mod ioctl;
mod mode;
mod node;
mod stream;

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

pub use find::{Listed, list};
pub use mode::Mode;

use super::mjpeg::Mjpeg;
use super::{CaptureError, Captured, FrameSource, Lost, Signal};
use crate::frame::{BufferPool, Frame, FrameFormat};
use buffers::Filled;
use clock::Clock;
use input::{Sensed, Timings};
use node::Node;
use stream::Stream;

/// How often the input is looked at, where the device does not tell of changes and while there is no picture.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Which device to open, and what to ask it for. What is `None` is chosen: see [`Mode`].
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// A path, best one of `/dev/v4l/by-path` or `/dev/v4l/by-id`, for `/dev/video0` can be another device after a
    /// restart; or, not beginning with `/`, the name of such a link, of the card, or of the bus.
    pub device: PathBuf,
    /// Picture width in pixels.
    pub width: Option<u32>,
    /// Picture height in lines.
    pub height: Option<u32>,
    /// Pictures a second, where the device lets that be chosen.
    pub fps: Option<f64>,
    /// Pixel format as a V4L2 code of four characters, such as `YUYV`.
    pub format: Option<String>,
    /// A file with what the device is to tell the scanner of itself.
    pub edid: Option<PathBuf>,
}

/// An open device.
pub struct Device {
    state: State,
    node: Node,
    options: Options,
    /// Whether the driver tells of changes at the input.
    told: bool,
    looked: Instant,
    clock: Clock,
    lost: Lost,
    mjpeg: Mjpeg,
    /// One picture as it came, where it comes compressed.
    compressed: Vec<u8>,
}

#[expect(clippy::large_enum_variant, reason = "there is one for each device")]
enum State {
    Streaming {
        stream: Stream,
        format: FrameFormat,
        timings: Option<Timings>,
    },
    /// There is no picture that we can read; why.
    Waiting(Signal),
}

/// Opens the device, loads its EDID, sets it to its best mode with what `options` pin down, and starts streaming if a
/// picture comes in.
///
/// # Errors
/// [`CaptureError::NotFound`], [`CaptureError::Ambiguous`], [`CaptureError::NotVideo`], [`CaptureError::Busy`],
/// [`CaptureError::Unsupported`] if the device gives none of our pixel formats or not the one asked for,
/// [`CaptureError::Corrupt`] for a bad EDID, [`CaptureError::Gone`], else [`CaptureError::Io`].
pub fn open(options: &Options) -> Result<Device, CaptureError> {
    let node = find::open(&options.device)?;
    if let Some(file) = &options.edid {
        edid::load(&node, file)?;
    }
    let told = node.subscribe();
    let state = begin(&node, options)?;
    Ok(Device {
        state,
        node,
        options: options.clone(),
        told,
        looked: Instant::now(),
        clock: Clock::default(),
        lost: Lost::default(),
        mjpeg: Mjpeg::default(),
        compressed: Vec::new(),
    })
}

/// Looks at the input, and streams if there is a picture. The device is not streaming.
fn begin(node: &Node, options: &Options) -> Result<State, CaptureError> {
    let timings = match node.sense()? {
        Sensed::None(signal) => return Ok(State::Waiting(signal)),
        Sensed::Picture(timings) => Some(timings),
        Sensed::Unknown => None,
    };
    if let Some(timings) = &timings {
        node.set_timings(timings)?;
    }
    let described = mode::negotiate(node, options, timings.as_ref())?;
    let stream = Stream::start(node, described.pieces)?;
    Ok(State::Streaming {
        stream,
        format: described.format,
        timings,
    })
}

impl Device {
    /// Looks at the input; ends streaming if what comes in has changed.
    fn look(&mut self) -> Result<(), CaptureError> {
        self.looked = Instant::now();
        let State::Streaming { timings, .. } = &self.state else {
            return self.begin();
        };
        let next = match (self.node.sense()?, timings) {
            (Sensed::Picture(now), Some(before)) if now.same(before) => return Ok(()),
            (Sensed::Unknown, None) => return Ok(()),
            (Sensed::None(signal), _) => Some(signal),
            _ => None,
        };
        // What it was is over, whatever comes of the next.
        let over = Signal::Absent {
            reason: "the input changes".into(),
        };
        let before = std::mem::replace(&mut self.state, State::Waiting(over));
        if let State::Streaming { stream, .. } = before {
            stream.stop(&self.node)?;
        }
        match next {
            Some(signal) => {
                self.state = State::Waiting(signal);
                Ok(())
            }
            None => self.begin(),
        }
    }

    fn begin(&mut self) -> Result<(), CaptureError> {
        self.state = begin(&self.node, &self.options)?;
        if matches!(self.state, State::Streaming { .. }) {
            self.clock.restarted();
            tracing::info!("capturing from {}", self.describe());
        }
        Ok(())
    }

    /// The newest buffer with a picture; all others go back to the driver unread.
    fn newest(&mut self) -> Result<Option<(Filled, clock::Stamp)>, CaptureError> {
        let mut newest: Option<(Filled, clock::Stamp)> = None;
        while let Some(filled) = self.node.dequeue()? {
            let stamp = self.clock.read(filled.sequence, filled.time);
            self.lost.missed += stamp.missed;
            let good = matches!(&self.state, State::Streaming { stream, .. } if stream.whole(&filled));
            if !good {
                self.lost.damaged += 1;
                tracing::debug!(?filled, damaged = self.lost.damaged, "damaged frame dropped");
                self.node.queue(filled.index)?;
            } else if let Some((older, _)) = newest.replace((filled, stamp)) {
                self.lost.overtaken += 1;
                self.node.queue(older.index)?;
            }
        }
        Ok(newest)
    }

    /// The newest picture, if there is a good one.
    fn take(&mut self, pool: &BufferPool, failed: bool) -> Result<Option<Frame>, CaptureError> {
        let Some((filled, stamp)) = self.newest()? else {
            return match failed {
                true => Err(CaptureError::Gone {
                    path: self.node.path().into(),
                }),
                false => Ok(None),
            };
        };
        let State::Streaming { stream, format, .. } = &self.state else {
            return Ok(None);
        };
        let mut bytes = pool.take();
        let compressed = stream.compressed();
        let into = match compressed {
            true => &mut self.compressed,
            false => bytes.vec_mut(),
        };
        into.clear();
        let whole = stream.copy(&filled, into);
        self.node.queue(filled.index)?;
        let size = (format.width, format.height);
        let read = match (whole, compressed) {
            (false, _) => Err("it is shorter than the driver says".to_owned()),
            (true, true) => self.mjpeg.decode(&self.compressed, size, bytes.vec_mut()),
            (true, false) => Ok(()),
        };
        if let Err(reason) = read {
            self.lost.damaged += 1;
            tracing::debug!(
                ?filled,
                damaged = self.lost.damaged,
                "damaged frame dropped: {reason}"
            );
            return Ok(None);
        }
        Ok(Some(Frame {
            seq: stamp.seq,
            t: stamp.t,
            wall: SystemTime::now(),
            format: *format,
            bytes,
        }))
    }
}

impl FrameSource for Device {
    fn next(&mut self, pool: &BufferPool, wait: Duration) -> Result<Captured, CaptureError> {
        let deadline = Instant::now() + wait;
        loop {
            let streaming = matches!(self.state, State::Streaming { .. });
            let due = self.looked + LOOK_EVERY;
            let until = if streaming && self.told {
                deadline
            } else {
                deadline.min(due)
            };
            let ready = self.node.wait(streaming, until)?;
            let told = ready.event && self.node.take_events()?;
            let quiet = !ready.buffer && !ready.failed;
            // First, for once the input has changed, what is in the buffers is no picture of the scanner's.
            if told || (Instant::now() >= due && (quiet || !self.told)) {
                self.look()?;
                if let State::Waiting(signal) = &self.state {
                    return Ok(Captured::NoPicture(signal.clone()));
                }
            } else if quiet && Instant::now() >= deadline {
                return Ok(match &self.state {
                    State::Waiting(signal) => Captured::NoPicture(signal.clone()),
                    State::Streaming { .. } => Captured::Nothing,
                });
            } else if !quiet && let Some(frame) = self.take(pool, ready.failed)? {
                return Ok(Captured::Frame(frame));
            }
        }
    }

    fn describe(&self) -> String {
        let path = self.node.path().display();
        match &self.state {
            State::Streaming { format, .. } => {
                let FrameFormat {
                    width,
                    height,
                    pixels,
                    ..
                } = format;
                let pixels = format!("{pixels:?}").to_lowercase();
                format!("{path}: {width}x{height} {pixels}")
            }
            State::Waiting(_) => format!("{path}: {}", self.node.card),
        }
    }

    fn lost(&self) -> Lost {
        self.lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(device: &str) -> CaptureError {
        let options = Options {
            device: device.into(),
            ..Options::default()
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
        assert!(matches!(error("no-such-card"), CaptureError::NotFound { .. }));
        assert!(matches!(error("/dev/\0video"), CaptureError::Io { .. }));
        assert!(matches!(error("/dev/null/video"), CaptureError::Io { .. }));
    }
}
