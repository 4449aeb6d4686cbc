//! NEON with the dot product extension: `sdot` on 4 channels at once (Cortex-A55, A76, Neoverse and later).

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
    const LANES: usize = 4;
    type Vector = int32x4_t;
    /// The activations less 128: the instruction reads signed bytes.
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
    unsafe fn dot<const N: i32>(
        mut sum: Self::Vector,
        quad: Self::Quad,
        weights: Self::Vector,
    ) -> Self::Vector {
        // SAFETY: the caller vouches for the instruction, which changes nothing but `sum`.
        unsafe {
            asm!(
                "sdot {sum:v}.4s, {weights:v}.16b, {quad:v}.4b[{n}]",
                sum = inout(vreg) sum,
                weights = in(vreg) weights,
                quad = in(vreg) quad,
                n = const N,
                options(pure, nomem, nostack, preserves_flags),
            );
        }
        sum
    }

    #[inline(always)]
    unsafe fn store(sum: Self::Vector, factors: *const f32, to: *mut u8) {
        // SAFETY: the caller's.
        unsafe { store(sum, factors, to) }
    }
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
        "neon-dot"
    }

    fn lanes(&self) -> usize {
        4
    }

    fn shapes(&self) -> &'static [Shape] {
        shapes![
            (1, 1, 4),
            (1, 2, 4),
            (1, 3, 4),
            (1, 4, 4),
            (1, 5, 4),
            (1, 1, 2),
            (1, 7, 2)
        ]
    }

    fn zero(&self) -> u8 {
        128
    }
}
