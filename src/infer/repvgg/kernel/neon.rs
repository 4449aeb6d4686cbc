//! Plain NEON, which every aarch64 processor has: products in 16 bits, added up in pairs there, then in 32 bits.
//!
//! An activation `a` is stored as `a - 128`, so that two products fit: 2 · 127 · 128 < 2^15.

use std::arch::aarch64::*;

use super::tile::{Isa, Tile};
use super::{Kernel, Shape, shapes};

/// The kernel.
pub struct Neon;

impl Isa for Neon {
    const LANES: usize = 8;
    type Vector = int32x4x2_t;
    type Quad = int32x4_t;

    #[inline(always)]
    unsafe fn load(from: *const u8) -> Self::Vector {
        // SAFETY: the caller's.
        unsafe { vld1q_s32_x2(from.cast()) }
    }

    #[inline(always)]
    unsafe fn quad(from: *const u8) -> Self::Quad {
        // SAFETY: the caller's.
        unsafe { vreinterpretq_s32_u8(vld1q_u8(from)) }
    }

    #[inline(always)]
    unsafe fn dot<const N: i32>(sum: Self::Vector, quad: Self::Quad, weights: Self::Vector) -> Self::Vector {
        // SAFETY: the caller's.
        unsafe {
            let four = vreinterpretq_s8_s32(vdupq_laneq_s32::<N>(quad));
            let half = |sum, weights| {
                let weights = vreinterpretq_s8_s32(weights);
                let low = vmull_s8(vget_low_s8(weights), vget_low_s8(four));
                vpadalq_s16(sum, vpaddq_s16(low, vmull_high_s8(weights, four)))
            };
            int32x4x2_t(half(sum.0, weights.0), half(sum.1, weights.1))
        }
    }

    #[inline(always)]
    unsafe fn store(sum: Self::Vector, factors: *const f32, to: *mut u8) {
        // SAFETY: the caller's.
        unsafe { store(sum, factors, to) }
    }
}

/// Requantizes 8 sums to activations that are stored as `a - 128`.
///
/// # Safety
/// As [`super::tile::TileFn`].
#[inline(always)]
pub unsafe fn store(sum: int32x4x2_t, factors: *const f32, to: *mut u8) {
    // SAFETY: the caller's.
    unsafe {
        let factors = vld1q_f32_x2(factors);
        let requantize = |sum, factors| vcvtnq_s32_f32(vmulq_f32(vcvtq_f32_s32(sum), factors));
        let (low, high) = (requantize(sum.0, factors.0), requantize(sum.1, factors.1));
        let words = vqmovn_high_s32(vqmovn_s32(low), high);
        vst1_s8(to.cast(), vqmovn_s16(vqsubq_s16(words, vdupq_n_s16(128))));
    }
}

/// # Safety
/// As [`super::tile::TileFn`].
#[target_feature(enable = "neon")]
unsafe fn tile<const R: usize, const P: usize, const V: usize, const APART: usize>(t: &Tile<'_>) {
    // SAFETY: the caller's.
    unsafe { super::tile::tile::<Neon, R, P, V, APART>(t) }
}

impl Kernel for Neon {
    fn name(&self) -> &'static str {
        "neon"
    }

    fn lanes(&self) -> usize {
        8
    }

    fn shapes(&self) -> &'static [Shape] {
        shapes![(1, 1, 1), (1, 2, 1), (1, 4, 1), (1, 7, 1), (1, 8, 1)]
    }

    fn zero(&self) -> u8 {
        128
    }
}
