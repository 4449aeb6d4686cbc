//! The ring of buffers that driver and program hand to each other.

use std::ffi::c_void;
use std::time::{Duration, Instant};

use v4l::buffer::Flags;
use v4l::v4l_sys::{MAP_SHARED, PROT_READ};
use v4l::v4l2;

use super::node::Node;
use crate::capture::CaptureError;

/// How many buffers the driver is asked for: one being filled, one waiting, one being copied, one to spare.
const BUFFERS: u32 = 4;

/// The mapped buffers of a streaming [`Node`]. Dropping it unmaps them; streaming ends when the node is closed,
/// which needs the mappings to be gone.
#[derive(Debug)]
pub(super) struct Stream {
    buffers: Vec<Mapping>,
    picture_bytes: usize,
}

/// The driver's number and monotonic time of a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stamp {
    pub sequence: u32,
    pub time: Duration,
}

/// What [`Stream::next`] found.
#[derive(Debug)]
pub(super) enum Next {
    Frame(Stamp),
    /// A frame that the driver marked damaged, or with fewer bytes than a picture has.
    Bad {
        used: u32,
        flagged: bool,
    },
    /// None came in time.
    Nothing,
}

impl Stream {
    /// Maps buffers for pictures of `picture_bytes`, queues them and starts streaming.
    pub fn start(node: &Node, picture_bytes: usize) -> Result<Self, CaptureError> {
        let count = node.request_buffers(BUFFERS)?;
        let buffers = (0..count)
            .map(|index| Mapping::new(node, index, picture_bytes))
            .collect::<Result<Vec<_>, _>>()?;
        for index in 0..count {
            node.queue(index)?;
        }
        node.start()?;
        Ok(Self {
            buffers,
            picture_bytes,
        })
    }

    /// Copies the oldest filled buffer's picture into the empty `bytes`, once and in order (the memory may be
    /// uncached), and gives the buffer back to the driver.
    pub fn next(&self, node: &Node, deadline: Instant, bytes: &mut Vec<u8>) -> Result<Next, CaptureError> {
        let filled = loop {
            if !node.wait(deadline)? {
                return Ok(Next::Nothing);
            }
            if let Some(filled) = node.dequeue()? {
                break filled;
            }
        };
        let used = filled.bytesused as usize;
        let flagged = Flags::from(filled.flags).contains(Flags::ERROR);
        let mapping = self.buffers.get(filled.index as usize);
        let picture = mapping
            .filter(|_| !flagged && used >= self.picture_bytes)
            .and_then(|mapping| mapping.bytes().get(..self.picture_bytes));
        if let Some(picture) = picture {
            bytes.extend_from_slice(picture);
        }
        node.queue(filled.index)?;
        if picture.is_none() {
            let used = filled.bytesused;
            return Ok(Next::Bad { used, flagged });
        }
        let seconds = u64::try_from(filled.timestamp.tv_sec).unwrap_or(0);
        let micros = u64::try_from(filled.timestamp.tv_usec).unwrap_or(0);
        Ok(Next::Frame(Stamp {
            sequence: filled.sequence,
            time: Duration::from_secs(seconds).saturating_add(Duration::from_micros(micros)),
        }))
    }
}

/// One buffer of the driver in our address space.
#[derive(Debug)]
struct Mapping {
    start: *mut c_void,
    length: usize,
}

// SAFETY: the mapping belongs to no thread; it is read through `&self` and unmapped once, by its owner's drop.
unsafe impl Send for Mapping {}

impl Mapping {
    fn new(node: &Node, index: u32, picture_bytes: usize) -> Result<Self, CaptureError> {
        let (offset, length) = node.buffer_place(index)?;
        let length = length as usize;
        if length < picture_bytes {
            let found = format!("a buffer of {length} bytes");
            return Err(node.unsupported(found, format!("{picture_bytes} bytes for a picture")));
        }
        let descriptor = node.descriptor();
        // SAFETY: a new mapping at an address of the kernel's choice, of a buffer that the driver says lies at
        // this offset with this length, which is not zero because a picture is not.
        let start = unsafe {
            v4l2::mmap(
                std::ptr::null_mut(),
                length,
                PROT_READ as i32,
                MAP_SHARED as i32,
                descriptor,
                i64::from(offset),
            )
        };
        let start = start.map_err(|source| node.failed("map a buffer", source))?;
        Ok(Self { start, length })
    }

    /// The buffer's bytes; to be looked at between dequeueing and queueing only.
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
