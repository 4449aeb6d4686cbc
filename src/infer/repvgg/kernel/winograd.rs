//! What a kernel is given of a layer that is computed as [`crate::infer::repvgg::winograd`] says.

use std::ops::Range;

use crate::infer::repvgg::pack::Map;

/// Rows, and columns, of output pixels of a tile.
pub const TILE: usize = 4;
/// Rows, and columns, of input pixels that a tile reads.
pub const SPAN: usize = TILE + 2;
/// Products of a tile for a pair of channels.
pub const POSITIONS: usize = SPAN * SPAN;
/// The most tiles of a part: its sums and transformed input then lie in a second-level cache.
pub const TILES: usize = 25;
/// Tiles from a transformed plane of a part to the next: even, more than [`TILES`], and not on the same sets of a cache as the
/// next position's.
pub const PITCH: usize = TILES + 1;

/// `G`, its rows times 24, -6, -6, 24, 24 and 6.
pub const FILTER: [[i16; 3]; SPAN] = [[6, 0, 0], [1, 1, 1], [1, -1, 1], [1, 2, 4], [1, -2, 4], [0, 0, 6]];

/// Some tiles of a layer, and all their output channels.
#[cfg_attr(
    not(target_arch = "x86_64"),
    expect(dead_code, reason = "no kernel of this processor computes so")
)]
pub struct Part<'a> {
    /// The border's first pixel.
    pub input: *const u8,
    /// How the activations lie from there.
    pub from: &'a Map,
    /// The border's first pixel.
    pub output: *mut u8,
    /// How they lie from there.
    pub to: &'a Map,
    /// Which tiles, counted row by row; [`TILES`] at most.
    pub tiles: Range<usize>,
    /// The weights, on a cache line.
    pub weights: *const u8,
    /// One for each output channel.
    pub bias: &'a [i32],
    /// One for each output channel.
    pub factors: &'a [f32],
    /// [`scratch`] bytes, on a cache line.
    pub scratch: *mut u8,
}

/// Computes a part.
///
/// # Safety
/// The processor has the instructions of the kernel that it belongs to; input, output and weights lie in their buffers
/// as the maps say; nobody else reads or writes the output's tiles and the scratch meanwhile.
pub type WinogradFn = unsafe fn(&Part<'_>);

/// Tiles of a layer that makes `to`.
pub fn tiles(to: &Map) -> usize {
    to.height / TILE * (to.width / TILE)
}

/// Bytes of a layer's weights: 16 bits for each pair of channels and each position.
pub fn weight_bytes(from: &Map, to: &Map) -> usize {
    POSITIONS * from.planes * from.pixel * to.planes * to.pixel * 2
}

/// Bytes of the transformed input of a part.
pub const fn input_bytes(planes: usize) -> usize {
    POSITIONS * planes * PITCH * 32
}

/// Bytes that a part needs beside input and output: the transformed input, and a block's sums.
pub fn scratch(from: &Map, to: &Map) -> usize {
    input_bytes(from.planes) + PITCH * POSITIONS * block(to.planes) * 64
}

/// Planes of output channels that are computed together.
pub const fn block(planes: usize) -> usize {
    if planes.is_multiple_of(3) {
        3
    } else if planes.is_multiple_of(2) {
        2
    } else {
        1
    }
}
