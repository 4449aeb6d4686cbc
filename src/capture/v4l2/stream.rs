//! The ring of buffers that driver and program hand to each other.

use std::ffi::c_void;
use std::os::fd::AsRawFd;

use v4l::v4l_sys::{MAP_SHARED, PROT_READ};
use v4l::v4l2;

use super::buffers::Filled;
use super::node::Node;
use crate::capture::CaptureError;

/// How many buffers the driver is asked for: one being filled, one waiting, one being copied, one to spare.
const BUFFERS: u32 = 4;

/// The mapped buffers of a streaming [`Node`]. Dropping it unmaps them; streaming ends with [`Stream::stop`], or when
/// the node is closed after that.
#[derive(Debug)]
pub(super) struct Stream {
    buffers: Vec<Vec<Mapping>>,
    pieces: Vec<usize>,
}

impl Stream {
    /// Maps buffers, queues them and starts streaming. `pieces` are the bytes that a picture takes in each piece of
    /// memory of a buffer, 0 if as many as the driver says of each picture.
    pub fn start(node: &Node, pieces: Vec<usize>) -> Result<Self, CaptureError> {
        let count = node.request_buffers(BUFFERS)?;
        let buffers = (0..count)
            .map(|index| map(node, index, &pieces))
            .collect::<Result<_, _>>()?;
        for index in 0..count {
            node.queue(index)?;
        }
        node.start()?;
        Ok(Self { buffers, pieces })
    }

    /// Ends streaming and frees the buffers, so that the device can be set to something else.
    pub fn stop(self, node: &Node) -> Result<(), CaptureError> {
        node.stop()?;
        drop(self);
        node.request_buffers(0).map(drop)
    }

    /// Whether pictures are compressed.
    pub fn compressed(&self) -> bool {
        self.pieces == [0]
    }

    /// Whether a filled buffer holds a picture: it is neither marked damaged nor too short.
    pub fn whole(&self, filled: &Filled) -> bool {
        let mut pieces = filled.used.iter().zip(&self.pieces);
        !filled.flagged
            && filled.used.len() >= self.pieces.len()
            && pieces.all(|(used, wanted)| used.len() >= *wanted)
    }

    /// Copies the picture of a filled buffer into the empty `bytes`, piece after piece, once and in order (the memory may
    /// be uncached). False if it holds none.
    pub fn copy(&self, filled: &Filled, bytes: &mut Vec<u8>) -> bool {
        let Some(buffer) = self.buffers.get(filled.index as usize) else {
            return false;
        };
        if !self.whole(filled) {
            return false;
        }
        let pieces = buffer.iter().zip(&filled.used).zip(&self.pieces);
        for ((mapping, used), &wanted) in pieces {
            let length = if wanted == 0 { used.len() } else { wanted };
            match mapping.bytes().get(used.start..used.start + length) {
                Some(piece) => bytes.extend_from_slice(piece),
                None => return false,
            }
        }
        true
    }
}

fn map(node: &Node, index: u32, pieces: &[usize]) -> Result<Vec<Mapping>, CaptureError> {
    let places = node.buffer_places(index)?;
    if places.len() != pieces.len() {
        let found = format!("a buffer of {} pieces", places.len());
        return Err(node.unsupported(found, pieces.len().to_string()));
    }
    let places = places.into_iter().zip(pieces);
    places
        .map(|((offset, length), wanted)| {
            if (length as usize) < *wanted {
                let found = format!("a buffer of {length} bytes");
                return Err(node.unsupported(found, format!("{wanted} bytes for a picture")));
            }
            Mapping::new(node, offset, length as usize)
        })
        .collect()
}

/// A piece of a buffer of the driver in our address space.
#[derive(Debug)]
struct Mapping {
    start: *mut c_void,
    length: usize,
}

// SAFETY: the mapping belongs to no thread; it is read through `&self` and unmapped once, by its owner's drop.
unsafe impl Send for Mapping {}

impl Mapping {
    /// `length` is not zero.
    fn new(node: &Node, offset: u32, length: usize) -> Result<Self, CaptureError> {
        // SAFETY: a new mapping at an address of the kernel's choice, of a buffer that the driver says lies at
        // this offset with this length.
        let start = unsafe {
            v4l2::mmap(
                std::ptr::null_mut(),
                length,
                PROT_READ as i32,
                MAP_SHARED as i32,
                node.descriptor().as_raw_fd(),
                i64::from(offset),
            )
        };
        let start = start.map_err(|source| node.failed("map a buffer", source))?;
        Ok(Self { start, length })
    }

    /// The piece's bytes; to be looked at between dequeueing and queueing only.
    fn bytes(&self) -> &[u8] {
        // SAFETY: the mapping is readable, `length` bytes long, lives as long as `self`, and while the buffer is
        // dequeued the driver does not write to it.
        unsafe { std::slice::from_raw_parts(self.start.cast::<u8>(), self.length) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: `start` and `length` are a mapping of ours, and every slice of it borrowed `self`.
        if let Err(error) = unsafe { v4l2::munmap(self.start, self.length) } {
            tracing::warn!(%error, "a capture buffer stays mapped");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Some drivers give a picture that was cut off without marking it damaged.
    #[test]
    fn a_picture_with_too_few_bytes_or_pieces_is_not_whole() {
        let stream = |pieces: &[usize]| Stream {
            buffers: Vec::new(),
            pieces: pieces.into(),
        };
        let filled = |used: &[usize], flagged| Filled {
            index: 0,
            sequence: 0,
            time: Duration::ZERO,
            flagged,
            used: used.iter().map(|bytes| 16..16 + bytes).collect(),
        };
        let planes = stream(&[600, 300]);
        for (used, flagged, whole) in [
            (&[600, 300][..], false, true),
            (&[640, 320], false, true),
            (&[600, 300], true, false),
            (&[600, 299], false, false),
            (&[0, 300], false, false),
            (&[600], false, false),
            (&[], false, false),
        ] {
            assert_eq!(
                planes.whole(&filled(used, flagged)),
                whole,
                "{used:?}, marked {flagged}"
            );
        }
        assert!(stream(&[0]).whole(&filled(&[5], false)), "as many as there are");
        let nowhere = planes.copy(&filled(&[600, 300], false), &mut Vec::new());
        assert!(!nowhere, "a buffer that is not there");
    }
}
