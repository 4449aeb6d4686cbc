//! A captured picture and the memory it lives in.
//!
//! Owned by no thread: a [`Frame`] is made by a source on the capture thread, handed over once, and its bytes
//! go back to the [`BufferPool`] when the last reader drops it.

mod format;
mod mask;

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

pub use format::{Channel, FrameFormat, Matrix, PixelFormat, Place, Plane, Range};
pub use mask::black_outside;

/// A rectangle of a picture in pixels, origin at the top left. Written `x,y,w,h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rect {
    /// Left edge.
    pub x: u32,
    /// Top edge.
    pub y: u32,
    /// Width, at least 1.
    pub w: u32,
    /// Height, at least 1.
    pub h: u32,
}

impl Rect {
    /// The whole of a `w` × `h` picture.
    pub fn full(w: u32, h: u32) -> Self {
        Self { x: 0, y: 0, w, h }
    }

    /// Whether `inner` lies wholly inside this rectangle.
    pub fn contains(&self, inner: &Rect) -> bool {
        let ends = |r: &Rect| (u64::from(r.x) + u64::from(r.w), u64::from(r.y) + u64::from(r.h));
        inner.x >= self.x
            && inner.y >= self.y
            && ends(inner).0 <= ends(self).0
            && ends(inner).1 <= ends(self).1
    }
}

impl fmt::Display for Rect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{},{},{}", self.x, self.y, self.w, self.h)
    }
}

impl FromStr for Rect {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = || {
            format!("expected a rectangle x,y,w,h in whole pixels with w and h at least 1, got \"{text}\"")
        };
        let numbers = text
            .split(',')
            .map(|n| n.trim().parse::<u32>())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| wanted())?;
        match numbers[..] {
            [x, y, w, h] if w > 0 && h > 0 => Ok(Self { x, y, w, h }),
            _ => Err(wanted()),
        }
    }
}

/// One captured picture.
#[derive(Debug)]
pub struct Frame {
    /// The source's own number: gaps are frames that the driver dropped.
    pub seq: u64,
    /// Monotonic time since the source was opened (for a recording: its time stamp).
    pub t: Duration,
    /// Wall-clock time of capture.
    pub wall: SystemTime,
    /// How to read `bytes`.
    pub format: FrameFormat,
    /// At least [`FrameFormat::bytes`] bytes.
    pub bytes: Buffer,
}

/// Recycles frame buffers, so that steady capture allocates nothing.
#[derive(Clone, Debug, Default)]
pub struct BufferPool(Arc<Mutex<Vec<Vec<u8>>>>);

/// How many idle buffers a pool keeps.
const POOL_KEEPS: usize = 8;

impl BufferPool {
    /// A buffer holding a copy of `bytes`.
    pub fn copy_of(&self, bytes: &[u8]) -> Buffer {
        let mut buffer = self.take();
        buffer.bytes.extend_from_slice(bytes);
        buffer
    }

    /// An empty buffer that goes back to this pool when dropped. Fill it through [`Buffer::vec_mut`].
    pub fn take(&self) -> Buffer {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bytes = idle.pop().unwrap_or_default();
        bytes.clear();
        Buffer {
            bytes,
            home: Some(self.clone()),
        }
    }
}

/// Bytes of one frame.
#[derive(Debug)]
pub struct Buffer {
    bytes: Vec<u8>,
    home: Option<BufferPool>,
}

impl Buffer {
    /// The vector inside, to be filled before the frame is handed over.
    pub fn vec_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

impl From<Vec<u8>> for Buffer {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, home: None }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(home) = self.home.take() {
            let mut idle = home.0.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() < POOL_KEEPS {
                idle.push(std::mem::take(&mut self.bytes));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rectangle_reads_back_what_it_prints() {
        let rect: Rect = "1, 2,30,40".parse().expect("a good rectangle");
        assert_eq!(
            rect,
            Rect {
                x: 1,
                y: 2,
                w: 30,
                h: 40
            }
        );
        assert_eq!(rect.to_string().parse(), Ok(rect));
        for bad in ["", "1,2,3", "1,2,0,4", "1,2,3,-4", "1,2,3,4,5", "a,b,c,d"] {
            assert!(bad.parse::<Rect>().is_err(), "{bad}");
        }
    }

    #[test]
    fn containment_survives_numbers_at_the_edge_of_u32() {
        let picture = Rect::full(640, 480);
        assert!(picture.contains(&picture));
        let beyond = Rect {
            x: 1,
            y: 0,
            w: u32::MAX,
            h: 1,
        };
        assert!(!picture.contains(&beyond));
    }

    #[test]
    fn a_dropped_buffer_is_used_again() {
        let pool = BufferPool::default();
        let first = pool.copy_of(&[7; 4096]);
        let address = first.as_ptr();
        drop(first);
        let second = pool.copy_of(&[8; 4096]);
        assert_eq!(second.as_ptr(), address);
        assert_eq!(second[0], 8);
    }
}
