//! Winograd's minimal filtering F(4×4, 3×3) (Lavin and Gray 2016, arXiv 1509.09308, 4.3) in whole numbers: 36 products for
//! the 144 of four rows of four output pixels, of 16 bits where the plain convolution's have 8.
//!
//! Exact: `y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A` has `B` in whole numbers; `G` is taken times 24, -6, -6, 24, 24, 6 row by row ([`FILTER`]),
//! so that row and column i, j of a tile's result come out as `9 · 2^(SHIFT[i] + SHIFT[j]) · y`. Of that a kernel
//! computes the lower 32 bits. 9 has an inverse there; the shift then leaves y itself if `|y| < 2^25`, which [`fits`] asks of a
//! layer whatever the picture.

use std::ops::Range;

use super::kernel::winograd::{self, FILTER, POSITIONS, SPAN, TILE, block};
use super::pack::Map;
use super::plan::Layer;

/// A layer of fewer tiles would read its weights, of which there are eight times as many bytes, for too few products.
const LEAST_TILES: usize = 28;

/// Whether a layer that reads `from` can be computed so, and is worth it.
pub fn fits(layer: &Layer<'_>, from: &Map) -> bool {
    layer.stride == 1
        && from.height.is_multiple_of(TILE)
        && from.width.is_multiple_of(TILE)
        && winograd::tiles(from) >= LEAST_TILES
        && (0..layer.outputs).all(|channel| layer.bound(channel) < 1 << 25)
}

/// Appends the transformed weights to `bytes` and says where, in the order in which a kernel reads them: for each block of output planes, each
/// position, each pair of input channels of `from`: two of 16 bits for each output channel of the block.
pub fn pack(layer: &Layer<'_>, from: &Map, to: &Map, bytes: &mut Vec<u8>) -> Range<usize> {
    let channels = block(to.planes) * to.pixel;
    let inputs = from.planes * from.pixel;
    let start = bytes.len();
    bytes.resize(start + winograd::weight_bytes(from, to), 0);
    for output in 0..layer.outputs {
        let (block, lane) = (output / channels, output % channels);
        for input in 0..layer.inputs {
            let weights = &layer.weights[(output * layer.inputs + input) * 9..][..9];
            for (position, weight) in transformed(weights).into_iter().enumerate() {
                let pair = (block * POSITIONS + position) * inputs / 2 + input / 2;
                let at = start + (pair * channels + lane) * 4 + input % 2 * 2;
                bytes[at..at + 2].copy_from_slice(&weight.to_ne_bytes());
            }
        }
    }
    start..bytes.len()
}

/// `G g Gᵀ`, row by row; at most 49 · 127, so they fit.
fn transformed(weights: &[i8]) -> [i16; POSITIONS] {
    std::array::from_fn(|position| {
        let (row, column) = (FILTER[position / SPAN], FILTER[position % SPAN]);
        let terms = weights.iter().enumerate();
        terms
            .map(|(n, w)| row[n / 3] * column[n % 3] * i16::from(*w))
            .sum()
    })
}
