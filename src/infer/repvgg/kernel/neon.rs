//! Plain NEON, which every aarch64 processor has: products of two steps added up in 16 bits, then in pairs in 32.
//!
//! With activations stored as `a - 128` two products fit: 2 · 127 · 128 < 2^15.

use std::arch::aarch64::*;

use super::row::{CHANNELS, Row, Step};
use super::tile::Tile;
use super::{Kernel, Shape, shapes};

/// The kernel.
pub struct Neon;

impl Row for Neon {
    /// Each of 8 channels in two lanes.
    type Sums = int32x4x4_t;

    #[inline(always)]
    unsafe fn begin(bias: int32x4x2_t) -> Self::Sums {
        // SAFETY: the caller's.
        unsafe {
            let (low, high) = (
                vzipq_s32(bias.0, vdupq_n_s32(0)),
                vzipq_s32(bias.1, vdupq_n_s32(0)),
            );
            int32x4x4_t(low.0, low.1, high.0, high.1)
        }
    }

    #[inline(always)]
    unsafe fn chunk(sums: Self::Sums, pixel: int8x16_t, weights: [Step; 4]) -> Self::Sums {
        // SAFETY: the caller's.
        unsafe {
            let sums = two::<0, 1>(sums, pixel, weights[0], weights[1]);
            two::<2, 3>(sums, pixel, weights[2], weights[3])
        }
    }

    #[inline(always)]
    unsafe fn single(sums: Self::Sums, pixel: int8x16_t, weights: Step) -> Self::Sums {
        // SAFETY: the caller's.
        unsafe {
            let a = four::<0>(pixel);
            let low = |w: int8x16_t| vmull_s8(vget_low_s8(w), vget_low_s8(a));
            int32x4x4_t(
                vpadalq_s16(sums.0, low(weights.0)),
                vpadalq_s16(sums.1, vmull_high_s8(weights.0, a)),
                vpadalq_s16(sums.2, low(weights.1)),
                vpadalq_s16(sums.3, vmull_high_s8(weights.1, a)),
            )
        }
    }

    #[inline(always)]
    unsafe fn end(sums: Self::Sums) -> int32x4x2_t {
        // SAFETY: the caller's.
        unsafe { int32x4x2_t(vpaddq_s32(sums.0, sums.1), vpaddq_s32(sums.2, sums.3)) }
    }
}

/// Activations 4N to 4N+3 in each lane.
///
/// # Safety
/// As [`super::tile::TileFn`].
#[inline(always)]
unsafe fn four<const N: i32>(pixel: int8x16_t) -> int8x16_t {
    // SAFETY: the caller's.
    unsafe { vreinterpretq_s8_s32(vdupq_laneq_s32::<N>(vreinterpretq_s32_s8(pixel))) }
}

/// Adds the products of the steps `M` and `N`.
///
/// # Safety
/// As [`super::tile::TileFn`].
#[inline(always)]
unsafe fn two<const M: i32, const N: i32>(
    sums: int32x4x4_t,
    pixel: int8x16_t,
    m: Step,
    n: Step,
) -> int32x4x4_t {
    // SAFETY: the caller's.
    unsafe {
        let (a, b) = (four::<M>(pixel), four::<N>(pixel));
        let low = |m: int8x16_t, n: int8x16_t| {
            let product = vmull_s8(vget_low_s8(m), vget_low_s8(a));
            vmlal_s8(product, vget_low_s8(n), vget_low_s8(b))
        };
        let high = |m: int8x16_t, n: int8x16_t| vmlal_high_s8(vmull_high_s8(m, a), n, b);
        int32x4x4_t(
            vpadalq_s16(sums.0, low(m.0, n.0)),
            vpadalq_s16(sums.1, high(m.0, n.0)),
            vpadalq_s16(sums.2, low(m.1, n.1)),
            vpadalq_s16(sums.3, high(m.1, n.1)),
        )
    }
}

/// # Safety
/// As [`super::tile::TileFn`].
#[target_feature(enable = "neon")]
unsafe fn tile<const R: usize, const P: usize, const V: usize, const APART: usize>(t: &Tile<'_>) {
    const { assert!(R == 1 && V == 1) };
    // SAFETY: the caller's.
    unsafe { super::row::tile::<Neon, P, APART>(t) }
}

impl Kernel for Neon {
    fn name(&self) -> &'static str {
        "neon"
    }

    fn lanes(&self) -> usize {
        CHANNELS
    }

    fn shapes(&self) -> &'static [Shape] {
        shapes![(1, 1, 1), (1, 2, 1)]
    }

    fn in_flight(&self) -> usize {
        1
    }

    fn zero(&self) -> u8 {
        128
    }
}
