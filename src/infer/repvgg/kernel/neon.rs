//! NEON of every aarch64: products in 16 bits widened to 32, two for each channel at once.

use std::arch::aarch64::*;
use std::arch::is_aarch64_feature_detected;

use super::tile::{Isa, Tile};
use super::{Kernel, Shape, shapes};

/// The kernel; its value shows that the processor has the instructions.
pub struct Neon(());

impl Neon {
    /// Where the processor has them.
    pub fn new() -> Option<Self> {
        is_aarch64_feature_detected!("neon").then_some(Self(()))
    }
}

impl Isa for Neon {
    const LANES: usize = 4;
    type Vector = int32x4_t;
    /// The activations less 128.
    type Quad = int8x16_t;

    #[inline(always)]
    unsafe fn load(from: *const u8) -> Self::Vector {
        // SAFETY: the caller's.
        unsafe { vreinterpretq_s32_u8(vld1q_u8(from)) }
    }

    #[inline(always)]
    unsafe fn quad(from: *const u8) -> Self::Quad {
        // SAFETY: the caller's.
        unsafe { vld1q_s8(from.cast()) }
    }

    #[inline(always)]
    unsafe fn dot<const N: i32>(sum: Self::Vector, quad: Self::Quad, weights: Self::Vector) -> Self::Vector {
        // SAFETY: the caller's.
        unsafe {
            let four = vreinterpretq_s8_s32(vdupq_laneq_s32::<N>(vreinterpretq_s32_s8(quad)));
            let weights = vreinterpretq_s8_s32(weights);
            // Each product is at most 128 · 127: 16 bits hold it, and 32 bits each sum of two.
            let low = vpaddlq_s16(vmull_s8(vget_low_s8(four), vget_low_s8(weights)));
            let high = vpaddlq_s16(vmull_high_s8(four, weights));
            vaddq_s32(sum, vpaddq_s32(low, high))
        }
    }

    #[inline(always)]
    unsafe fn store(sum: Self::Vector, factors: *const f32, to: *mut u8) {
        // SAFETY: the caller's.
        unsafe { store(sum, factors, to) }
    }
}

/// Requantizes 4 sums to activations less 128.
///
/// # Safety
/// As [`super::tile::TileFn`].
#[inline(always)]
pub unsafe fn store(sum: int32x4_t, factors: *const f32, to: *mut u8) {
    // SAFETY: the caller's.
    unsafe {
        let q = vcvtnq_s32_f32(vmulq_f32(vcvtq_f32_s32(sum), vld1q_f32(factors)));
        let words = vqmovn_s32(q);
        let bytes = veor_u8(vqmovun_s16(vcombine_s16(words, words)), vdup_n_u8(128));
        to.cast::<u32>()
            .write_unaligned(vget_lane_u32::<0>(vreinterpret_u32_u8(bytes)));
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
        4
    }

    fn shapes(&self) -> &'static [Shape] {
        shapes![(1, 1, 4), (1, 2, 4), (1, 3, 4), (1, 4, 4)]
    }

    fn zero(&self) -> u8 {
        128
    }
}
