//! The picture as the first layer reads it.

use std::ops::Range;

use super::STEP;
use crate::infer::repvgg::pack::Map;

/// Copies `rows` of a picture `[3, height, width]`, counted from the border's, to where they lie as [`Map::picture`] says; the last byte is
/// what the activation 0 looks like, which every byte is combined with.
///
/// # Safety
/// The processor has the instructions of the kernel that it belongs to; the pointer is to the first of as many bytes as the rows take, and
/// nobody else reads or writes them meanwhile.
pub type PictureFn = unsafe fn(&[u8], &Map, Range<usize>, *mut u8, u8);

/// The same on every machine. A kernel's own is this, compiled for its instructions.
///
/// # Safety
/// As [`PictureFn`].
#[inline(always)]
pub unsafe fn picture(pixels: &[u8], map: &Map, rows: Range<usize>, to: *mut u8, zero: u8) {
    let (red, others) = pixels.split_at(map.height * map.width);
    let (green, blue) = others.split_at(map.height * map.width);
    for (n, y) in rows.enumerate() {
        // SAFETY: the caller's.
        let to = unsafe {
            std::slice::from_raw_parts_mut(to.add(n * map.row).cast::<[u8; STEP]>(), map.row / STEP)
        };
        if y == 0 || y > map.height {
            to.fill([zero; STEP]);
            continue;
        }
        let row = (y - 1) * map.width..y * map.width;
        let colours = red[row.clone()].iter().zip(&green[row.clone()]).zip(&blue[row]);
        to[0] = [zero; STEP];
        let (to, border) = to[1..].split_at_mut(map.width);
        border.fill([zero; STEP]);
        for (to, ((red, green), blue)) in to.iter_mut().zip(colours) {
            *to = [*red, *green, *blue, 0].map(|byte| byte ^ zero);
        }
    }
}
