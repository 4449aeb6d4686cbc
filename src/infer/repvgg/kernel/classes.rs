//! The class maps: a weighted sum of each cell's channels.

use super::tile::GROUP;
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
        if cells.map.pixel == GROUP {
            fill::<GROUP>(cells, maps);
        } else {
            fill::<{ GROUP / 2 }>(cells, maps);
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
            let mut from = cells
                .activations
                .wrapping_add(map.at(n / map.width, n % map.width));
            let mut sums = [0f32; GROUP];
            for weights in weights.as_chunks::<GROUP>().0 {
                let mut bytes = [0; GROUP];
                for part in bytes.as_chunks_mut::<PIXEL>().0 {
                    // SAFETY: the caller's.
                    *part = unsafe { from.cast::<[u8; PIXEL]>().read() };
                    from = from.wrapping_add(map.plane);
                }
                for n in 0..GROUP {
                    sums[n] += weights[n] * f32::from(bytes[n] ^ zero);
                }
            }
            *value = sums.iter().sum();
        }
    }
}
