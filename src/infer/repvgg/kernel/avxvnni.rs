//! AVX-VNNI: `vpdpbusd` on 8 channels at once (Alder Lake, Meteor Lake, Zen 5 and later).

use std::arch::x86_64::*;
use std::ops::Range;

use super::avx2::store;
use super::classes::Cells;
use super::tile::{Isa, PEAK_SUMS, STEP, Tile};
use super::{ClassesFn, Kernel, PictureFn, Shape, shapes};
use crate::infer::repvgg::pack::Map;

/// The kernel; its value shows that the processor has the instructions.
pub struct AvxVnni(());

impl AvxVnni {
    /// Where the processor has them.
    pub fn new() -> Option<Self> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("avxvnni")).then_some(Self(()))
    }
}

impl Isa for AvxVnni {
    const LANES: usize = 8;
    type Vector = __m256i;
    type Quad = *const u8;

    #[inline(always)]
    unsafe fn load(from: *const u8) -> Self::Vector {
        // SAFETY: the caller's.
        unsafe { _mm256_loadu_si256(from.cast()) }
    }

    #[inline(always)]
    unsafe fn quad(from: *const u8) -> Self::Quad {
        from
    }

    #[inline(always)]
    unsafe fn dot<const N: i32>(sum: Self::Vector, quad: Self::Quad, weights: Self::Vector) -> Self::Vector {
        // SAFETY: the caller's.
        unsafe {
            let four = quad.add(N as usize * STEP).cast::<i32>().read_unaligned();
            _mm256_dpbusd_avx_epi32(sum, _mm256_set1_epi32(four), weights)
        }
    }

    #[inline(always)]
    unsafe fn store(sum: Self::Vector, factors: *const f32, to: *mut u8) {
        // SAFETY: the caller's.
        unsafe { store(sum, factors, to) }
    }
}

/// # Safety
/// As [`super::tile::TileFn`].
#[target_feature(enable = "avx2,avxvnni")]
unsafe fn tile<const R: usize, const P: usize, const V: usize, const APART: usize>(t: &Tile<'_>) {
    // SAFETY: the caller's.
    unsafe { super::tile::tile::<AvxVnni, R, P, V, APART>(t) }
}

/// # Safety
/// As [`super::tile::peak`].
#[target_feature(enable = "avx2,avxvnni")]
unsafe fn peak(turns: usize) {
    // SAFETY: the caller's.
    unsafe { super::tile::peak::<AvxVnni>(turns) }
}

/// # Safety
/// As [`ClassesFn`].
#[target_feature(enable = "avx2,avxvnni")]
unsafe fn classes(cells: &Cells<'_>, maps: &mut [f32]) {
    // SAFETY: the caller's.
    unsafe { super::classes::classes(cells, maps) }
}

/// # Safety
/// As [`PictureFn`].
#[target_feature(enable = "avx2,avxvnni")]
unsafe fn picture(pixels: &[u8], map: &Map, rows: Range<usize>, to: *mut u8, zero: u8) {
    // SAFETY: the caller's.
    unsafe { super::picture::picture(pixels, map, rows, to, zero) }
}

impl Kernel for AvxVnni {
    fn name(&self) -> &'static str {
        "avxvnni"
    }

    fn lanes(&self) -> usize {
        8
    }

    fn classes(&self) -> ClassesFn {
        classes
    }

    fn picture(&self) -> PictureFn {
        picture
    }

    fn shapes(&self) -> &'static [Shape] {
        shapes![
            (1, 1, 2),
            (1, 2, 2),
            (1, 3, 2),
            (1, 4, 2),
            (1, 5, 2),
            (1, 6, 2),
            (2, 1, 2),
            (2, 2, 2),
            (2, 3, 2)
        ]
    }

    fn peak(&self, turns: usize) -> Option<usize> {
        // SAFETY: `self` shows that the instructions are there.
        unsafe { peak(turns) };
        Some(turns * PEAK_SUMS * 8 * STEP)
    }
}
