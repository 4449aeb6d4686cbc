//! Filtered channels → red, green, blue bytes.

use super::STEP;
use super::axis::scaled;
use crate::frame::{FrameFormat, Matrix, PixelFormat, Range};

/// Converts channels given in 1/257 of a level. Factors are in 1/65536 from 1/257 to 1/32 of a level.
#[derive(Clone, Copy)]
pub(super) struct ToRgb {
    levels: Levels,
    colour: Colour,
}

/// What black and white are.
#[derive(Clone, Copy)]
struct Levels {
    /// Black, in 1/32 of a level after the gain.
    black: i16,
    gain: u16,
}

#[derive(Clone, Copy)]
enum Colour {
    /// The channels are red, green and blue already.
    Rgb,
    /// One channel stands for all three.
    Grey,
    /// Luma and chroma (ITU-R BT.601-7 and BT.709-6, section 3).
    Yuv {
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
        let factor = |x: f64| (x * 32.0 / f64::from(STEP) * 65536.0).round() as i32;
        let (black, gain, chroma) = match format.range {
            Range::Limited => (16.0, 255.0 / 219.0, 255.0 / 224.0),
            Range::Full => (0.0, 1.0, 1.0),
        };
        let levels = Levels {
            black: (black * gain * 32.0_f64).round() as i16,
            gain: factor(gain) as u16,
        };
        let (kr, kb) = match format.matrix {
            Matrix::Bt601 => (0.299, 0.114),
            Matrix::Bt709 => (0.2126, 0.0722),
        };
        let kg = 1.0 - kr - kb;
        let chroma = |x: f64| factor(x * chroma) as i16;
        let colour = match format.pixels {
            PixelFormat::Grey => Colour::Grey,
            pixels if !pixels.is_yuv() => Colour::Rgb,
            _ => Colour::Yuv {
                rv: chroma(2.0 * (1.0 - kr)),
                gu: chroma(-2.0 * kb * (1.0 - kb) / kg),
                gv: chroma(-2.0 * kr * (1.0 - kr) / kg),
                bu: chroma(2.0 * (1.0 - kb)),
            },
        };
        Self { levels, colour }
    }

    /// Three channels in 1/257 of a level → three planes of bytes, rounded to nearest.
    pub fn convert(self, [a, b, c]: [&[u16]; 3], [red, green, blue]: [&mut [u8]; 3]) {
        match self.colour {
            Colour::Rgb => {
                for (plane, channel) in [(red, a), (green, b), (blue, c)] {
                    self.levels.apply(channel, plane);
                }
            }
            Colour::Grey => {
                for plane in [red, green, blue] {
                    self.levels.apply(a, plane);
                }
            }
            Colour::Yuv { rv, gu, gv, bu } => {
                let luma = |v: u16| self.levels.half_up(v);
                let chroma = |v: u16| v.max(GREY - (1 << 15)).wrapping_sub(GREY) as i16;
                let part = |value: i16, factor: i16| ((i32::from(value) * i32::from(factor)) >> 16) as i16;
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

impl Levels {
    /// In 1/32 of a level, with the half that makes [`byte`] round.
    #[inline(always)]
    fn half_up(self, v: u16) -> i16 {
        scaled(v, self.gain) as i16 - self.black + 16
    }

    fn apply(self, channel: &[u16], plane: &mut [u8]) {
        if self.black == 0 {
            // v / 257 rounded, as a multiplication.
            let whole = |v: u16| (scaled(v, 65281).saturating_add(128) >> 8) as u8;
            plane
                .iter_mut()
                .zip(channel)
                .for_each(|(byte, &v)| *byte = whole(v));
        } else {
            let pairs = plane.iter_mut().zip(channel);
            pairs.for_each(|(level, &v)| *level = byte(self.half_up(v)));
        }
    }
}

/// 1/32 of a level → a level.
#[inline(always)]
fn byte(level: i16) -> u8 {
    (level >> 5).clamp(0, 255) as u8
}
