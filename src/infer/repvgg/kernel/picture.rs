//! The picture as the first layer reads it.

use super::STEP;
use crate::infer::repvgg::pack::Map;

/// Copies a picture `[3, height, width]` to where it lies as [`Map::picture`] says; the last byte is what the activation 0 looks like,
/// which every byte is combined with.
///
/// # Safety
/// The processor has the instructions of the kernel that it belongs to; the pointer is to the first of [`Map::bytes`], and nobody
/// else reads or writes them meanwhile.
pub type PictureFn = unsafe fn(&[u8], &Map, *mut u8, u8);

/// The same on every machine. A kernel's own is this, compiled for its instructions.
///
/// # Safety
/// As [`PictureFn`].
#[inline(always)]
pub unsafe fn picture(pixels: &[u8], map: &Map, to: *mut u8, zero: u8) {
    let (red, others) = pixels.split_at(map.height * map.width);
    let (green, blue) = others.split_at(map.height * map.width);
    for y in 0..map.height {
        // SAFETY: the caller's; the row lies in the buffer.
        let to =
            unsafe { std::slice::from_raw_parts_mut(to.add(map.at(y, 0)).cast::<[u8; STEP]>(), map.width) };
        let row = y * map.width..(y + 1) * map.width;
        let colours = red[row.clone()].iter().zip(&green[row.clone()]).zip(&blue[row]);
        for (to, ((red, green), blue)) in to.iter_mut().zip(colours) {
            *to = [*red, *green, *blue, 0].map(|byte| byte ^ zero);
        }
    }
}
