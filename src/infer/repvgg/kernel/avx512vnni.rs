//! AVX-512 with VNNI: `vpdpbusd` on 16 channels at once (Ice Lake, Sapphire Rapids, Zen 4 and later).

use std::arch::x86_64::*;
use std::ops::Range;

use super::classes::Cells;
use super::tile::{Isa, PEAK_SUMS, STEP, Tile};
use super::winograd::WinogradFn;
use super::{ClassesFn, Kernel, PictureFn, Shape, shapes};
use crate::infer::repvgg::pack::Map;

/// The kernel; its value shows that the processor has the instructions.
pub struct Avx512Vnni(());

impl Avx512Vnni {
    /// Where the processor has them.
    pub fn new() -> Option<Self> {
        let has = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512vnni");
        has.then_some(Self(()))
    }
}

impl Isa for Avx512Vnni {
    const LANES: usize = 16;
    type Vector = __m512i;
    type Quad = *const u8;

    #[inline(always)]
    unsafe fn load(from: *const u8) -> Self::Vector {
        // SAFETY: the caller's.
        unsafe { _mm512_loadu_si512(from.cast()) }
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
            _mm512_dpbusd_epi32(sum, _mm512_set1_epi32(four), weights)
        }
    }

    #[inline(always)]
    unsafe fn store(sum: Self::Vector, factors: *const f32, to: *mut u8) {
        // SAFETY: the caller's.
        unsafe {
            let q = _mm512_max_epi32(requantize(sum, _mm512_loadu_ps(factors)), _mm512_setzero_si512());
            _mm_storeu_si128(to.cast(), _mm512_cvtusepi32_epi8(q));
        }
    }

    #[inline(always)]
    unsafe fn store_four(sums: [Self::Vector; 4], factors: *const f32, to: *mut u8) {
        // SAFETY: the caller's.
        unsafe {
            _mm512_storeu_si512(to.cast(), requantize_four(sums, factors));
        }
    }
}

/// The bytes of four pixels.
///
/// # Safety
/// As [`super::tile::TileFn`].
#[inline(always)]
pub unsafe fn requantize_four(sums: [__m512i; 4], factors: *const f32) -> __m512i {
    // SAFETY: the caller's.
    unsafe {
        let factors = _mm512_loadu_ps(factors);
        let [a, b, c, d] = sums;
        // The packs cut to 0..255 and leave each pixel's channels in four parts.
        let ab = _mm512_packs_epi32(requantize(a, factors), requantize(b, factors));
        let cd = _mm512_packs_epi32(requantize(c, factors), requantize(d, factors));
        let parts = _mm512_packus_epi16(ab, cd);
        let order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
        _mm512_permutexvar_epi32(order, parts)
    }
}

/// # Safety
/// The processor has AVX-512.
#[inline(always)]
unsafe fn requantize(sum: __m512i, factors: __m512) -> __m512i {
    // SAFETY: the caller's.
    unsafe { _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_cvtepi32_ps(sum), factors)) }
}

/// # Safety
/// As [`super::tile::TileFn`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn tile<const R: usize, const P: usize, const V: usize, const APART: usize>(t: &Tile<'_>) {
    // SAFETY: the caller's.
    unsafe { super::tile::tile::<Avx512Vnni, R, P, V, APART>(t) }
}

/// # Safety
/// As [`super::tile::peak`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn peak(turns: usize) {
    // SAFETY: the caller's.
    unsafe { super::tile::peak::<Avx512Vnni>(turns) }
}

/// # Safety
/// As [`ClassesFn`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub unsafe fn classes(cells: &Cells<'_>, maps: &mut [f32]) {
    // SAFETY: the caller's.
    unsafe { super::classes::classes(cells, maps) }
}

/// # Safety
/// As [`PictureFn`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub unsafe fn picture(pixels: &[u8], map: &Map, rows: Range<usize>, to: *mut u8, zero: u8) {
    // SAFETY: the caller's.
    unsafe { super::picture::picture(pixels, map, rows, to, zero) }
}

impl Kernel for Avx512Vnni {
    fn name(&self) -> &'static str {
        "avx512vnni"
    }

    fn lanes(&self) -> usize {
        16
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
            (1, 4, 1),
            (1, 8, 1),
            (1, 14, 1),
            (1, 1, 2),
            (1, 2, 2),
            (1, 3, 2),
            (1, 4, 2),
            (1, 5, 2),
            (1, 6, 2),
            (1, 7, 2),
            (1, 8, 2),
            (1, 9, 2),
            (1, 10, 2),
            (1, 12, 2),
            (1, 14, 2),
            (2, 1, 2),
            (2, 2, 2),
            (2, 3, 2),
            (2, 4, 2),
            (2, 5, 2),
            (2, 6, 2),
            (2, 7, 2),
            (1, 1, 3),
            (1, 2, 3),
            (1, 4, 3),
            (1, 6, 3),
            (1, 7, 3),
            (1, 8, 3),
            (1, 9, 3)
        ]
    }

    fn winograd(&self) -> Option<WinogradFn> {
        Some(super::avx512vnni_winograd::part)
    }

    fn peak(&self, turns: usize) -> Option<usize> {
        // SAFETY: `self` shows that the instructions are there.
        unsafe { peak(turns) };
        Some(turns * PEAK_SUMS * 16 * STEP)
    }
}
