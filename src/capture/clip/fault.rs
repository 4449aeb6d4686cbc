//! What is wrong with a recording, before its path and frame are known, and the limits that every reader keeps.

use std::io::{self, Read};
use std::path::Path;

use crate::capture::CaptureError;

/// Widest and highest picture that is read, in pixels.
pub const MAX_SIDE: u32 = 16_384;

/// Most bytes that one picture may take, stored or decoded.
pub const MAX_BYTES: u64 = 1 << 30;

/// A [`CaptureError`] that wants a path.
#[derive(Debug)]
pub enum Fault {
    Corrupt(String),
    Unsupported { found: String, expected: String },
    Tool(String),
    Io(io::Error),
}

impl Fault {
    pub fn corrupt(reason: impl Into<String>) -> Self {
        Self::Corrupt(reason.into())
    }

    pub fn unsupported(found: impl Into<String>, expected: impl Into<String>) -> Self {
        Self::Unsupported {
            found: found.into(),
            expected: expected.into(),
        }
    }

    /// The error for people: what, in which file, at which frame.
    pub fn at(self, path: &Path, frame: Option<u64>) -> CaptureError {
        let path = path.into();
        match self {
            Self::Corrupt(reason) => CaptureError::Corrupt { path, frame, reason },
            Self::Unsupported { found, expected } => CaptureError::Unsupported {
                path,
                found,
                expected,
            },
            Self::Tool(reason) => CaptureError::Tool { path, reason },
            Self::Io(source) => CaptureError::Io {
                path,
                operation: "read",
                source,
            },
        }
    }
}

impl From<io::Error> for Fault {
    fn from(source: io::Error) -> Self {
        match source.kind() {
            // What the standard library and flate2 say of short and damaged data.
            io::ErrorKind::UnexpectedEof => Self::corrupt("the file ends early"),
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => Self::corrupt(source.to_string()),
            _ => Self::Io(source),
        }
    }
}

/// Refuses pictures without pixels and those beyond [`MAX_SIDE`] and [`MAX_BYTES`].
pub fn check_size(width: u64, height: u64, bytes_per_pixel: u64) -> Result<(u32, u32), Fault> {
    let side = |n: u64| u32::try_from(n).ok().filter(|n| (1..=MAX_SIDE).contains(n));
    match (side(width), side(height)) {
        (Some(w), Some(h)) if width * height * bytes_per_pixel <= MAX_BYTES => Ok((w, h)),
        _ => Err(Fault::unsupported(
            format!("a picture of {width}x{height} pixels"),
            format!("1x1 to {MAX_SIDE}x{MAX_SIDE} pixels and at most 1 GiB"),
        )),
    }
}

/// Appends exactly `count` bytes to `into`, which grows only as far as there is data.
pub fn read_exactly(input: &mut impl Read, count: usize, into: &mut Vec<u8>) -> Result<(), Fault> {
    let read = input.take(count as u64).read_to_end(into)?;
    if read < count {
        return Err(Fault::corrupt(format!(
            "the file ends early: a picture needs {count} bytes, {read} are there"
        )));
    }
    Ok(())
}
