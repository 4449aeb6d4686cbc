//! An opened device node: what it is, and what it can be set to.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use v4l::buffer::Type;
use v4l::capability::Flags;
use v4l::format::FieldOrder;
use v4l::v4l_sys::*;
use v4l::v4l2::vidioc;

use super::ioctl;
use crate::capture::CaptureError;

/// The major number of every V4L2 node (Linux: Documentation/admin-guide/devices.txt).
const VIDEO4LINUX_MAJOR: u64 = 81;
/// More formats, sizes or rates than any driver offers: where enumerating stops.
const MOST_OFFERED: u32 = 256;

/// A V4L2 node that captures video by streaming.
#[derive(Debug)]
pub(super) struct Node {
    file: File,
    path: PathBuf,
    kind: Type,
    /// The device's name for people, such as `USB Video`.
    pub card: String,
    /// The driver's name.
    pub driver: String,
    /// Where it is plugged in, such as `usb-0000:00:14.0-1`.
    pub bus: String,
}

/// A picture as a driver describes it, of either kind of device.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Picture {
    pub width: u32,
    pub height: u32,
    pub code: u32,
    pub field: u32,
    pub colorspace: u32,
    pub encoding: u32,
    pub quantization: u32,
    /// Bytes from one row to the next in each piece of memory that makes up a picture.
    pub strides: Vec<u32>,
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
        let mut node = Self {
            file,
            path: path.into(),
            kind: Type::VideoCapture,
            card: String::new(),
            driver: String::new(),
            bus: String::new(),
        };
        node.ask_capabilities()?;
        Ok(node)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Whether a picture may lie in several pieces of memory.
    pub fn multi_planar(&self) -> bool {
        matches!(self.kind, Type::VideoCaptureMplane)
    }

    /// The buffer type of all ioctls.
    pub fn kind(&self) -> u32 {
        self.kind as u32
    }

    fn ask_capabilities(&mut self) -> Result<(), CaptureError> {
        let answer = self.ask(vidioc::VIDIOC_QUERYCAP, |_: &mut v4l2_capability| {});
        let answer = answer.map_err(|source| match source.raw_os_error() {
            Some(code) if code == ENOTTY as i32 => not_video(&self.path, "a node that is not V4L2"),
            _ => self.failed("ask for capabilities", source),
        })?;
        // Of a device with several nodes, `capabilities` are those of all of them.
        let caps = match Flags::from(answer.capabilities).contains(Flags::DEVICE_CAPS) {
            true => Flags::from(answer.device_caps),
            false => Flags::from(answer.capabilities),
        };
        (self.card, self.bus) = (words(&answer.card), words(&answer.bus_info));
        self.driver = words(&answer.driver);
        if caps.contains(Flags::VIDEO_CAPTURE_MPLANE) {
            self.kind = Type::VideoCaptureMplane;
        } else if !caps.contains(Flags::VIDEO_CAPTURE) {
            let found = match () {
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
        let ask = |index| {
            self.ask(vidioc::VIDIOC_ENUM_FMT, |description: &mut v4l2_fmtdesc| {
                description.index = index;
                description.type_ = self.kind();
            })
        };
        let offered = (0..MOST_OFFERED).map_while(|index| ask(index).ok());
        offered.map(|description| description.pixelformat).collect()
    }

    /// Sizes that the device offers for a pixel format; empty if it does not say.
    pub fn sizes(&self, code: u32) -> Vec<v4l2_frmsizeenum> {
        let ask = |index| {
            self.ask(vidioc::VIDIOC_ENUM_FRAMESIZES, |size: &mut v4l2_frmsizeenum| {
                size.index = index;
                size.pixel_format = code;
            })
        };
        (0..MOST_OFFERED).map_while(|index| ask(index).ok()).collect()
    }

    /// Times between pictures that the device offers for a pixel format and size; empty if it does not say.
    pub fn intervals(&self, code: u32, width: u32, height: u32) -> Vec<v4l2_frmivalenum> {
        let ask = |index| {
            self.ask(
                vidioc::VIDIOC_ENUM_FRAMEINTERVALS,
                |interval: &mut v4l2_frmivalenum| {
                    interval.index = index;
                    interval.pixel_format = code;
                    (interval.width, interval.height) = (width, height);
                },
            )
        };
        (0..MOST_OFFERED).map_while(|index| ask(index).ok()).collect()
    }

    /// What the device is set to.
    pub fn picture(&self) -> Result<Picture, CaptureError> {
        self.ask(vidioc::VIDIOC_G_FMT, |format: &mut v4l2_format| {
            format.type_ = self.kind();
        })
        .map(|format| self.described(&format))
        .map_err(|source| self.failed("ask for the format", source))
    }

    /// Asks for a size and a pixel format, whole pictures rather than fields; gives what the driver made of it.
    pub fn set_picture(&self, width: u32, height: u32, code: u32) -> Result<Picture, CaptureError> {
        let field = FieldOrder::Progressive as u32;
        self.ask(vidioc::VIDIOC_S_FMT, |format: &mut v4l2_format| {
            format.type_ = self.kind();
            if self.multi_planar() {
                format.fmt.pix_mp = v4l2_pix_format_mplane {
                    width,
                    height,
                    pixelformat: code,
                    field,
                    // SAFETY: a structure of integers.
                    ..unsafe { std::mem::zeroed() }
                };
            } else {
                format.fmt.pix = v4l2_pix_format {
                    width,
                    height,
                    pixelformat: code,
                    field,
                    priv_: V4L2_PIX_FMT_PRIV_MAGIC,
                    // SAFETY: a structure of integers.
                    ..unsafe { std::mem::zeroed() }
                };
            }
        })
        .map(|format| self.described(&format))
        .map_err(|source| self.failed("set the format", source))
    }

    fn described(&self, format: &v4l2_format) -> Picture {
        if self.multi_planar() {
            // SAFETY: of the union `fmt`, `pix_mp` is the member for this type; every bit pattern is valid.
            let pix = unsafe { format.fmt.pix_mp };
            let planes = usize::from(pix.num_planes).min(pix.plane_fmt.len());
            return Picture {
                width: pix.width,
                height: pix.height,
                code: pix.pixelformat,
                field: pix.field,
                colorspace: pix.colorspace,
                // SAFETY: both members of the union are a u8.
                encoding: u32::from(unsafe { pix.__bindgen_anon_1.ycbcr_enc }),
                quantization: u32::from(pix.quantization),
                strides: pix.plane_fmt[..planes].iter().map(|p| p.bytesperline).collect(),
            };
        }
        // SAFETY: of the union `fmt`, `pix` is the member for this type; every bit pattern is valid.
        let pix = unsafe { format.fmt.pix };
        Picture {
            width: pix.width,
            height: pix.height,
            code: pix.pixelformat,
            field: pix.field,
            colorspace: pix.colorspace,
            // SAFETY: both members of the union are a u32.
            encoding: unsafe { pix.__bindgen_anon_1.ycbcr_enc },
            quantization: pix.quantization,
            strides: vec![pix.bytesperline],
        }
    }

    /// Asks for a time between pictures in seconds, as a fraction. Not all drivers let it be chosen.
    pub fn set_interval(&self, (numerator, denominator): (u32, u32)) {
        let answer = self.ask(vidioc::VIDIOC_S_PARM, |parameters: &mut v4l2_streamparm| {
            parameters.type_ = self.kind();
            parameters.parm.capture = v4l2_captureparm {
                timeperframe: v4l2_fract {
                    numerator,
                    denominator,
                },
                // SAFETY: a structure of integers.
                ..unsafe { std::mem::zeroed() }
            };
        });
        if let Err(error) = answer {
            tracing::debug!(%error, device = %self.path.display(), "the frame rate cannot be chosen");
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

    /// [`ioctl::ask`] of this device.
    pub fn ask<T: ioctl::Plain>(
        &self,
        request: vidioc::_IOC_TYPE,
        fill: impl FnOnce(&mut T),
    ) -> io::Result<T> {
        ioctl::ask(self.descriptor(), request, fill)
    }
}

/// The text of a driver's field of bytes, which may lack its final zero.
fn words(bytes: &[u8]) -> String {
    let text = bytes.split(|b| *b == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

fn not_video(path: &Path, found: &str) -> CaptureError {
    CaptureError::NotVideo {
        path: path.into(),
        found: found.into(),
    }
}

fn failure(path: &Path, operation: &'static str, source: io::Error) -> CaptureError {
    const GONE: [u32; 2] = [ENODEV, ENXIO];
    match source.raw_os_error() {
        Some(code) if GONE.map(|gone| gone as i32).contains(&code) => {
            CaptureError::Gone { path: path.into() }
        }
        _ if source.kind() == io::ErrorKind::ResourceBusy => CaptureError::Busy { path: path.into() },
        _ => CaptureError::Io {
            path: path.into(),
            operation,
            source,
        },
    }
}
