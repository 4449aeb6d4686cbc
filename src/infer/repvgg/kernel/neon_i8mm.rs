//! NEON with the int8 matrix product: `usmmla`, 2 pixels × 2 channels × 8 activations at once (Armv8.6, optional from
//! Armv8.2: Neoverse V1, N2, Cortex-A510 and later).
//!
//! A plane has 8 channels, so that one load reads what eight neighbouring windows have in a column. A tile computes up to
//! eight pixels × 12 channels at a time, whose sums take 24 of the 32 registers; 24 channels take two turns.

use std::arch::aarch64::*;
use std::arch::{asm, is_aarch64_feature_detected};

use super::tile::Tile;
use super::{Kernel, STEP, Shape, shapes};

/// The kernel; its value shows that the processor has the instructions.
pub struct NeonI8mm(());

impl NeonI8mm {
    /// Where the processor has them.
    pub fn new() -> Option<Self> {
        is_aarch64_feature_detected!("i8mm").then_some(Self(()))
    }
}

/// Channels of a plane, of which an instruction reads two pixels' at once, and of a tile's vector.
const CHANNELS: usize = 8;

/// Sums of up to 4 pixel pairs × 6 channel pairs, pixel pair by pixel pair: each register 2 pixels × 2 channels.
type Sums = [int32x4_t; 24];

/// Of each pixel pair 4 channels, requantized and cut at 65535: 2 channels of both pixels, then the next 2.
type Words = [uint16x8_t; 4];

/// # Safety
/// As [`super::tile::TileFn`].
#[target_feature(enable = "neon,i8mm")]
unsafe fn tile<const R: usize, const P: usize, const V: usize, const APART: usize>(t: &Tile<'_>) {
    const { assert!(R == 1 && P >= 1 && P <= 8 && (V == 1 || V == 3)) };
    // SAFETY: the caller vouches for the addresses and the instructions.
    unsafe {
        let mut first = sums::<P, V, APART>(t, 0);
        let a = words::<V, 0>(&first, t.factors);
        let b = words::<V, 2>(&first, t.factors.add(4));
        store::<P>(t, t.output, a, b);
        if V == 3 {
            let third = words::<V, 4>(&first, t.factors.add(8));
            first = sums::<P, V, APART>(t, 1);
            let fourth = words::<V, 0>(&first, t.factors.add(12));
            store::<P>(t, t.output.add(t.output_plane), third, fourth);
            let a = words::<V, 2>(&first, t.factors.add(16));
            let b = words::<V, 4>(&first, t.factors.add(20));
            store::<P>(t, t.output.add(2 * t.output_plane), a, b);
        }
    }
}

/// Requantizes the channel pairs `FIRST` and the next.
///
/// # Safety
/// As [`super::tile::TileFn`]; 4 factors are there.
#[inline(always)]
unsafe fn words<const V: usize, const FIRST: usize>(sums: &Sums, factors: *const f32) -> Words {
    // SAFETY: the caller's.
    unsafe {
        let factors = vld2q_dup_f64(factors.cast());
        let (a, b) = (vreinterpretq_f32_f64(factors.0), vreinterpretq_f32_f64(factors.1));
        let requantize = |sum, factors| vcvtnq_u32_f32(vmulq_f32(vcvtq_f32_s32(sum), factors));
        std::array::from_fn(|pair| {
            let at = pair * channel_pairs(V) + FIRST;
            vqmovn_high_u32(vqmovn_u32(requantize(sums[at], a)), requantize(sums[at + 1], b))
        })
    }
}

/// Channel pairs of a turn of a tile of `vectors`.
const fn channel_pairs(vectors: usize) -> usize {
    if vectors == 1 { 4 } else { 6 }
}

/// Stores `P` pixels of a plane, whose channels 0 to 3 and 4 to 7 are given.
///
/// # Safety
/// As [`super::tile::TileFn`].
#[inline(always)]
unsafe fn store<const P: usize>(t: &Tile<'_>, to: *mut u8, low: Words, high: Words) {
    // SAFETY: the caller's.
    unsafe {
        store_four::<P, 0>(t, to, low, high);
        if P > 4 {
            store_four::<P, 4>(t, to, low, high);
        }
    }
}

/// Stores the pixel `FIRST` of `P` and up to three that follow.
///
/// # Safety
/// As [`super::tile::TileFn`].
#[inline(always)]
unsafe fn store_four<const P: usize, const FIRST: usize>(t: &Tile<'_>, to: *mut u8, low: Words, high: Words) {
    // SAFETY: the caller's.
    unsafe {
        let bytes = |pair: usize| vreinterpretq_u16_u8(vqmovn_high_u16(vqmovn_u16(low[pair]), high[pair]));
        let a = bytes(FIRST / 2);
        let b = if FIRST + 2 < P { bytes(FIRST / 2 + 1) } else { a };
        // Pixels 0 and 2, then 1 and 3.
        let even = vreinterpretq_u64_u16(vuzp1q_u16(a, b));
        let odd = vreinterpretq_u64_u16(vuzp2q_u16(a, b));
        if t.output_pixel == CHANNELS {
            let to = to.add(FIRST * CHANNELS).cast::<u64>();
            match P - FIRST {
                1 => vst1q_lane_u64::<0>(to, even),
                2 => vst2q_lane_u64::<0>(to, uint64x2x2_t(even, odd)),
                3 => {
                    vst2q_lane_u64::<0>(to, uint64x2x2_t(even, odd));
                    vst1q_lane_u64::<1>(to.add(2), even);
                }
                _ => vst2q_u64(to, uint64x2x2_t(even, odd)),
            }
        } else {
            let to = to.add(FIRST / 2 * CHANNELS);
            let (to, beside) = (to.cast::<u64>(), to.wrapping_add(t.output_pixel).cast::<u64>());
            match P - FIRST {
                1 | 2 => vst1q_lane_u64::<0>(to, even),
                _ => vst1q_u64(to, even),
            }
            match P - FIRST {
                1 => {}
                2 | 3 => vst1q_lane_u64::<0>(beside, odd),
                _ => vst1q_u64(beside, odd),
            }
        }
    }
}

/// Sums of the pixel pairs with the 2 channels of each register of weights.
macro_rules! multiply {
    (@ $weights:literal [$($pair:literal)+] [$($sum:literal)+]) => {
        concat!($("usmmla v", $sum, ".4s, v", $pair, ".16b, v", $weights, ".16b\n",)+)
    };
    ($pairs:tt $($weights:literal $sums:tt)+) => {
        concat!($(multiply!(@ $weights $pairs $sums),)+)
    };
}

/// The next column's pixel pairs; then the address moves on by a step.
macro_rules! pairs {
    ([$($pair:literal)+] $step:literal) => {
        concat!("ld1 {{", pairs!(@ $($pair)+), "}}, [{windows}], {", $step, "}\n")
    };
    (@ $only:literal) => { concat!("v", $only, ".16b") };
    (@ $first:literal $($other:literal)+) => { concat!("v", $first, ".16b, ", pairs!(@ $($other)+)) };
}

/// The next weights, of 4 channel pairs.
macro_rules! weights {
    () => {
        "ld1 {{v28.16b-v31.16b}}, [{weights}], #64\n"
    };
}

/// 4 channel pairs: sums that begin with the bias, and a window's columns.
macro_rules! four {
    (begin [$($a:literal)+] $b:tt $c:tt [$($d:literal)+]) => {
        concat!($("ld4r {{v", $a, ".2d-v", $d, ".2d}}, [{bias}]\n",)+)
    };
    (planes $pairs:tt $($sums:tt)+) => {
        four!(columns $pairs [$($sums)+] "one" "two" "plane" "one" "two" "plane")
    };
    (picture $pairs:tt $($sums:tt)+) => {
        four!(columns $pairs [$($sums)+] "one" "plane")
    };
    (columns $pairs:tt $sums:tt $($step:literal)+) => {
        concat!($(pairs!($pairs $step), weights!(), four!(column $pairs $sums),)+)
    };
    (column $pairs:tt [$a:tt $b:tt $c:tt $d:tt]) => {
        multiply!($pairs 28 $a 29 $b 30 $c 31 $d)
    };
}

/// 6 channel pairs, likewise; two columns take three loads of weights.
macro_rules! six {
    (begin [$($a:literal)+] $b:tt $c:tt [$($d:literal)+] [$($e:literal)+] [$($f:literal)+]) => {
        concat!($(
            "ld4r {{v", $a, ".2d-v", $d, ".2d}}, [{bias}]\n",
            "ld2r {{v", $e, ".2d, v", $f, ".2d}}, [{last_bias}]\n",
        )+)
    };
    (planes $pairs:tt $($sums:tt)+) => {
        six!(columns $pairs [$($sums)+] ["one" "two"] ["plane" "one"] ["two" "plane"])
    };
    (picture $pairs:tt $($sums:tt)+) => {
        six!(columns $pairs [$($sums)+] ["one" "plane"])
    };
    (columns $pairs:tt $sums:tt $($steps:tt)+) => {
        concat!($(six!(both $pairs $sums $steps),)+)
    };
    (both $pairs:tt [$a:tt $b:tt $c:tt $d:tt $e:tt $f:tt] [$one:literal $two:literal]) => {
        concat!(
            pairs!($pairs $one), weights!(), multiply!($pairs 28 $a 29 $b 30 $c 31 $d),
            weights!(), multiply!($pairs 28 $e 29 $f),
            pairs!($pairs $two), multiply!($pairs 30 $a 31 $b),
            weights!(), multiply!($pairs 28 $c 29 $d 30 $e 31 $f),
        )
    };
}

/// A window's sums: of the picture or, two by two, of planes; `$channels` is [`four!`] or [`six!`]; then the registers of the
/// pixel pairs, and of each channel pair's sums.
macro_rules! window {
    ($picture:expr, $($rest:tt)+) => {
        if $picture {
            window!(@ picture $($rest)+)
        } else {
            window!(@ planes $($rest)+)
        }
    };
    (@ $kind:ident ($window:ident $sums:ident) $channels:ident $pairs:tt $($registers:tt)+) => {
        asm!(
            $channels!(begin $($registers)+),
            "2:",
            $channels!($kind $pairs $($registers)+),
            "subs {left}, {left}, #1",
            "b.ne 2b",
            "mov {left}, {turns}",
            "add {windows}, {windows}, {row}",
            "subs {rows}, {rows}, #1",
            "b.ne 2b",
            "// not all use {last_bias}, {two}",
            left = inout(reg) $window.turns => _,
            turns = in(reg) $window.turns,
            rows = inout(reg) $window.rows => _,
            windows = inout(reg) $window.input => _,
            weights = inout(reg) $window.weights => _,
            bias = in(reg) $window.bias,
            last_bias = in(reg) $window.bias.wrapping_add(CHANNELS),
            one = in(reg) $window.one,
            two = in(reg) $window.two,
            plane = in(reg) $window.plane,
            row = in(reg) $window.row,
            out("v0") $sums[0], out("v1") $sums[1], out("v2") $sums[2], out("v3") $sums[3],
            out("v4") $sums[4], out("v5") $sums[5], out("v6") $sums[6], out("v7") $sums[7],
            out("v8") $sums[8], out("v9") $sums[9], out("v10") $sums[10], out("v11") $sums[11],
            out("v12") $sums[12], out("v13") $sums[13], out("v14") $sums[14], out("v15") $sums[15],
            out("v16") $sums[16], out("v17") $sums[17], out("v18") $sums[18], out("v19") $sums[19],
            out("v20") $sums[20], out("v21") $sums[21], out("v22") $sums[22], out("v23") $sums[23],
            out("v24") _, out("v25") _, out("v26") _, out("v27") _,
            out("v28") _, out("v29") _, out("v30") _, out("v31") _,
            options(readonly, nostack)
        )
    };
}

/// What a turn reads, for [`window!`].
struct Window {
    /// Where its first row's first column lies.
    input: *const u8,
    weights: *const u8,
    bias: *const i32,
    /// Rows that are not the border's.
    rows: usize,
    /// How often two planes of a row are read, or once the picture's.
    turns: usize,
    /// Bytes from a plane's first column to the second, on to the third, and on to the next plane. The picture has two columns, and what
    /// `plane` adds there `row` takes back.
    one: usize,
    two: usize,
    plane: usize,
    /// From where the plane after the last would lie to the next row.
    row: usize,
}

impl Window {
    /// For a turn's `channels`.
    ///
    /// # Safety
    /// As [`super::tile::TileFn`]; `turn` as many channels are before these.
    #[inline(always)]
    unsafe fn new(t: &Tile<'_>, picture: bool, channels: usize, turn: usize) -> Self {
        let all = t.chunks.len();
        let columns = all / 3;
        // SAFETY: the caller's. The picture has six chunks, everything else eighteen or a multiple of that.
        unsafe {
            let at = |n: usize| *t.chunks.as_ptr().add(n) as usize;
            let step = |n: usize| at(n + 1).wrapping_sub(at(n));
            let [two, plane] = if picture { [0, step(0)] } else { [1, 2].map(step) };
            Self {
                input: t.input.add(at(t.top)),
                weights: t.weights.add((turn * all + t.top) * CHANNELS * channels),
                bias: t.bias.add(turn * channels),
                rows: 3 - (t.top + t.bottom) / columns,
                turns: columns.div_ceil(6),
                one: step(0),
                two,
                plane,
                row: step(columns - 1).wrapping_sub(plane),
            }
        }
    }
}

/// The sums of `P` pixels (an odd one's pair is computed too) for a turn's channels.
///
/// # Safety
/// As [`super::tile::TileFn`].
#[inline(always)]
unsafe fn sums<const P: usize, const V: usize, const APART: usize>(t: &Tile<'_>, turn: usize) -> Sums {
    let picture = APART == super::APART[2];
    // SAFETY: the caller's; the block reads what the window says.
    unsafe {
        let w = Window::new(t, picture, 2 * channel_pairs(V), turn);
        let mut s = [vdupq_n_s32(0); 24];
        match (channel_pairs(V), P.div_ceil(2)) {
            (4, 1) => window!(picture, (w s) four [24] [0] [1] [2] [3]),
            (4, 2) => window!(picture, (w s) four [24 25] [0 4] [1 5] [2 6] [3 7]),
            (4, 3) => {
                window!(picture, (w s) four [24 25 26] [0 4 8] [1 5 9] [2 6 10] [3 7 11])
            }
            (4, _) => window!(
                picture, (w s) four [24 25 26 27]
                [0 4 8 12] [1 5 9 13] [2 6 10 14] [3 7 11 15]
            ),
            (_, 1) => window!(picture, (w s) six [24] [0] [1] [2] [3] [4] [5]),
            (_, 2) => window!(
                picture, (w s) six [24 25]
                [0 6] [1 7] [2 8] [3 9] [4 10] [5 11]
            ),
            (_, 3) => window!(
                picture, (w s) six [24 25 26]
                [0 6 12] [1 7 13] [2 8 14] [3 9 15] [4 10 16] [5 11 17]
            ),
            _ => window!(
                picture, (w s) six [24 25 26 27]
                [0 6 12 18] [1 7 13 19] [2 8 14 20] [3 9 15 21] [4 10 16 22] [5 11 17 23]
            ),
        }
        s
    }
}

impl Kernel for NeonI8mm {
    fn name(&self) -> &'static str {
        "neon-i8mm"
    }

    fn lanes(&self) -> usize {
        CHANNELS
    }

    fn windows(&self) -> usize {
        2
    }

    fn shapes(&self) -> &'static [Shape] {
        shapes![
            (1, 8, 3),
            (1, 7, 3),
            (1, 6, 3),
            (1, 5, 3),
            (1, 4, 3),
            (1, 3, 3),
            (1, 2, 3),
            (1, 1, 3),
            (1, 8, 1),
            (1, 7, 1),
            (1, 6, 1),
            (1, 5, 1),
            (1, 4, 1),
            (1, 3, 1),
            (1, 2, 1),
            (1, 1, 1)
        ]
    }

    /// Turn by turn: 12 of 24 channels, or 8. Eight weights of a channel side by side.
    fn arrange(&self, weights: &mut [u8], channels: usize) {
        let steps = weights.to_vec();
        let turn = if channels == CHANNELS {
            CHANNELS
        } else {
            channels / 2
        };
        let eights = steps.len() / (2 * STEP * channels);
        for (n, eight) in weights.chunks_exact_mut(2 * STEP).enumerate() {
            let channel = n / (turn * eights) * turn + n % turn;
            let first = n / turn % eights * 2;
            for (n, four) in eight.chunks_exact_mut(STEP).enumerate() {
                four.copy_from_slice(&steps[((first + n) * channels + channel) * STEP..][..STEP]);
            }
        }
    }
}
