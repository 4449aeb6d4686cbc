//! The inner loop of the aarch64 kernels: as [`super::tile`], but it reads a row of a window at once, so that what its
//! three columns share is read once, and keeps the weights of 8 channels for a pixel in registers.

use std::arch::aarch64::*;

use super::GROUP;
use super::tile::{CHUNK, Tile};

/// Channels of a tile.
pub const CHANNELS: usize = 8;

/// A step's weights, four for each of [`CHANNELS`].
pub type Step = int8x16x2_t;

/// The instructions that a tile is made of. Activations are stored as `a - 128`.
pub trait Row {
    /// [`CHANNELS`] sums of one pixel in the making.
    type Sums: Copy;

    /// Sums that begin with the bias.
    ///
    /// # Safety
    /// As [`super::tile::TileFn`], as for all functions here.
    unsafe fn begin(bias: int32x4x2_t) -> Self::Sums;

    /// Adds one pixel's [`GROUP`] activations × the weights of four steps.
    unsafe fn chunk(sums: Self::Sums, pixel: int8x16_t, weights: [Step; 4]) -> Self::Sums;

    /// Adds the first four of `pixel` × the weights of one step.
    unsafe fn single(sums: Self::Sums, pixel: int8x16_t, weights: Step) -> Self::Sums;

    /// The sums.
    unsafe fn end(sums: Self::Sums) -> int32x4x2_t;
}

/// `PIXELS` output pixels of [`CHANNELS`] channels; windows `APART` bytes from each other.
///
/// # Safety
/// As [`super::tile::TileFn`].
#[inline(always)]
pub unsafe fn tile<R: Row, const PIXELS: usize, const APART: usize>(tile: &Tile<'_>) {
    // SAFETY: the caller vouches for the addresses and the instructions.
    unsafe {
        let mut sums = [R::begin(vld1q_s32_x2(tile.bias)); PIXELS];
        // The border's rows are left out.
        let chunks = &tile.chunks[tile.top..tile.chunks.len() - tile.bottom];
        let after = |chunks: usize| tile.weights.add(chunks * CHUNK * size_of::<Step>()).cast::<i8>();
        let step = |weights: &mut *const i8| {
            let step = vld1q_s8_x2(*weights);
            *weights = weights.add(size_of::<Step>());
            step
        };
        let mut weights = after(tile.top);
        // The three columns of a window's row lie side by side in all that has whole chunks.
        for row in chunks.as_chunks::<3>().0 {
            let row = tile.input.add(row[0] as usize).cast::<i8>();
            // Written out: the compiler would leave it a loop, which shares nothing.
            macro_rules! column {
                ($column:literal) => {
                    let four: [Step; CHUNK] = std::array::from_fn(|_| step(&mut weights));
                    for (p, sums) in sums.iter_mut().enumerate() {
                        *sums = R::chunk(*sums, vld1q_s8(row.add(p * APART + $column * GROUP)), four);
                    }
                };
            }
            column!(0);
            column!(1);
            column!(2);
        }
        weights = after(tile.chunks.len());
        for &offset in tile.singles {
            let row = tile.input.add(offset as usize).cast::<i8>();
            let one = step(&mut weights);
            for (p, sums) in sums.iter_mut().enumerate() {
                *sums = R::single(*sums, vld1q_s8(row.add(p * APART)), one);
            }
        }
        let factors = vld1q_f32_x2(tile.factors);
        for (p, sums) in sums.into_iter().enumerate() {
            let requantize = |sum, factors| vcvtnq_s32_f32(vmulq_f32(vcvtq_f32_s32(sum), factors));
            let sums = R::end(sums);
            let (low, high) = (requantize(sums.0, factors.0), requantize(sums.1, factors.1));
            let words = vqmovn_high_s32(vqmovn_s32(low), high);
            let bytes = vqmovn_s16(vqsubq_s16(words, vdupq_n_s16(128)));
            vst1_s8(tile.output.add(p * GROUP).cast(), bytes);
        }
    }
}
