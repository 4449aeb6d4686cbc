//! The ioctls of streaming: buffers go empty to the driver and come back filled.

use std::io;
use std::time::{Duration, Instant};

use v4l::buffer::Flags;
use v4l::memory::Memory;
use v4l::v4l_sys::*;
use v4l::v4l2::vidioc;

use super::ioctl;
use super::node::Node;
use crate::capture::CaptureError;

/// The most pieces of memory that one picture lies in (`VIDEO_MAX_PLANES` of videodev2.h).
const MOST_PLANES: usize = 8;

/// A buffer that the driver has filled.
#[derive(Debug)]
pub(super) struct Filled {
    pub index: u32,
    /// The driver's number of the picture.
    pub sequence: u32,
    /// The driver's monotonic time.
    pub time: Duration,
    /// The driver says that the picture is damaged.
    pub flagged: bool,
    /// Which bytes of each piece hold the picture.
    pub used: Vec<std::ops::Range<usize>>,
}

/// What there is to do after [`Node::wait`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ready {
    /// A buffer is filled.
    pub buffer: bool,
    /// The driver has something to say.
    pub event: bool,
    /// Streaming broke off; asking for a buffer may tell why.
    pub failed: bool,
}

type Planes = [v4l2_plane; MOST_PLANES];

impl Node {
    /// Has the driver make `count` buffers to be mapped, or free all with 0; gives how many it made.
    pub fn request_buffers(&self, count: u32) -> Result<u32, CaptureError> {
        self.ask(vidioc::VIDIOC_REQBUFS, |request: &mut v4l2_requestbuffers| {
            request.count = count;
            request.type_ = self.kind();
            request.memory = Memory::Mmap as u32;
        })
        .map(|request| request.count)
        .map_err(|source| self.failed("make buffers", source))
    }

    /// Where the pieces of the buffer `index` lie: offset for mapping and length in bytes of each.
    pub fn buffer_places(&self, index: u32) -> Result<Vec<(u32, u32)>, CaptureError> {
        let (buffer, planes) = self
            .buffer(vidioc::VIDIOC_QUERYBUF, index)
            .map_err(|source| self.failed("ask for a buffer", source))?;
        if self.multi_planar() {
            let planes = planes.iter().take(buffer.length as usize);
            // SAFETY: of the union `m`, the driver sets `mem_offset` for the memory type `Mmap`; every bit pattern is a u32.
            return Ok(planes.map(|p| (unsafe { p.m.mem_offset }, p.length)).collect());
        }
        // SAFETY: of the union `m`, the driver sets `offset` for the memory type `Mmap`; every bit pattern is a u32.
        Ok(vec![(unsafe { buffer.m.offset }, buffer.length)])
    }

    /// Gives the buffer `index` to the driver.
    pub fn queue(&self, index: u32) -> Result<(), CaptureError> {
        self.buffer(vidioc::VIDIOC_QBUF, index)
            .map(drop)
            .map_err(|source| self.failed("give a buffer back", source))
    }

    /// Takes the oldest buffer that the driver has filled; `None` if there is none yet.
    pub fn dequeue(&self) -> Result<Option<Filled>, CaptureError> {
        let (buffer, planes) = match self.buffer(vidioc::VIDIOC_DQBUF, 0) {
            Ok(answer) => answer,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(source) => return Err(self.failed("read a frame", source)),
        };
        let used = if self.multi_planar() {
            let planes = planes.iter().take(buffer.length as usize);
            planes
                .map(|p| p.data_offset as usize..p.bytesused as usize)
                .collect()
        } else {
            std::iter::once(0..buffer.bytesused as usize).collect()
        };
        let seconds = u64::try_from(buffer.timestamp.tv_sec).unwrap_or(0);
        let micros = u64::try_from(buffer.timestamp.tv_usec).unwrap_or(0);
        Ok(Some(Filled {
            index: buffer.index,
            sequence: buffer.sequence,
            time: Duration::from_secs(seconds).saturating_add(Duration::from_micros(micros)),
            flagged: Flags::from(buffer.flags).contains(Flags::ERROR),
            used,
        }))
    }

    fn buffer(&self, request: vidioc::_IOC_TYPE, index: u32) -> io::Result<(v4l2_buffer, Planes)> {
        // SAFETY: structures of integers, and a union of integers and pointers: null is valid.
        let (mut buffer, mut planes): (v4l2_buffer, Planes) = unsafe { std::mem::zeroed() };
        buffer.index = index;
        buffer.type_ = self.kind();
        buffer.memory = Memory::Mmap as u32;
        if self.multi_planar() {
            buffer.length = planes.len() as u32;
            buffer.m.planes = planes.as_mut_ptr();
        }
        // SAFETY: the kernel follows `m.planes` for multi-planar types only, where it points to `length` planes.
        unsafe { ioctl::call(self.descriptor(), request, &mut buffer) }?;
        Ok((buffer, planes))
    }

    /// Starts streaming.
    pub fn start(&self) -> Result<(), CaptureError> {
        self.stream(vidioc::VIDIOC_STREAMON)
            .map_err(|source| self.failed("start streaming", source))
    }

    /// Stops streaming; the driver gives up all buffers.
    pub fn stop(&self) -> Result<(), CaptureError> {
        self.stream(vidioc::VIDIOC_STREAMOFF)
            .map_err(|source| self.failed("stop streaming", source))
    }

    fn stream(&self, request: vidioc::_IOC_TYPE) -> io::Result<()> {
        self.ask(request, |kind: &mut i32| *kind = self.kind() as i32)
            .map(drop)
    }

    /// Waits until `deadline` for an event and, with `buffers`, for a filled buffer; which needs streaming.
    pub fn wait(&self, buffers: bool, deadline: Instant) -> Result<Ready, CaptureError> {
        let events = if buffers { POLLPRI | POLLIN } else { POLLPRI };
        let ready = ioctl::wait(self.descriptor(), events, deadline)
            .map_err(|source| self.failed("wait for a frame", source))?;
        let failed = ready & POLLERR != 0;
        if failed && !buffers {
            // The node of a device that is gone says this.
            return Err(CaptureError::Gone {
                path: self.path().into(),
            });
        }
        Ok(Ready {
            buffer: ready & POLLIN != 0,
            event: ready & POLLPRI != 0,
            failed,
        })
    }
}
