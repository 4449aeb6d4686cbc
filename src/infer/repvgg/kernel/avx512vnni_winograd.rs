//! Winograd's filtering by `vpdpwssd`: 16 channels × two products of 16 bits at once.

use std::arch::asm;
use std::arch::x86_64::*;

use super::GROUP;
use super::avx512vnni::Avx512Vnni;
use super::tile::Isa;
use super::winograd::{PITCH, POSITIONS, Part, SPAN, TILE, block, input_bytes};

/// Bytes of a transformed pixel of a plane.
const WORDS: usize = 2 * GROUP;
/// Bytes of a vector.
const VECTOR: usize = 64;
/// Steps of a plane, each a pair of channels.
const PAIRS: usize = GROUP / 2;
/// Powers of two that are left, times 3, in the result's rows and columns.
const SHIFT: [u32; TILE] = [3, 2, 1, 1];
/// 1 / 9 in 32 bits.
const NINTH: i32 = 0x38e3_8e39;

/// # Safety
/// As [`super::winograd::WinogradFn`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub unsafe fn part(part: &Part<'_>) {
    // SAFETY: the caller's.
    unsafe {
        for plane in 0..part.from.planes {
            for tile in (0..part.tiles.len()).step_by(2) {
                input(part, plane, tile);
            }
        }
        match block(part.to.planes) {
            3 => blocks::<3>(part),
            2 => blocks::<2>(part),
            _ => blocks::<1>(part),
        }
    }
}

/// Transforms a plane of the part's `tile` and of the next one.
///
/// # Safety
/// As [`super::winograd::WinogradFn`].
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn input(part: &Part<'_>, plane: usize, tile: usize) {
    // SAFETY: the caller's; an odd tile at the end is taken twice, and there is room for two.
    unsafe {
        let across = part.from.width / TILE;
        let window = |tile: usize| {
            let n = part.tiles.start + tile;
            let at = part.from.window(1, n / across * TILE, n % across * TILE);
            part.input.add(plane * part.from.plane + at)
        };
        let (a, b) = (window(tile), window((tile + 1).min(part.tiles.len() - 1)));
        let mut rows = [[_mm512_setzero_si512(); SPAN]; SPAN];
        for (y, row) in rows.iter_mut().enumerate() {
            for (x, pixel) in row.iter_mut().enumerate() {
                let at = y * part.from.row + x * GROUP;
                let both = _mm256_inserti128_si256::<1>(
                    _mm256_castsi128_si256(_mm_loadu_si128(a.add(at).cast())),
                    _mm_loadu_si128(b.add(at).cast()),
                );
                *pixel = _mm512_cvtepu8_epi16(both);
            }
            *row = transform(*row);
        }
        let to = part.scratch.add((plane * PITCH + tile) * WORDS);
        let position = part.from.planes * PITCH * WORDS;
        for x in 0..SPAN {
            let column = transform(nth(&rows, x));
            for (y, value) in column.into_iter().enumerate() {
                _mm512_storeu_si512(to.add((y * SPAN + x) * position).cast(), value);
            }
        }
    }
}

/// Of each of six lines the same element.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn nth<const N: usize>(lines: &[[__m512i; N]; SPAN], n: usize) -> [__m512i; SPAN] {
    let [a, b, c, d, e, f] = lines;
    [a[n], b[n], c[n], d[n], e[n], f[n]]
}

/// `Bᵀ d`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn transform(d: [__m512i; SPAN]) -> [__m512i; SPAN] {
    let a = _mm512_sub_epi16(d[4], _mm512_slli_epi16::<2>(d[2]));
    let b = _mm512_sub_epi16(d[3], _mm512_slli_epi16::<2>(d[1]));
    let c = _mm512_sub_epi16(d[4], d[2]);
    let e = _mm512_sub_epi16(d[3], d[1]);
    let f = _mm512_slli_epi16::<2>(_mm512_sub_epi16(d[0], d[2]));
    let g = _mm512_sub_epi16(d[5], d[3]);
    let twice = _mm512_add_epi16(e, e);
    [
        _mm512_add_epi16(f, c),
        _mm512_add_epi16(a, b),
        _mm512_sub_epi16(a, b),
        _mm512_add_epi16(c, twice),
        _mm512_sub_epi16(c, twice),
        _mm512_sub_epi16(g, _mm512_slli_epi16::<2>(e)),
    ]
}

/// All output channels, `V` vectors at a time.
///
/// # Safety
/// As [`super::winograd::WinogradFn`].
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn blocks<const V: usize>(part: &Part<'_>) {
    // SAFETY: the caller's.
    unsafe {
        let count = part.tiles.len();
        let planes = part.from.planes;
        let sums = part.scratch.add(input_bytes(planes));
        // Sums of that many tiles lie in registers.
        let groups = count.div_ceil(27 / V.max(2));
        let mut weights = part.weights;
        for first in (0..part.to.planes).step_by(V) {
            for position in 0..POSITIONS {
                let bytes = planes * PAIRS * V * VECTOR;
                for group in 0..groups {
                    let tiles = count * group / groups..count * (group + 1) / groups;
                    let products = Products {
                        input: part
                            .scratch
                            .add((position * planes * PITCH + tiles.start) * WORDS),
                        planes,
                        weights,
                        ahead: weights.wrapping_add(bytes + group * bytes / groups),
                        sums: sums.add((tiles.start * POSITIONS + position) * V * VECTOR),
                    };
                    products.run::<V>(tiles.len());
                }
                weights = weights.add(bytes);
            }
            for tile in 0..count {
                for v in 0..V {
                    let from = sums.add((tile * POSITIONS * V + v) * VECTOR);
                    output::<V>(part, tile, first + v, from);
                }
            }
        }
    }
}

/// One position of some tiles.
struct Products {
    input: *const u8,
    planes: usize,
    weights: *const u8,
    /// Weights that are wanted soon. They need not exist.
    ahead: *const u8,
    sums: *mut u8,
}

impl Products {
    /// # Safety
    /// As [`super::winograd::WinogradFn`].
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    unsafe fn run<const V: usize>(&self, tiles: usize) {
        // SAFETY: the caller's; there is room for more tiles than a part has.
        unsafe {
            match (V, tiles) {
                (_, 0..=4) => self.tiles::<4, V>(),
                (_, 5..=6) => self.tiles::<6, V>(),
                (_, 7) => self.tiles::<7, V>(),
                (_, 8) => self.tiles::<8, V>(),
                (3, _) | (_, 9) => self.tiles::<9, V>(),
                (_, 10) => self.tiles::<10, V>(),
                (_, 11..=12) => self.tiles::<12, V>(),
                _ => self.tiles::<13, V>(),
            }
        }
    }

    /// # Safety
    /// As [`super::winograd::WinogradFn`].
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    unsafe fn tiles<const T: usize, const V: usize>(&self) {
        // SAFETY: the caller's.
        unsafe {
            let mut sums = [[_mm512_setzero_si512(); V]; T];
            let (mut input, mut weights, mut ahead) = (self.input, self.weights, self.ahead);
            for _ in 0..self.planes {
                for pair in 0..PAIRS {
                    _mm_prefetch::<_MM_HINT_T0>(ahead.cast());
                    ahead = ahead.wrapping_add(VECTOR);
                    let mut w = [_mm512_setzero_si512(); V];
                    for (v, w) in w.iter_mut().enumerate() {
                        *w = _mm512_loadu_si512(weights.add(v * VECTOR).cast());
                    }
                    weights = weights.add(V * VECTOR);
                    for (t, sums) in sums.iter_mut().enumerate() {
                        let two = input.add(t * WORDS + pair * 4).cast::<i32>().read_unaligned();
                        for (sum, w) in sums.iter_mut().zip(w) {
                            *sum = dot(*sum, _mm512_set1_epi32(two), w);
                        }
                    }
                }
                input = input.add(PITCH * WORDS);
            }
            for (t, sums) in sums.into_iter().enumerate() {
                for (v, sum) in sums.into_iter().enumerate() {
                    _mm512_storeu_si512(self.sums.add((t * POSITIONS * V + v) * VECTOR).cast(), sum);
                }
            }
        }
    }
}

/// To each lane of `sum`, two products. Of `_mm512_dpwssd_epi32` LLVM would make a `vpmaddwd` and a `vpaddd`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn dot(mut sum: __m512i, two: __m512i, weights: __m512i) -> __m512i {
    // SAFETY: the instruction is there, and reads and writes the named registers alone.
    unsafe {
        asm!(
            "vpdpwssd {sum}, {two}, {weights}",
            sum = inout(zmm_reg) sum,
            two = in(zmm_reg) two,
            weights = in(zmm_reg) weights,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    sum
}

/// From sums to the bytes of a tile's plane.
///
/// # Safety
/// As [`super::winograd::WinogradFn`].
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn output<const V: usize>(part: &Part<'_>, tile: usize, plane: usize, from: *const u8) {
    // SAFETY: the caller's.
    unsafe {
        let across = part.to.width / TILE;
        let n = part.tiles.start + tile;
        let at = part.to.at(n / across * TILE, n % across * TILE);
        let to = part.output.add(plane * part.to.plane + at);
        let mut columns = [[_mm512_setzero_si512(); TILE]; SPAN];
        for (x, column) in columns.iter_mut().enumerate() {
            let mut six = [_mm512_setzero_si512(); SPAN];
            for (y, sum) in six.iter_mut().enumerate() {
                *sum = _mm512_loadu_si512(from.add((y * SPAN + x) * V * VECTOR).cast());
            }
            *column = restore(six);
        }
        let bias = _mm512_loadu_si512(part.bias.as_ptr().add(plane * GROUP).cast());
        let factors = part.factors.as_ptr().add(plane * GROUP);
        macro_rules! row {
            ($y:literal) => {
                let [a, b, c, d] = restore(nth(&columns, $y));
                let four = [
                    sum::<{ SHIFT[$y] + SHIFT[0] }>(a, bias),
                    sum::<{ SHIFT[$y] + SHIFT[1] }>(b, bias),
                    sum::<{ SHIFT[$y] + SHIFT[2] }>(c, bias),
                    sum::<{ SHIFT[$y] + SHIFT[3] }>(d, bias),
                ];
                Avx512Vnni::store_four(four, factors, to.add($y * part.to.row));
            };
        }
        row!(0);
        row!(1);
        row!(2);
        row!(3);
    }
}

/// `Aᵀ m`, its rows times 24, 12, 6 and 6.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn restore(m: [__m512i; SPAN]) -> [__m512i; TILE] {
    let a = _mm512_add_epi32(m[1], m[2]);
    let b = _mm512_sub_epi32(m[1], m[2]);
    let c = _mm512_add_epi32(m[3], m[4]);
    let d = _mm512_sub_epi32(m[3], m[4]);
    let first = _mm512_sub_epi32(m[0], _mm512_slli_epi32::<2>(a));
    let last = _mm512_sub_epi32(m[5], b);
    [
        _mm512_add_epi32(first, c),
        _mm512_sub_epi32(d, _mm512_add_epi32(b, b)),
        _mm512_sub_epi32(c, a),
        _mm512_add_epi32(last, _mm512_add_epi32(d, d)),
    ]
}

/// The sum, of whose products the lower 32 bits of 9 · 2^`SHIFT` times are there.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn sum<const SHIFT: u32>(nine: __m512i, bias: __m512i) -> __m512i {
    let products = _mm512_mullo_epi32(nine, _mm512_set1_epi32(NINTH));
    _mm512_add_epi32(_mm512_srai_epi32::<SHIFT>(products), bias)
}
