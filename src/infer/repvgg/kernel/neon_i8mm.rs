//! NEON with the int8 matrix product: `usmmla`, 2 pixels × 2 channels × 8 activations at once (Armv8.6, optional from
//! Armv8.2: Neoverse V1, N2, Cortex-A510 and later). The first layer, whose windows have no 8 bytes in a row, takes
//! `sudot`.

use std::arch::aarch64::*;
use std::arch::{asm, is_aarch64_feature_detected};

use super::row::CHANNELS;
use super::tile::Tile;
use super::{GROUP, Kernel, STEP, Shape, shapes};

/// The kernel; its value shows that the processor has the instructions.
pub struct NeonI8mm(());

impl NeonI8mm {
    /// Where the processor has them.
    pub fn new() -> Option<Self> {
        is_aarch64_feature_detected!("i8mm").then_some(Self(()))
    }
}

/// Sums of 2 pixels × 8 channels.
type Pair = [int32x4_t; 4];

/// Bytes between windows where only single steps are.
const PICTURE: usize = super::APART[2];

/// # Safety
/// As [`super::tile::TileFn`].
#[expect(
    clippy::needless_range_loop,
    reason = "indices are constants once the loops are unrolled"
)]
#[target_feature(enable = "neon,i8mm")]
unsafe fn tile<const R: usize, const P: usize, const V: usize, const APART: usize>(t: &Tile<'_>) {
    // SAFETY: the caller vouches for the addresses and the instructions.
    unsafe {
        let bias: [[int32x4_t; 2]; V] = std::array::from_fn(|v| {
            let bias = vld1q_s32_x2(t.bias.add(v * CHANNELS));
            [bias.0, bias.1]
        });
        let sums = if APART == PICTURE {
            singles::<R, P, V>(t, bias)
        } else {
            chunks::<R, P, V, APART>(t, bias)
        };
        for v in 0..V {
            let factors = vld1q_f32_x2(t.factors.add(v * CHANNELS));
            // A plane begins at a multiple of GROUP bytes; a block of channels in it may not.
            let channel = t.output.addr() % GROUP + v * CHANNELS;
            let plane = t
                .output
                .sub(t.output.addr() % GROUP)
                .add(channel / GROUP * t.output_plane + channel % GROUP);
            for r in 0..R {
                for p in 0..P {
                    let requantize = |sum, factors| vcvtnq_u32_f32(vmulq_f32(vcvtq_f32_s32(sum), factors));
                    let low = requantize(sums[r][v][2 * p], factors.0);
                    let high = requantize(sums[r][v][2 * p + 1], factors.1);
                    let bytes = vqmovn_u16(vqmovn_high_u32(vqmovn_u32(low), high));
                    vst1_u8(plane.add(r * t.output_row + p * GROUP), bytes);
                }
            }
        }
    }
}

/// The sums of a tile of the first layer.
///
/// # Safety
/// As [`super::tile::TileFn`].
#[expect(
    clippy::needless_range_loop,
    reason = "indices are constants once the loops are unrolled"
)]
#[inline(always)]
unsafe fn singles<const R: usize, const P: usize, const V: usize>(
    t: &Tile<'_>,
    bias: [[int32x4_t; 2]; V],
) -> [[Pair; V]; R] {
    // SAFETY: the caller's.
    unsafe {
        let mut sums = [bias.map(|[low, high]| [low, high, low, high]); R];
        let mut weights = t.weights.cast::<i8>();
        for &offset in t.singles {
            let pixel: [[uint8x16_t; P]; R] = std::array::from_fn(|r| {
                let row = t.input.add(offset as usize + r * t.input_row);
                std::array::from_fn(|p| vld1q_u8(row.add(p * PICTURE)))
            });
            for v in 0..V {
                let w = vld1q_s8_x2(weights);
                weights = weights.add(CHANNELS * STEP);
                for r in 0..R {
                    for p in 0..P {
                        sums[r][v][2 * p] = sudot(sums[r][v][2 * p], w.0, pixel[r][p]);
                        sums[r][v][2 * p + 1] = sudot(sums[r][v][2 * p + 1], w.1, pixel[r][p]);
                    }
                }
            }
        }
        sums
    }
}

/// `usmmla` of two pixel pairs with the 8 channels of the next weights.
macro_rules! eight {
    ($top:literal, $bottom:literal, [$($a:literal $b:literal $w:literal),+]) => {
        concat!(
            "ld1 {{v28.16b-v31.16b}}, [{weights}], #64\n",
            $("usmmla v", $a, ".4s, v", $top, ".16b, v", $w, ".16b\n",
            "usmmla v", $b, ".4s, v", $bottom, ".16b, v", $w, ".16b\n",)+
        )
    };
}

/// The next column's two pixel pairs: the first 8 activations of both pixels in v24 and v26, the last 8 in v25 and v27.
macro_rules! pairs {
    (beside) => {
        concat!(
            "ld2 {{v24.2d, v25.2d}}, [{top}], {pixel}\n",
            "ld2 {{v26.2d, v27.2d}}, [{bottom}], {pixel} // not {apart}\n",
        )
    };
    (apart) => {
        concat!(
            "ldr q24, [{top}]\n ldr q28, [{top}, {apart}]\n",
            "ldr q26, [{bottom}]\n ldr q29, [{bottom}, {apart}]\n",
            "zip2 v25.2d, v24.2d, v28.2d\n zip1 v24.2d, v24.2d, v28.2d\n",
            "zip2 v27.2d, v26.2d, v29.2d\n zip1 v26.2d, v26.2d, v29.2d\n",
            "add {top}, {top}, {pixel}\n add {bottom}, {bottom}, {pixel}\n",
        )
    };
}

/// All of a window's rows for 8 channels in the registers of each list.
macro_rules! rows {
    ($pairs:ident, $t:ident, $apart:expr, $below:expr, $sums:ident, $($eight:tt)+) => {
        asm!(
            "2:",
            "ldr {top:w}, [{chunks}], #12",
            "add {top}, {input}, {top}",
            "add {bottom}, {top}, {below}",
            ".rept 3",
            pairs!($pairs),
            $(eight!(24, 26, $eight),)+
            $(eight!(25, 27, $eight),)+
            ".endr",
            "subs {rows}, {rows}, #1",
            "b.ne 2b",
            chunks = inout(reg) $t.chunks.as_ptr() => _,
            rows = inout(reg) $t.chunks.len() / 3 => _,
            weights = inout(reg) $t.weights => _,
            input = in(reg) $t.input,
            below = in(reg) $below,
            apart = in(reg) $apart,
            pixel = in(reg) GROUP,
            top = out(reg) _,
            bottom = out(reg) _,
            inout("v0") $sums[0], inout("v1") $sums[1], inout("v2") $sums[2], inout("v3") $sums[3],
            inout("v4") $sums[4], inout("v5") $sums[5], inout("v6") $sums[6], inout("v7") $sums[7],
            inout("v8") $sums[8], inout("v9") $sums[9], inout("v10") $sums[10], inout("v11") $sums[11],
            inout("v12") $sums[12], inout("v13") $sums[13], inout("v14") $sums[14], inout("v15") $sums[15],
            inout("v16") $sums[16], inout("v17") $sums[17], inout("v18") $sums[18], inout("v19") $sums[19],
            inout("v20") $sums[20], inout("v21") $sums[21], inout("v22") $sums[22], inout("v23") $sums[23],
            out("v24") _, out("v25") _, out("v26") _, out("v27") _,
            out("v28") _, out("v29") _, out("v30") _, out("v31") _,
            options(readonly, nostack)
        )
    };
}

/// The sums of a tile of another layer; a row or pixel that the tile does not have is computed as the one before it.
///
/// # Safety
/// As [`super::tile::TileFn`].
#[inline(always)]
unsafe fn chunks<const R: usize, const P: usize, const V: usize, const APART: usize>(
    t: &Tile<'_>,
    bias: [[int32x4_t; 2]; V],
) -> [[Pair; V]; R] {
    const { assert!(R <= 2 && P <= 2 && (V == 1 || V == 3)) };
    // Sums of the upper row's pixels are in registers of even number, those of the lower row's in odd.
    // SAFETY: the caller's. The block reads whole rows of chunks, of which every such layer has some, and their weights.
    unsafe {
        let mut sums = [vdupq_n_s32(0); 24];
        for (v, [low, high]) in bias.into_iter().enumerate() {
            let pairs = [
                first(low, low),
                second(low, low),
                first(high, high),
                second(high, high),
            ];
            for (n, pair) in pairs.into_iter().enumerate() {
                sums[8 * v + 2 * n] = pair;
                sums[8 * v + 2 * n + 1] = pair;
            }
        }
        let (below, apart) = ((R - 1) * t.input_row, (P - 1) * APART);
        match (V, apart) {
            (1, GROUP) => rows!(beside, t, apart, below, sums, [0 1 28, 2 3 29, 4 5 30, 6 7 31]),
            (1, _) => rows!(apart, t, apart, below, sums, [0 1 28, 2 3 29, 4 5 30, 6 7 31]),
            (_, GROUP) => rows!(
                beside, t, apart, below, sums,
                [0 1 28, 2 3 29, 4 5 30, 6 7 31]
                [8 9 28, 10 11 29, 12 13 30, 14 15 31]
                [16 17 28, 18 19 29, 20 21 30, 22 23 31]
            ),
            _ => rows!(
                apart, t, apart, below, sums,
                [0 1 28, 2 3 29, 4 5 30, 6 7 31]
                [8 9 28, 10 11 29, 12 13 30, 14 15 31]
                [16 17 28, 18 19 29, 20 21 30, 22 23 31]
            ),
        }
        let mut made = [bias.map(|[low, high]| [low, high, low, high]); R];
        for r in 0..R {
            for v in 0..V {
                let [a, b, c, d] = [0, 2, 4, 6].map(|n| sums[8 * v + n + r]);
                made[r][v] = [first(a, b), first(c, d), second(a, b), second(c, d)];
            }
        }
        made
    }
}

/// The lower halves of both.
#[inline(always)]
unsafe fn first(a: int32x4_t, b: int32x4_t) -> int32x4_t {
    // SAFETY: every aarch64 has NEON.
    unsafe { vreinterpretq_s32_s64(vzip1q_s64(vreinterpretq_s64_s32(a), vreinterpretq_s64_s32(b))) }
}

/// The upper halves of both.
#[inline(always)]
unsafe fn second(a: int32x4_t, b: int32x4_t) -> int32x4_t {
    // SAFETY: every aarch64 has NEON.
    unsafe { vreinterpretq_s32_s64(vzip2q_s64(vreinterpretq_s64_s32(a), vreinterpretq_s64_s32(b))) }
}

/// To each channel of `sum`, four weights × the first four activations of `pixel`.
///
/// # Safety
/// As [`super::tile::TileFn`].
#[inline(always)]
unsafe fn sudot(mut sum: int32x4_t, weights: int8x16_t, pixel: uint8x16_t) -> int32x4_t {
    // SAFETY: the caller vouches for the instruction, which touches nothing but its registers.
    unsafe {
        asm!(
            "sudot {sum:v}.4s, {weights:v}.16b, {pixel:v}.4b[0]",
            sum = inout(vreg) sum,
            weights = in(vreg) weights,
            pixel = in(vreg) pixel,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    sum
}

impl Kernel for NeonI8mm {
    fn name(&self) -> &'static str {
        "neon-i8mm"
    }

    fn lanes(&self) -> usize {
        CHANNELS
    }

    fn shapes(&self) -> &'static [Shape] {
        shapes![(1, 1, 1), (1, 2, 1), (2, 2, 1), (1, 1, 3), (1, 2, 3), (2, 2, 3)]
    }

    /// Eight weights of a channel side by side.
    fn arrange(&self, chunk: &mut [u8]) {
        let channels = chunk.len() / GROUP;
        let steps = chunk.to_vec();
        for (n, eight) in chunk.chunks_exact_mut(2 * STEP).enumerate() {
            let (half, channel) = (n / channels, n % channels);
            for (n, four) in eight.chunks_exact_mut(STEP).enumerate() {
                four.copy_from_slice(&steps[((2 * half + n) * channels + channel) * STEP..][..STEP]);
            }
        }
    }
}
