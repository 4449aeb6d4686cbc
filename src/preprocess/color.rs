//! Filtered channels → red, green, blue bytes.

use super::LANES;
use crate::frame::{FrameFormat, Matrix, PixelFormat, Range};

/// Fractional bits of the coefficients.
const BITS: u32 = 13;

/// Converts channels given in 1/256 of a level.
#[derive(Clone, Copy)]
pub(super) enum ToRgb {
    /// The channels are red, green and blue already.
    Rgb,
    /// One channel stands for all three.
    Grey,
    /// Luma and chroma (ITU-R BT.601-7 and BT.709-6, section 3): coefficients in 1/8192.
    Yuv {
        /// Luma level of black in 1/256.
        black: i32,
        /// Luma gain.
        y: i32,
        /// V in red.
        rv: i32,
        /// U and V in green.
        gu: i32,
        gv: i32,
        /// U in blue.
        bu: i32,
    },
}

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
            Range::Limited => (16 << 8, 255.0 / 219.0, 255.0 / 224.0),
            Range::Full => (0, 1.0, 1.0),
        };
        let kg = 1.0 - kr - kb;
        let fixed = |x: f64| (x * f64::from(1 << BITS)).round() as i32;
        Self::Yuv {
            black,
            y: fixed(luma),
            rv: fixed(2.0 * (1.0 - kr) * chroma),
            gu: fixed(-2.0 * kb * (1.0 - kb) / kg * chroma),
            gv: fixed(-2.0 * kr * (1.0 - kr) / kg * chroma),
            bu: fixed(2.0 * (1.0 - kb) * chroma),
        }
    }

    /// One pixel: channels in 1/256 of a level → bytes, rounded to nearest.
    #[inline(always)]
    pub fn pixel(self, channels: [u16; 3]) -> [u8; 3] {
        let whole = |v: u16| ((u32::from(v) + 128) >> 8).min(255) as u8;
        match self {
            Self::Rgb => channels.map(whole),
            Self::Grey => [whole(channels[0]); 3],
            Self::Yuv {
                black,
                y,
                rv,
                gu,
                gv,
                bu,
            } => {
                let [luma, u, v] = channels.map(i32::from);
                let (luma, u, v) = ((luma - black) * y, u - (128 << 8), v - (128 << 8));
                let byte = |sum: i32| ((sum + (1 << (BITS + 7))) >> (BITS + 8)).clamp(0, 255) as u8;
                [
                    byte(luma + rv * v),
                    byte(luma + gu * u + gv * v),
                    byte(luma + bu * u),
                ]
            }
        }
    }

    /// Rows `top..top + lanes` of the three planes of `out`.
    pub fn write(
        self,
        filtered: &[Vec<[u16; LANES]>; 3],
        top: usize,
        lanes: usize,
        width: usize,
        height: usize,
        out: &mut [u8],
    ) {
        let [a, b, c] = filtered;
        let (red, rest) = out.split_at_mut(width * height);
        let (green, blue) = rest.split_at_mut(width * height);
        for lane in 0..lanes {
            let row = (top + lane) * width..(top + lane + 1) * width;
            let targets = red[row.clone()]
                .iter_mut()
                .zip(&mut green[row.clone()])
                .zip(&mut blue[row]);
            for (((r, g), bl), ((x, y), z)) in targets.zip(a.iter().zip(b).zip(c)) {
                [*r, *g, *bl] = self.pixel([x[lane], y[lane], z[lane]]);
            }
        }
    }
}
