//! The class maps: a weighted sum of each cell's channels.

use super::tile::{GROUP, WIDEST};
use crate::infer::repvgg::pack::Map;

/// Where the last layer's activations are, and what they are worth.
pub struct Cells<'a> {
    /// The first plane.
    pub activations: *const u8,
    /// How they lie from there.
    pub map: &'a Map,
    /// What the activation 0 looks like.
    pub zero: u8,
    /// For each class, for each channel of all planes.
    pub weights: &'a [Vec<f32>],
}

/// Fills the maps, the classes outermost.
///
/// # Safety
/// The processor has the instructions of the kernel that it belongs to; the activations lie there as `map` says, and nobody
/// writes them meanwhile.
pub type ClassesFn = unsafe fn(&Cells<'_>, &mut [f32]);

/// For each cell sixteen partial sums over the channels, then theirs: the same on every machine. A kernel's own is this,
/// compiled for its instructions.
///
/// # Safety
/// As [`ClassesFn`].
#[inline(always)]
pub unsafe fn classes(cells: &Cells<'_>, maps: &mut [f32]) {
    // SAFETY: the caller's.
    unsafe {
        match cells.map.pixel {
            WIDEST => fill::<WIDEST>(cells, maps),
            GROUP => fill::<GROUP>(cells, maps),
            _ => fill::<{ GROUP / 2 }>(cells, maps),
        }
    }
}

/// The same for planes of `PIXEL` channels.
///
/// # Safety
/// As [`ClassesFn`].
#[inline(always)]
unsafe fn fill<const PIXEL: usize>(cells: &Cells<'_>, maps: &mut [f32]) {
    let Cells { map, zero, .. } = *cells;
    for (weights, maps) in cells
        .weights
        .iter()
        .zip(maps.chunks_exact_mut(map.height * map.width))
    {
        for (n, value) in maps.iter_mut().enumerate() {
            let cell = cells
                .activations
                .wrapping_add(map.at(n / map.width, n % map.width));
            let mut sums = [0f32; GROUP];
            for (group, weights) in weights.as_chunks::<GROUP>().0.iter().enumerate() {
                let mut bytes = [0; GROUP];
                for (part, bytes) in bytes.chunks_exact_mut(PIXEL.min(GROUP)).enumerate() {
                    let channel = group * GROUP + part * PIXEL;
                    let from = cell.wrapping_add(channel / PIXEL * map.plane + channel % PIXEL);
                    // SAFETY: the caller's.
                    bytes.copy_from_slice(unsafe { std::slice::from_raw_parts(from, bytes.len()) });
                }
                for n in 0..GROUP {
                    sums[n] += weights[n] * f32::from(bytes[n] ^ zero);
                }
            }
            *value = sums.iter().sum();
        }
    }
}
