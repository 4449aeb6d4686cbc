//! NEON with the dot product: `sdot` on 4 channels at once (Armv8.4, optional from Armv8.2; Raspberry Pi 5 and later).
//!
//! `sdot` reads signed bytes: an activation `a` is stored as `a - 128`.

use std::arch::aarch64::*;
use std::arch::{asm, is_aarch64_feature_detected};

use super::neon::store;
use super::tile::{Isa, Tile};
use super::{Kernel, Shape, shapes};

/// The kernel; its value shows that the processor has the instructions.
pub struct NeonDot(());

impl NeonDot {
    /// Where the processor has them.
    pub fn new() -> Option<Self> {
        is_aarch64_feature_detected!("dotprod").then_some(Self(()))
    }
}

impl Isa for NeonDot {
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
            int32x4x2_t(
                sdot::<N>(sum.0, quad, weights.0),
                sdot::<N>(sum.1, quad, weights.1),
            )
        }
    }

    #[inline(always)]
    unsafe fn store(sum: Self::Vector, factors: *const f32, to: *mut u8) {
        // SAFETY: the caller's.
        unsafe { store(sum, factors, to) }
    }
}

/// To each lane of `sum`, four weights × activations 4N to 4N+3.
///
/// # Safety
/// As [`super::tile::TileFn`].
#[inline(always)]
unsafe fn sdot<const N: i32>(mut sum: int32x4_t, quad: int32x4_t, weights: int32x4_t) -> int32x4_t {
    // SAFETY: the caller vouches for the instruction, which reads and writes nothing but its registers.
    unsafe {
        asm!(
            "sdot {sum:v}.4s, {weights:v}.16b, {quad:v}.4b[{n}]",
            sum = inout(vreg) sum,
            weights = in(vreg) weights,
            quad = in(vreg) quad,
            n = const N,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    sum
}

/// # Safety
/// As [`super::tile::TileFn`].
#[target_feature(enable = "neon,dotprod")]
unsafe fn tile<const R: usize, const P: usize, const V: usize, const APART: usize>(t: &Tile<'_>) {
    // SAFETY: the caller's.
    unsafe { super::tile::tile::<NeonDot, R, P, V, APART>(t) }
}

impl Kernel for NeonDot {
    fn name(&self) -> &'static str {
        "neon_dot"
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
