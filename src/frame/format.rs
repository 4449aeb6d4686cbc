//! How pixels lie in a frame's bytes: each pixel format described once, as data that every reader and writer shares.

use serde::Serialize;

use super::Rect;

/// How a frame's bytes are laid out. Names follow V4L2's pixel formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PixelFormat {
    /// 4:2:2 packed, Y0 U Y1 V: two bytes a pixel.
    Yuyv,
    /// 4:2:2 packed, U Y0 V Y1: two bytes a pixel.
    Uyvy,
    /// 4:2:0, a plane of Y followed by a half-height plane of interleaved U V.
    Nv12,
    /// 4:2:2, a plane of Y followed by a plane of interleaved U V.
    Nv16,
    /// 4:4:4, a plane of Y followed by a plane of interleaved U V, twice as wide in bytes.
    Nv24,
    /// 4:2:0, planes of Y, U and V (`YU12`).
    Yuv420,
    /// 4:4:4 packed, Y U V: three bytes a pixel (`YUV3`).
    Yuv24,
    /// Three bytes a pixel, red first.
    Rgb24,
    /// Three bytes a pixel, blue first.
    Bgr24,
    /// Four bytes a pixel: blue, green, red, nothing (`XR24`).
    Xbgr32,
    /// Four bytes a pixel: nothing, red, green, blue (`BX24`).
    Xrgb32,
    /// One byte a pixel.
    Grey,
}

/// Rows of bytes made of equal units: the smallest group of bytes that stands for whole pixels.
#[derive(Debug)]
pub struct Plane {
    /// One row for each two lines of the picture.
    pub halved_rows: bool,
    /// Columns of the picture that a unit covers.
    pub unit_pixels: u32,
    /// Bytes of a unit.
    pub unit_bytes: usize,
    /// What the bytes are.
    pub channels: &'static [Channel],
}

/// One channel of a plane.
#[derive(Debug)]
pub struct Channel {
    /// 0..3: Y, U, V or red, green, blue.
    pub index: usize,
    /// Its first byte in the row.
    pub offset: usize,
    /// Bytes to its next sample.
    pub step: usize,
    /// One sample for each two columns.
    pub halved: bool,
}

/// Units of so many pixels and bytes, in one row for each line or (`halved`) for each two.
macro_rules! plane {
    (halved $($rest:tt)+) => { plane!(@ true, $($rest)+) };
    (@ $halved_rows:literal, $pixels:literal, $bytes:literal, $($channel:expr),+) => {
        Plane { halved_rows: $halved_rows, unit_pixels: $pixels, unit_bytes: $bytes, channels: &[$($channel),+] }
    };
    ($($rest:tt)+) => { plane!(@ false, $($rest)+) };
}

const fn full(index: usize, offset: usize, step: usize) -> Channel {
    Channel {
        index,
        offset,
        step,
        halved: false,
    }
}

const fn half(index: usize, offset: usize, step: usize) -> Channel {
    Channel {
        halved: true,
        ..full(index, offset, step)
    }
}

impl PixelFormat {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Yuyv,
        Self::Uyvy,
        Self::Nv12,
        Self::Nv16,
        Self::Nv24,
        Self::Yuv420,
        Self::Yuv24,
        Self::Rgb24,
        Self::Bgr24,
        Self::Xbgr32,
        Self::Xrgb32,
        Self::Grey,
    ];

    /// The planes, in the order in which they lie in memory.
    pub const fn planes(self) -> &'static [Plane] {
        match self {
            Self::Yuyv => const { &[plane!(2, 4, full(0, 0, 2), half(1, 1, 4), half(2, 3, 4))] },
            Self::Uyvy => const { &[plane!(2, 4, full(0, 1, 2), half(1, 0, 4), half(2, 2, 4))] },
            Self::Nv12 => {
                const {
                    &[
                        plane!(1, 1, full(0, 0, 1)),
                        plane!(halved 2, 2, half(1, 0, 2), half(2, 1, 2)),
                    ]
                }
            }
            Self::Nv16 => {
                const {
                    &[
                        plane!(1, 1, full(0, 0, 1)),
                        plane!(2, 2, half(1, 0, 2), half(2, 1, 2)),
                    ]
                }
            }
            Self::Nv24 => {
                const {
                    &[
                        plane!(1, 1, full(0, 0, 1)),
                        plane!(1, 2, full(1, 0, 2), full(2, 1, 2)),
                    ]
                }
            }
            Self::Yuv420 => {
                const {
                    &[
                        plane!(1, 1, full(0, 0, 1)),
                        plane!(halved 2, 1, half(1, 0, 1)),
                        plane!(halved 2, 1, half(2, 0, 1)),
                    ]
                }
            }
            Self::Yuv24 | Self::Rgb24 => {
                const { &[plane!(1, 3, full(0, 0, 3), full(1, 1, 3), full(2, 2, 3))] }
            }
            Self::Bgr24 => const { &[plane!(1, 3, full(0, 2, 3), full(1, 1, 3), full(2, 0, 3))] },
            Self::Xbgr32 => const { &[plane!(1, 4, full(0, 2, 4), full(1, 1, 4), full(2, 0, 4))] },
            Self::Xrgb32 => const { &[plane!(1, 4, full(0, 1, 4), full(1, 2, 4), full(2, 3, 4))] },
            Self::Grey => const { &[plane!(1, 1, full(0, 0, 1))] },
        }
    }

    /// Whether pixels are luma and chroma rather than red, green and blue or grey.
    pub const fn is_yuv(self) -> bool {
        match self {
            Self::Yuyv | Self::Uyvy | Self::Nv12 | Self::Nv16 | Self::Nv24 | Self::Yuv420 | Self::Yuv24 => {
                true
            }
            Self::Rgb24 | Self::Bgr24 | Self::Xbgr32 | Self::Xrgb32 | Self::Grey => false,
        }
    }
}

impl Plane {
    /// Bytes of one row without padding, for a picture `width` pixels wide.
    pub fn row_bytes(&self, width: u32) -> usize {
        width.div_ceil(self.unit_pixels) as usize * self.unit_bytes
    }

    /// Rows for a picture of `height` lines.
    pub fn rows(&self, height: u32) -> usize {
        (height as usize).div_ceil(1 + usize::from(self.halved_rows))
    }
}

/// Which range the bytes use (ITU-R BT.601-7, table 3; CTA-861 has the same for red, green and blue).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Range {
    /// 16..235, chroma 16..240.
    Limited,
    /// 0..255.
    Full,
}

/// Which luma coefficients YUV bytes use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Matrix {
    /// ITU-R BT.601-7: Kr 0.299, Kb 0.114.
    Bt601,
    /// ITU-R BT.709-6: Kr 0.2126, Kb 0.0722.
    Bt709,
}

/// Where a plane lies in a frame's bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Its first byte.
    pub offset: usize,
    /// Bytes from one row to the next.
    pub stride: usize,
}

/// Everything needed to read a frame's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct FrameFormat {
    /// Layout of the bytes.
    pub pixels: PixelFormat,
    /// Width in pixels.
    pub width: u32,
    /// Height in lines.
    pub height: u32,
    /// One place for each of [`PixelFormat::planes`], in their order; the rest is zero.
    pub places: [Place; 3],
    /// Range of luma and chroma, of grey, or of red, green and blue.
    pub range: Range,
    /// Luma coefficients; ignored unless YUV.
    pub matrix: Matrix,
}

impl FrameFormat {
    /// A format without row padding. YUV defaults to limited range, all else to full range, and the matrix, as V4L2
    /// drivers do for unknown colour, to BT.601 below 720 lines and BT.709 from there.
    pub fn packed(pixels: PixelFormat, width: u32, height: u32) -> Self {
        let range = if pixels.is_yuv() {
            Range::Limited
        } else {
            Range::Full
        };
        let matrix = if height >= 720 {
            Matrix::Bt709
        } else {
            Matrix::Bt601
        };
        let format = Self {
            pixels,
            width,
            height,
            places: [Place::default(); 3],
            range,
            matrix,
        };
        format.with_stride(0)
    }

    /// With rows of `stride` bytes, or as many as a row needs; in the planes after the first as V4L2 has it for
    /// planes in one buffer (Linux: Documentation/userspace-api/media/v4l/pixfmt-yuv-planar.rst): NV24's second is
    /// twice as wide, YU12's others are half as wide.
    pub fn with_stride(self, stride: usize) -> Self {
        let planes = self.pixels.planes();
        // The interleaved chroma of an odd width is one byte wider than its luma, and their rows are equally long.
        let luma = match self.pixels {
            PixelFormat::Nv12 | PixelFormat::Nv16 => planes[1].row_bytes(self.width),
            _ => planes[0].row_bytes(self.width),
        };
        let luma = stride.max(luma);
        let others = match self.pixels {
            PixelFormat::Nv24 => luma * 2,
            PixelFormat::Yuv420 => luma.div_ceil(2),
            _ => luma,
        };
        self.with_strides([luma, others, others])
    }

    /// With planes one after the other, each with rows of its own length or as long as a row needs: how planes that a
    /// driver keeps in separate buffers are copied, [`Self::plane_bytes`] of each.
    pub fn with_strides(mut self, strides: [usize; 3]) -> Self {
        let mut offset = 0;
        self.places = [Place::default(); 3];
        for ((plane, place), stride) in self.pixels.planes().iter().zip(&mut self.places).zip(strides) {
            let stride = stride.max(plane.row_bytes(self.width));
            *place = Place { offset, stride };
            offset += stride * plane.rows(self.height);
        }
        self
    }

    /// The planes and where they lie.
    pub fn planes(&self) -> impl Iterator<Item = (&'static Plane, Place)> {
        self.pixels.planes().iter().zip(self.places)
    }

    /// Bytes of each plane, row padding included.
    pub fn plane_bytes(&self) -> impl Iterator<Item = usize> {
        let height = self.height;
        self.planes()
            .map(move |(plane, place)| place.stride * plane.rows(height))
    }

    /// Bytes that a whole picture takes: what a frame must hold at least.
    pub fn bytes(&self) -> usize {
        let ends = self.planes().zip(self.plane_bytes());
        ends.map(|((_, place), bytes)| place.offset + bytes)
            .max()
            .unwrap_or(0)
    }

    /// The whole picture as a rectangle.
    pub fn area(&self) -> Rect {
        Rect::full(self.width, self.height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picture_sizes_count_every_plane() {
        let bytes = |p, w, h| FrameFormat::packed(p, w, h).bytes();
        assert_eq!(bytes(PixelFormat::Yuyv, 641, 2), 2 * 1284);
        assert_eq!(bytes(PixelFormat::Nv12, 640, 481), 640 * (481 + 241));
        assert_eq!(bytes(PixelFormat::Nv16, 641, 3), 642 * 6);
        assert_eq!(bytes(PixelFormat::Nv24, 641, 3), 641 * 9);
        assert_eq!(bytes(PixelFormat::Yuv420, 641, 3), 641 * 3 + 2 * 321 * 2);
        assert_eq!(bytes(PixelFormat::Rgb24, 3, 3), 27);
        assert_eq!(bytes(PixelFormat::Xbgr32, 3, 3), 36);
    }

    /// The padded rows of V4L2's own examples and tables.
    #[test]
    fn a_drivers_stride_places_every_plane() {
        let places = |pixels, stride| {
            FrameFormat::packed(pixels, 640, 480)
                .with_stride(stride)
                .places
                .map(|p| (p.offset, p.stride))
        };
        let luma = 768 * 480;
        assert_eq!(places(PixelFormat::Nv12, 768), [(0, 768), (luma, 768), (0, 0)]);
        assert_eq!(places(PixelFormat::Nv24, 768), [(0, 768), (luma, 1536), (0, 0)]);
        assert_eq!(
            places(PixelFormat::Yuv420, 768),
            [(0, 768), (luma, 384), (luma + 384 * 240, 384)]
        );
        assert_eq!(places(PixelFormat::Grey, 0), [(0, 640), (0, 0), (0, 0)]);
    }

    #[test]
    fn planes_of_separate_buffers_lie_one_after_the_other() {
        let format = FrameFormat::packed(PixelFormat::Yuv420, 640, 480).with_strides([704, 384, 0]);
        let bytes: Vec<_> = format.plane_bytes().collect();
        assert_eq!(bytes, [704 * 480, 384 * 240, 320 * 240]);
        assert_eq!(format.places[2].offset, bytes[0] + bytes[1]);
        assert_eq!(format.bytes(), bytes.iter().sum::<usize>());
    }
}
