//! Filtered channels → red, green, blue bytes.

use super::STEP;
use super::axis::scaled;
use crate::frame::{FrameFormat, Matrix, PixelFormat, Range};

/// Converts channels given in 1/257 of a level.
#[derive(Clone, Copy)]
pub(super) enum ToRgb {
    /// The channels are red, green and blue already.
    Rgb,
    /// One channel stands for all three.
    Grey,
    /// Luma and chroma (ITU-R BT.601-7 and BT.709-6, section 3). Factors in 1/65536 from 1/257 to 1/32 of a level.
    Yuv {
        /// Luma of black, in 1/32 of a level after its gain.
        black: i16,
        /// Luma gain.
        y: u16,
        /// V in red.
        rv: i16,
        /// U and V in green.
        gu: i16,
        gv: i16,
        /// U in blue.
        bu: i16,
    },
}

/// Chroma of grey.
const GREY: u16 = 128 * STEP;

impl ToRgb {
    pub fn new(format: &FrameFormat) -> Self {
        match format.pixels {
            PixelFormat::Rgb24 | PixelFormat::Bgr24 => return Self::Rgb,
            PixelFormat::Grey => return Self::Grey,
            PixelFormat::Yuyv | PixelFormat::Uyvy | PixelFormat::Nv12 => {}
        }
        let (kr, kb) = match format.matrix {
            Matrix::Bt601 => (0.299, 0.114),
            Matrix::Bt709 => (0.2126, 0.0722),
        };
        let (black, luma, chroma) = match format.range {
            Range::Limited => (16.0, 255.0 / 219.0, 255.0 / 224.0),
            Range::Full => (0.0, 1.0, 1.0),
        };
        let kg = 1.0 - kr - kb;
        let factor = |x: f64| (x * 32.0 / f64::from(STEP) * 65536.0).round() as i32;
        let chroma = |x: f64| factor(x * chroma) as i16;
        Self::Yuv {
            black: (black * luma * 32.0_f64).round() as i16,
            y: factor(luma) as u16,
            rv: chroma(2.0 * (1.0 - kr)),
            gu: chroma(-2.0 * kb * (1.0 - kb) / kg),
            gv: chroma(-2.0 * kr * (1.0 - kr) / kg),
            bu: chroma(2.0 * (1.0 - kb)),
        }
    }

    /// Three channels in 1/257 of a level → three planes of bytes, rounded to nearest.
    pub fn convert(self, [a, b, c]: [&[u16]; 3], [red, green, blue]: [&mut [u8]; 3]) {
        // v / 257 rounded, as a multiplication.
        let whole = |v: u16| (scaled(v, 65281).saturating_add(128) >> 8) as u8;
        match self {
            Self::Rgb => {
                for (plane, channel) in [(red, a), (green, b), (blue, c)] {
                    plane
                        .iter_mut()
                        .zip(channel)
                        .for_each(|(byte, &v)| *byte = whole(v));
                }
            }
            Self::Grey => {
                for plane in [red, green, blue] {
                    plane.iter_mut().zip(a).for_each(|(byte, &v)| *byte = whole(v));
                }
            }
            Self::Yuv {
                black,
                y,
                rv,
                gu,
                gv,
                bu,
            } => {
                // 16 of 32: a half, so that the shift below rounds.
                let luma = |v: u16| scaled(v, y) as i16 - black + 16;
                let chroma = |v: u16| v.max(GREY - (1 << 15)).wrapping_sub(GREY) as i16;
                let part = |value: i16, factor: i16| ((i32::from(value) * i32::from(factor)) >> 16) as i16;
                let byte = |level: i16| (level >> 5).clamp(0, 255) as u8;
                for ((r, &a), &c) in red.iter_mut().zip(a).zip(c) {
                    *r = byte(luma(a) + part(chroma(c), rv));
                }
                for (((g, &a), &b), &c) in green.iter_mut().zip(a).zip(b).zip(c) {
                    *g = byte(luma(a) + part(chroma(b), gu) + part(chroma(c), gv));
                }
                for ((bl, &a), &b) in blue.iter_mut().zip(a).zip(b) {
                    *bl = byte(luma(a) + part(chroma(b), bu));
                }
            }
        }
    }
}
