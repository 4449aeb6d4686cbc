//! NEON with the dot product: `sdot` on 4 channels at once (Armv8.4, optional from Armv8.2: Cortex-A55, A76 and later).

use std::arch::aarch64::*;
use std::arch::{asm, is_aarch64_feature_detected};

use super::row::{CHANNELS, Row, Step};
use super::tile::Tile;
use super::{Kernel, Shape, shapes};

/// The kernel; its value shows that the processor has the instructions.
pub struct NeonDot(());

impl NeonDot {
    /// Where the processor has them.
    pub fn new() -> Option<Self> {
        is_aarch64_feature_detected!("dotprod").then_some(Self(()))
    }
}

impl Row for NeonDot {
    type Sums = int32x4x2_t;

    #[inline(always)]
    unsafe fn begin(bias: int32x4x2_t) -> Self::Sums {
        bias
    }

    #[inline(always)]
    unsafe fn chunk(sums: Self::Sums, pixel: int8x16_t, weights: [Step; 4]) -> Self::Sums {
        // SAFETY: the caller's.
        unsafe {
            let sums = step::<0>(sums, pixel, weights[0]);
            let sums = step::<1>(sums, pixel, weights[1]);
            let sums = step::<2>(sums, pixel, weights[2]);
            step::<3>(sums, pixel, weights[3])
        }
    }

    #[inline(always)]
    unsafe fn single(sums: Self::Sums, pixel: int8x16_t, weights: Step) -> Self::Sums {
        // SAFETY: the caller's.
        unsafe { step::<0>(sums, pixel, weights) }
    }

    #[inline(always)]
    unsafe fn end(sums: Self::Sums) -> int32x4x2_t {
        sums
    }
}

/// Adds activations 4N to 4N+3 of `pixel` × the weights of a step.
///
/// # Safety
/// As [`super::tile::TileFn`].
#[inline(always)]
unsafe fn step<const N: i32>(sums: int32x4x2_t, pixel: int8x16_t, weights: Step) -> int32x4x2_t {
    // SAFETY: the caller's.
    unsafe {
        int32x4x2_t(
            sdot::<N>(sums.0, weights.0, pixel),
            sdot::<N>(sums.1, weights.1, pixel),
        )
    }
}

/// To each channel of `sum`, four weights × activations 4N to 4N+3 of `pixel`.
///
/// # Safety
/// As [`super::tile::TileFn`].
#[inline(always)]
unsafe fn sdot<const N: i32>(mut sum: int32x4_t, weights: int8x16_t, pixel: int8x16_t) -> int32x4_t {
    // SAFETY: the caller vouches for the instruction, which touches nothing but its registers.
    unsafe {
        asm!(
            "sdot {sum:v}.4s, {weights:v}.16b, {pixel:v}.4b[{n}]",
            sum = inout(vreg) sum,
            weights = in(vreg) weights,
            pixel = in(vreg) pixel,
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
    const { assert!(R == 1 && V == 1) };
    // SAFETY: the caller's.
    unsafe { super::row::tile::<NeonDot, P, APART>(t) }
}

impl Kernel for NeonDot {
    fn name(&self) -> &'static str {
        "neon-dot"
    }

    fn lanes(&self) -> usize {
        CHANNELS
    }

    fn shapes(&self) -> &'static [Shape] {
        shapes![
            (1, 1, 1),
            (1, 2, 1),
            (1, 3, 1),
            (1, 4, 1),
            (1, 5, 1),
            (1, 6, 1),
            (1, 7, 1)
        ]
    }

    fn in_flight(&self) -> usize {
        4
    }

    fn zero(&self) -> u8 {
        128
    }
}
