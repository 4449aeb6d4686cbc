//! A part of a frame as an ordinary picture, for key frames and the page.

use image::RgbImage;

use super::{PreprocessError, STEP, check, color::ToRgb};
use crate::frame::{Frame, Rect};

/// The pixels of `area`, red first, at the size they were captured.
///
/// # Errors
/// [`PreprocessError`] as for the model's input.
pub fn crop(frame: &Frame, area: Rect) -> Result<RgbImage, PreprocessError> {
    check(frame, area)?;
    let to_rgb = ToRgb::new(&frame.format);
    let width = area.w as usize;
    let mut channels: [Vec<u16>; 3] = std::array::from_fn(|_| vec![0; width]);
    let mut bytes: [Vec<u8>; 3] = std::array::from_fn(|_| vec![0; width]);
    let mut picture = RgbImage::new(area.w, area.h);
    for (y, row) in picture.chunks_exact_mut(width * 3).enumerate() {
        let line = area.y as usize + y;
        for (plane, place) in frame.format.planes() {
            let start = place.offset + (line >> u32::from(plane.halved_rows)) * place.stride;
            for c in plane.channels {
                let samples = &frame.bytes[start + c.offset..];
                for (x, value) in channels[c.index].iter_mut().enumerate() {
                    let column = area.x as usize + x;
                    *value = u16::from(samples[(column >> u32::from(c.halved)) * c.step]) * STEP;
                }
            }
        }
        let [a, b, c] = &channels;
        let [red, green, blue] = &mut bytes;
        to_rgb.convert([a, b, c], [red, green, blue]);
        for (pixel, ((&r, &g), &b)) in row.chunks_exact_mut(3).zip(red.iter().zip(&*green).zip(&*blue)) {
            pixel.copy_from_slice(&[r, g, b]);
        }
    }
    Ok(picture)
}
