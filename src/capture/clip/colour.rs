//! Luma and chroma planes into the packed layouts that frames have, and Y'CbCr into red, green and blue.

use crate::frame::{Matrix, Range};

/// Y'CbCr → R'G'B' in 16-bit fixed point (ITU-R BT.601-7 and BT.709-6, section 3).
pub struct ToRgb {
    /// Added to luma before scaling.
    black: i32,
    luma: i32,
    red_cr: i32,
    green_cb: i32,
    green_cr: i32,
    blue_cb: i32,
}

impl ToRgb {
    pub fn new(matrix: Matrix, range: Range) -> Self {
        let (kr, kb) = match matrix {
            Matrix::Bt601 => (0.299, 0.114),
            Matrix::Bt709 => (0.2126, 0.0722),
        };
        let kg = 1.0 - kr - kb;
        let (black, luma, chroma) = match range {
            Range::Limited => (16, 255.0 / 219.0, 255.0 / 224.0),
            Range::Full => (0, 1.0, 1.0),
        };
        let fixed = |x: f64| (x * 65536.0).round() as i32;
        Self {
            black,
            luma: fixed(luma),
            red_cr: fixed(chroma * 2.0 * (1.0 - kr)),
            green_cb: fixed(chroma * 2.0 * kb * (1.0 - kb) / kg),
            green_cr: fixed(chroma * 2.0 * kr * (1.0 - kr) / kg),
            blue_cb: fixed(chroma * 2.0 * (1.0 - kb)),
        }
    }

    pub fn rgb(&self, y: u8, cb: u8, cr: u8) -> [u8; 3] {
        let y = (i32::from(y) - self.black) * self.luma + (1 << 15);
        let (cb, cr) = (i32::from(cb) - 128, i32::from(cr) - 128);
        let clip = |x: i32| (x >> 16).clamp(0, 255) as u8;
        [
            clip(y + self.red_cr * cr),
            clip(y - self.green_cb * cb - self.green_cr * cr),
            clip(y + self.blue_cb * cb),
        ]
    }
}

/// 4:2:2 planes to YUYV; the last pixel of an odd row is given twice.
pub fn yuyv(y: &[u8], u: &[u8], v: &[u8], width: usize, into: &mut Vec<u8>) {
    let chroma = width.div_ceil(2);
    let rows = y
        .chunks_exact(width)
        .zip(u.chunks_exact(chroma))
        .zip(v.chunks_exact(chroma));
    for ((y, u), v) in rows {
        for ((y, u), v) in y.chunks(2).zip(u).zip(v) {
            into.extend_from_slice(&[y[0], *u, *y.last().unwrap_or(&y[0]), *v]);
        }
    }
}

/// Planes of one length to pixels of `N` samples, appended to `into`.
pub fn interleave<const N: usize>(planes: [&[u8]; N], into: &mut Vec<u8>) {
    let start = into.len();
    let length = planes.iter().map(|plane| plane.len()).min().unwrap_or(0);
    into.resize(start + N * length, 0);
    for (n, plane) in planes.iter().enumerate() {
        for (pixel, &sample) in into[start..].chunks_exact_mut(N).zip(*plane) {
            pixel[n] = sample;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_bars_come_back() {
        // BT.601 and BT.709 75 % bars of limited range, as SMPTE RP 219 and EBU tech. 3325 print them.
        let bt601 = ToRgb::new(Matrix::Bt601, Range::Limited);
        let bt709 = ToRgb::new(Matrix::Bt709, Range::Limited);
        let near = |a: [u8; 3], b: [u8; 3]| a.iter().zip(b).all(|(&a, b)| a.abs_diff(b) <= 1);
        assert!(near(bt601.rgb(180, 128, 128), [191, 191, 191]));
        assert!(near(bt601.rgb(162, 44, 142), [191, 191, 0]));
        assert!(near(bt601.rgb(65, 100, 212), [191, 0, 0]));
        assert!(near(bt709.rgb(133, 63, 52), [0, 191, 0]));
        assert!(near(bt709.rgb(28, 212, 120), [0, 0, 191]));
        assert_eq!(bt601.rgb(16, 128, 128), [0; 3]);
        assert_eq!(bt709.rgb(235, 128, 128), [255; 3]);
        assert_eq!(
            ToRgb::new(Matrix::Bt601, Range::Full).rgb(76, 85, 255),
            [254, 0, 0]
        );
    }

    #[test]
    fn odd_widths_are_padded() {
        let mut into = Vec::new();
        yuyv(&[1, 2, 3], &[4, 5], &[6, 7], 3, &mut into);
        assert_eq!(into, [1, 4, 2, 6, 3, 5, 3, 7]);
    }
}
