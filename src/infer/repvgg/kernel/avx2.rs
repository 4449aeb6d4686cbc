//! AVX2: `vpmaddubsw`, which adds two products in 16 bits and would saturate there. [`Kernel::saturates`] has the weights
//! split where it could, so that the sums are exact.

use std::arch::x86_64::*;
use std::ops::Range;

use super::classes::Cells;
use super::tile::{Isa, STEP, Tile};
use super::{ClassesFn, Kernel, PictureFn, Shape, shapes};
use crate::infer::repvgg::pack::Map;

/// The kernel; its value shows that the processor has the instructions.
pub struct Avx2(());

impl Avx2 {
    /// Where the processor has them.
    pub fn new() -> Option<Self> {
        is_x86_feature_detected!("avx2").then_some(Self(()))
    }
}

impl Isa for Avx2 {
    const LANES: usize = 8;
    const JOINT: bool = true;
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
            let pairs = _mm256_maddubs_epi16(_mm256_set1_epi32(four), weights);
            _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))
        }
    }

    #[inline(always)]
    unsafe fn joint(sum: Self::Vector, quad: Self::Quad, weights: [Self::Vector; 4]) -> Self::Vector {
        // SAFETY: the caller's.
        unsafe {
            let pairs = |n: usize| {
                let four = quad.add(n * STEP).cast::<i32>().read_unaligned();
                _mm256_maddubs_epi16(_mm256_set1_epi32(four), weights[n])
            };
            let (a, b) = (
                _mm256_add_epi16(pairs(0), pairs(1)),
                _mm256_add_epi16(pairs(2), pairs(3)),
            );
            _mm256_add_epi32(
                sum,
                _mm256_madd_epi16(_mm256_add_epi16(a, b), _mm256_set1_epi16(1)),
            )
        }
    }

    #[inline(always)]
    unsafe fn store(sum: Self::Vector, factors: *const f32, to: *mut u8) {
        // SAFETY: the caller's.
        unsafe { store(sum, factors, to) }
    }
}

/// Requantizes 8 sums.
///
/// # Safety
/// As [`super::tile::TileFn`].
#[inline(always)]
pub unsafe fn store(sum: __m256i, factors: *const f32, to: *mut u8) {
    // SAFETY: the caller's.
    unsafe {
        let q = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_cvtepi32_ps(sum), _mm256_loadu_ps(factors)));
        let words = _mm_packs_epi32(_mm256_castsi256_si128(q), _mm256_extracti128_si256::<1>(q));
        _mm_storel_epi64(to.cast(), _mm_packus_epi16(words, words));
    }
}

/// # Safety
/// As [`super::tile::TileFn`].
#[target_feature(enable = "avx2")]
unsafe fn tile<const R: usize, const P: usize, const V: usize, const APART: usize>(t: &Tile<'_>) {
    // SAFETY: the caller's.
    unsafe { super::tile::tile::<Avx2, R, P, V, APART>(t) }
}

/// # Safety
/// As [`ClassesFn`].
#[target_feature(enable = "avx2")]
unsafe fn classes(cells: &Cells<'_>, maps: &mut [f32]) {
    // SAFETY: the caller's.
    unsafe { super::classes::classes(cells, maps) }
}

/// # Safety
/// As [`PictureFn`].
#[target_feature(enable = "avx2")]
unsafe fn picture(pixels: &[u8], map: &Map, rows: Range<usize>, to: *mut u8, zero: u8) {
    // SAFETY: the caller's.
    unsafe { super::picture::picture(pixels, map, rows, to, zero) }
}

impl Kernel for Avx2 {
    fn name(&self) -> &'static str {
        "avx2"
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
        1
    }

    fn saturates(&self) -> bool {
        true
    }
}
