//! A part of a frame as an ordinary picture, for key frames and the page.

use image::RgbImage;

use super::{PreprocessError, check, color::ToRgb, planes};
use crate::frame::{Frame, Rect};

/// The pixels of `area`, red first, at the size they were captured.
///
/// # Errors
/// [`PreprocessError`] as for the model's input.
pub fn crop(frame: &Frame, area: Rect) -> Result<RgbImage, PreprocessError> {
    check(frame, area)?;
    let to_rgb = ToRgb::new(&frame.format);
    let planes = planes::of(&frame.format);
    let mut picture = RgbImage::new(area.w, area.h);
    let width = area.w as usize;
    for (y, row) in picture.chunks_exact_mut(width * 3).enumerate() {
        let line = area.y as usize + y;
        let mut channels = [(&frame.bytes[..], 1, 0); 3];
        for plane in &planes {
            let start = plane.base + (line >> u32::from(plane.halved_rows)) * frame.format.stride;
            for c in &plane.channels {
                channels[c.index] = (&frame.bytes[start + c.offset..], c.step, u32::from(c.halved));
            }
        }
        for (x, pixel) in row.chunks_exact_mut(3).enumerate() {
            let column = area.x as usize + x;
            let sample =
                |(bytes, step, shift): (&[u8], usize, u32)| u16::from(bytes[(column >> shift) * step]) << 8;
            pixel.copy_from_slice(&to_rgb.pixel(channels.map(sample)));
        }
    }
    Ok(picture)
}
