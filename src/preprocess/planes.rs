//! Where each pixel format keeps its channels.

use crate::frame::{FrameFormat, PixelFormat};

/// Rows of bytes made of equal units: the smallest group of bytes that stands for whole pixels.
pub(super) struct Plane {
    /// Offset of the plane's first row.
    pub base: usize,
    /// One row for each two lines of the picture.
    pub halved_rows: bool,
    /// Columns of the picture that a unit covers.
    pub unit_pixels: u32,
    /// Bytes of a unit.
    pub unit_bytes: usize,
    /// What the bytes are.
    pub channels: Vec<Channel>,
}

/// One channel of a plane.
pub(super) struct Channel {
    /// 0..3: Y, U, V or red, green, blue.
    pub index: usize,
    /// Its first byte in the row.
    pub offset: usize,
    /// Bytes to its next sample.
    pub step: usize,
    /// One sample for each two columns.
    pub halved: bool,
}

/// The planes of a format.
pub(super) fn of(format: &FrameFormat) -> Vec<Plane> {
    let channel = |index, offset, step, halved| Channel {
        index,
        offset,
        step,
        halved,
    };
    let packed = |unit_pixels, unit_bytes, channels| Plane {
        base: 0,
        halved_rows: false,
        unit_pixels,
        unit_bytes,
        channels,
    };
    let yuv422 = |y, u, v| {
        packed(
            2,
            4,
            vec![
                channel(0, y, 2, false),
                channel(1, u, 4, true),
                channel(2, v, 4, true),
            ],
        )
    };
    let rgb = |r, b| {
        packed(
            1,
            3,
            vec![
                channel(0, r, 3, false),
                channel(1, 1, 3, false),
                channel(2, b, 3, false),
            ],
        )
    };
    let luma = || packed(1, 1, vec![channel(0, 0, 1, false)]);
    match format.pixels {
        PixelFormat::Yuyv => vec![yuv422(0, 1, 3)],
        PixelFormat::Uyvy => vec![yuv422(1, 0, 2)],
        PixelFormat::Nv12 => {
            let chroma = Plane {
                base: format.stride * format.height as usize,
                halved_rows: true,
                ..packed(2, 2, vec![channel(1, 0, 2, true), channel(2, 1, 2, true)])
            };
            vec![luma(), chroma]
        }
        PixelFormat::Rgb24 => vec![rgb(0, 2)],
        PixelFormat::Bgr24 => vec![rgb(2, 0)],
        PixelFormat::Grey => vec![luma()],
    }
}
