//! An opened device node and the ioctls we use on it.

use std::ffi::c_void;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Instant;

use v4l::buffer::Type;
use v4l::capability::Flags;
use v4l::memory::Memory;
use v4l::v4l_sys::*;
use v4l::v4l2::{self, vidioc};

use crate::capture::CaptureError;

/// The major number of every V4L2 node (Linux: Documentation/admin-guide/devices.txt).
const VIDEO4LINUX_MAJOR: u64 = 81;
/// More pixel formats than any driver offers: where enumerating stops.
const MOST_FORMATS: u32 = 256;

/// A V4L2 node that captures single-planar video by streaming.
#[derive(Debug)]
pub(super) struct Node {
    file: File,
    path: PathBuf,
}

impl Node {
    /// Opens `path` if it is such a node; anything else is not even opened, for opening some devices (a
    /// watchdog, a tape) does things.
    pub fn open(path: &Path) -> Result<Self, CaptureError> {
        let failed = |source: io::Error| match (source.kind(), source.raw_os_error()) {
            (io::ErrorKind::NotFound, _) => CaptureError::NotFound {
                path: path.into(),
                hint: " and that the device is plugged in",
            },
            (io::ErrorKind::PermissionDenied, _) => CaptureError::Io {
                path: path.into(),
                operation: "open it; add the user to the group `video`",
                source,
            },
            _ => failure(path, "open", source),
        };
        let metadata = std::fs::metadata(path).map_err(failed)?;
        let kind = metadata.file_type();
        let major = (metadata.rdev() >> 8) & 0xfff;
        if !kind.is_char_device() || major != VIDEO4LINUX_MAJOR {
            let found = match () {
                _ if kind.is_file() => "a regular file",
                _ if kind.is_dir() => "a folder",
                _ if kind.is_char_device() || kind.is_block_device() => "another kind of device",
                _ => "a pipe or socket",
            };
            return Err(not_video(path, found));
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(O_NONBLOCK as i32)
            .open(path)
            .map_err(failed)?;
        let node = Self {
            file,
            path: path.into(),
        };
        node.check_capabilities()?;
        Ok(node)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn descriptor(&self) -> RawFd {
        self.file.as_raw_fd()
    }

    fn check_capabilities(&self) -> Result<(), CaptureError> {
        let answer = self.ask(vidioc::VIDIOC_QUERYCAP, |_: &mut v4l2_capability| {});
        let caps = answer.map_err(|source| match source.raw_os_error() {
            Some(code) if code == ENOTTY as i32 => not_video(&self.path, "a node that is not V4L2"),
            _ => self.failed("ask for capabilities", source),
        })?;
        // Of a device with several nodes, `capabilities` are those of all of them.
        let caps = match Flags::from(caps.capabilities).contains(Flags::DEVICE_CAPS) {
            true => Flags::from(caps.device_caps),
            false => Flags::from(caps.capabilities),
        };
        if !caps.contains(Flags::VIDEO_CAPTURE) {
            let found = match () {
                _ if caps.contains(Flags::VIDEO_CAPTURE_MPLANE) => {
                    return Err(self.unsupported("multi-planar capture", "the single-planar devices"));
                }
                _ if caps.intersects(Flags::VIDEO_OUTPUT | Flags::VIDEO_OUTPUT_MPLANE) => "a video output",
                _ if caps.intersects(Flags::META_CAPTURE | Flags::META_OUTPUT) => "a metadata node",
                _ if caps.intersects(Flags::VIDEO_M2M | Flags::VIDEO_M2M_MPLANE) => "a codec or scaler",
                _ => "a V4L2 node that captures no video",
            };
            return Err(not_video(&self.path, found));
        }
        if !caps.contains(Flags::STREAMING) {
            return Err(self.unsupported("a device without streaming", "the devices that stream"));
        }
        Ok(())
    }

    /// Codes of the pixel formats that the device offers, in its order.
    pub fn formats(&self) -> Vec<u32> {
        (0..MOST_FORMATS)
            .map_while(|index| {
                self.ask(vidioc::VIDIOC_ENUM_FMT, |description: &mut v4l2_fmtdesc| {
                    description.index = index;
                    description.type_ = Type::VideoCapture as u32;
                })
                .ok()
            })
            .map(|description| description.pixelformat)
            .collect()
    }

    /// What the device is set to.
    pub fn format(&self) -> Result<v4l2_pix_format, CaptureError> {
        self.ask(vidioc::VIDIOC_G_FMT, |format: &mut v4l2_format| {
            format.type_ = Type::VideoCapture as u32;
        })
        .map(picture)
        .map_err(|source| self.failed("ask for the format", source))
    }

    /// Asks for a size and a pixel format; gives what the driver made of it.
    pub fn set_format(&self, width: u32, height: u32, code: u32) -> Result<v4l2_pix_format, CaptureError> {
        self.ask(vidioc::VIDIOC_S_FMT, |format: &mut v4l2_format| {
            format.type_ = Type::VideoCapture as u32;
            format.fmt.pix.width = width;
            format.fmt.pix.height = height;
            format.fmt.pix.pixelformat = code;
            format.fmt.pix.priv_ = V4L2_PIX_FMT_PRIV_MAGIC;
        })
        .map(picture)
        .map_err(|source| self.failed("set the format", source))
    }

    /// Has the driver make `count` buffers to be mapped; gives how many it made.
    pub fn request_buffers(&self, count: u32) -> Result<u32, CaptureError> {
        self.ask(vidioc::VIDIOC_REQBUFS, |request: &mut v4l2_requestbuffers| {
            request.count = count;
            request.type_ = Type::VideoCapture as u32;
            request.memory = Memory::Mmap as u32;
        })
        .map(|request| request.count)
        .map_err(|source| self.failed("make buffers", source))
    }

    /// Where the buffer `index` lies: its offset for mapping and its length in bytes.
    pub fn buffer_place(&self, index: u32) -> Result<(u32, u32), CaptureError> {
        let buffer = self
            .ask(vidioc::VIDIOC_QUERYBUF, buffer(index))
            .map_err(|source| self.failed("ask for a buffer", source))?;
        // SAFETY: of the union `m`, the driver sets `offset` for the memory type `Mmap`; every bit pattern is a u32.
        Ok((unsafe { buffer.m.offset }, buffer.length))
    }

    /// Gives the buffer `index` to the driver.
    pub fn queue(&self, index: u32) -> Result<(), CaptureError> {
        self.ask(vidioc::VIDIOC_QBUF, buffer(index))
            .map(drop)
            .map_err(|source| self.failed("give a buffer back", source))
    }

    /// Takes the oldest buffer that the driver has filled; `None` if there is none yet.
    pub fn dequeue(&self) -> Result<Option<v4l2_buffer>, CaptureError> {
        match self.ask(vidioc::VIDIOC_DQBUF, buffer(0)) {
            Ok(buffer) => Ok(Some(buffer)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(source) => Err(self.failed("read a frame", source)),
        }
    }

    /// Starts streaming; dropping the node stops it.
    pub fn start(&self) -> Result<(), CaptureError> {
        self.ask(vidioc::VIDIOC_STREAMON, |kind: &mut i32| {
            *kind = Type::VideoCapture as i32;
        })
        .map(drop)
        .map_err(|source| self.failed("start streaming", source))
    }

    /// Waits for a filled buffer until `deadline`; false if none came.
    pub fn wait(&self, deadline: Instant) -> Result<bool, CaptureError> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let mut poll_for = pollfd {
                fd: self.descriptor(),
                events: POLLIN as i16,
                revents: 0,
            };
            let millis = left.as_micros().div_ceil(1000).try_into().unwrap_or(i32::MAX);
            // SAFETY: `poll_for` is one valid pollfd that outlives the call, and 1 is how many there are.
            match unsafe { poll(&mut poll_for, 1, millis) } {
                0 => return Ok(false),
                ready if ready > 0 => {
                    let failed = poll_for.revents & POLLERR as i16 != 0;
                    return if failed { Err(gone(&self.path)) } else { Ok(true) };
                }
                _ => {
                    let error = io::Error::last_os_error();
                    if error.kind() != io::ErrorKind::Interrupted {
                        return Err(self.failed("wait for a frame", error));
                    }
                }
            }
        }
    }

    pub fn unsupported(&self, found: impl Into<String>, expected: impl Into<String>) -> CaptureError {
        CaptureError::Unsupported {
            path: self.path.clone(),
            found: found.into(),
            expected: expected.into(),
        }
    }

    pub fn failed(&self, operation: &'static str, source: io::Error) -> CaptureError {
        failure(&self.path, operation, source)
    }

    /// One ioctl: `fill` writes its argument, which is zero before; gives the argument as the driver left it.
    fn ask<T: Copy>(&self, request: vidioc::_IOC_TYPE, fill: impl FnOnce(&mut T)) -> io::Result<T> {
        // The argument's size is in bits 16..30 of the number (Linux: asm-generic/ioctl.h).
        assert_eq!(
            (request >> 16) as usize & 0x3fff,
            size_of::<T>(),
            "argument of ioctl {request:#x}"
        );
        // SAFETY: T is an integer or one of the kernel's C structures of integers and unions of them, as the
        // ioctl numbers used above say: zero is valid for each.
        let mut argument: T = unsafe { std::mem::zeroed() };
        fill(&mut argument);
        loop {
            let pointer = (&raw mut argument).cast::<c_void>();
            // SAFETY: the descriptor is open, and the kernel reads and writes `size_of::<T>()` bytes at the
            // pointer, as checked above. None of these arguments carries a pointer of its own.
            match unsafe { v4l2::ioctl(self.descriptor(), request, pointer) } {
                Ok(()) => return Ok(argument),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

fn picture(format: v4l2_format) -> v4l2_pix_format {
    // SAFETY: of the union `fmt`, `pix` is the member for the type `VideoCapture`; every bit pattern is valid.
    unsafe { format.fmt.pix }
}

fn buffer(index: u32) -> impl FnOnce(&mut v4l2_buffer) {
    move |buffer| {
        buffer.index = index;
        buffer.type_ = Type::VideoCapture as u32;
        buffer.memory = Memory::Mmap as u32;
    }
}

fn gone(path: &Path) -> CaptureError {
    CaptureError::Gone { path: path.into() }
}

fn not_video(path: &Path, found: &str) -> CaptureError {
    CaptureError::NotVideo {
        path: path.into(),
        found: found.into(),
    }
}

fn failure(path: &Path, operation: &'static str, source: io::Error) -> CaptureError {
    const GONE: [u32; 3] = [ENODEV, ENXIO, EIO];
    match source.raw_os_error() {
        Some(code) if GONE.map(|gone| gone as i32).contains(&code) => gone(path),
        _ if source.kind() == io::ErrorKind::ResourceBusy => CaptureError::Busy { path: path.into() },
        _ => CaptureError::Io {
            path: path.into(),
            operation,
            source,
        },
    }
}
