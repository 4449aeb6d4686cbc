//! Where frames come from: a V4L2 device, a recorded clip, or the phantom.
//!
//! Owning thread: `capture` (in [`crate::pipeline`]) or the caller of `sonograde grade`. A source is pulled; it
//! never drops, repeats or paces frames by itself, and it knows nothing of panes, models or stores.

pub mod clip;
pub mod mjpeg;
pub mod phantom;
pub mod v4l2;

mod paced;
mod recorder;
mod slot;

use std::path::PathBuf;
use std::time::Duration;

pub use paced::Paced;
pub use recorder::{RecordError, Recorder};
pub use slot::{Slot, Taken};

use crate::frame::{BufferPool, Frame};

/// What a source gives when it is asked.
#[derive(Debug)]
pub enum Captured {
    /// The next picture.
    Frame(Frame),
    /// No picture came within the time limit; the source is still good.
    Nothing,
    /// The device is good, and there is no picture at its input that can be read; why.
    NoPicture(Signal),
    /// The recording or simulation is over.
    End,
}

/// Something that gives frames, one at a time, in order.
pub trait FrameSource: Send {
    /// The next frame, its bytes in a buffer of `pool`; waits at most `wait` for a live picture.
    ///
    /// # Errors
    /// [`CaptureError`]; after one, a live source is closed and opened again. A recording is asked further: it
    /// goes on with its next picture or gives [`Captured::End`].
    fn next(&mut self, pool: &BufferPool, wait: Duration) -> Result<Captured, CaptureError>;

    /// One line for people: what this is and what it delivers (`/dev/video0: 1920x1080 yuyv`).
    fn describe(&self) -> String;

    /// Which pictures the device had and did not give, since it was opened.
    fn lost(&self) -> Lost {
        Lost::default()
    }

    /// Length in frames where it is known beforehand (for progress bars).
    fn len_hint(&self) -> Option<u64> {
        None
    }
}

/// Pictures that a device had and did not give.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Lost {
    /// Dropped by the driver: gaps in its numbers.
    pub missed: u64,
    /// Marked damaged by the driver, with fewer bytes than a picture has, or no whole JPEG stream.
    pub damaged: u64,
    /// Replaced by newer ones before they were read.
    pub overtaken: u64,
}

impl std::ops::Add for Lost {
    type Output = Self;

    fn add(self, more: Self) -> Self {
        Self {
            missed: self.missed + more.missed,
            damaged: self.damaged + more.damaged,
            overtaken: self.overtaken + more.overtaken,
        }
    }
}

/// Why a source could not be opened or gave no frame.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The file or device is not there.
    #[error("{path}: not found; check the path{hint}")]
    NotFound {
        /// What was looked for.
        path: PathBuf,
        /// What else to do, beginning with a space or empty.
        hint: &'static str,
    },
    /// Several devices have the name.
    #[error(
        "{name}: several devices have this name: {found}; name one by its bus, or by its link in /dev/v4l/by-path"
    )]
    Ambiguous {
        /// The name.
        name: PathBuf,
        /// Which ones.
        found: String,
    },
    /// Another program streams from the device.
    #[error("{path}: busy: another program is capturing from it; close that program")]
    Busy {
        /// The device.
        path: PathBuf,
    },
    /// The path exists and is no video capture device.
    #[error("{path}: not a video capture device ({found}); list devices with `v4l2-ctl --list-devices`")]
    NotVideo {
        /// The path.
        path: PathBuf,
        /// What it is instead.
        found: String,
    },
    /// The device is unplugged or the connection broke.
    #[error("{path}: the device is gone")]
    Gone {
        /// The device.
        path: PathBuf,
    },
    /// Nothing that we can read is offered.
    #[error("{path}: {found} is not supported; expected one of {expected}")]
    Unsupported {
        /// File or device.
        path: PathBuf,
        /// What it offers or contains.
        found: String,
        /// What would do.
        expected: String,
    },
    /// A file is damaged or not what its name says.
    #[error("{path}{}: {reason}", .frame.map_or(String::new(), |n| format!(", frame {n}")))]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// The frame, counted from 0, where that is known.
        frame: Option<u64>,
        /// What is wrong, in words, and what was expected.
        reason: String,
    },
    /// A program that is needed is not installed or failed.
    #[error("{path}: {reason}")]
    Tool {
        /// The file that needed it.
        path: PathBuf,
        /// What failed and what to install.
        reason: String,
    },
    /// The operating system said no.
    #[error("{path}: cannot {operation}")]
    Io {
        /// File or device.
        path: PathBuf,
        /// What was tried: `read`, `set format`, `start streaming`.
        operation: &'static str,
        /// The system's answer.
        #[source]
        source: std::io::Error,
    },
}

/// What the capture device is giving, as page, LEDs and API show it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Signal {
    /// Nothing was tried yet, the device is missing, or the recording is over.
    Absent {
        /// Why, for people.
        reason: String,
    },
    /// The device is there and gives no pictures.
    NoSignal {
        /// Why, for people.
        reason: String,
    },
    /// The device gives something that cannot be read.
    Unsupported {
        /// Why, for people.
        reason: String,
    },
    /// Pictures come and do not change.
    Frozen {
        /// Why, for people.
        reason: String,
    },
    /// Pictures come and change.
    Live,
}

impl Signal {
    /// Why it is not live.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Absent { reason }
            | Self::NoSignal { reason }
            | Self::Unsupported { reason }
            | Self::Frozen { reason } => Some(reason),
            Self::Live => None,
        }
    }
}
