//! AMX: `tdpbusd` multiplies 16 pixels × 64 bytes with 64 bytes × 16 channels at once (Xeon processors since Sapphire Rapids).
//!
//! A tile register takes neighbouring pixels of a plane of 64 channels from where they lie, another the weights as they are packed for all
//! kernels. What is done with the sums is AVX-512's. The border's rows are multiplied like all others.

use std::arch::asm;
use std::arch::x86_64::*;
use std::cell::Cell;
use std::mem::MaybeUninit;

use super::avx512vnni::{self, Avx512Vnni};
use super::tile::{FETCHES, GROUP, Isa, STEP, Tile, WIDEST};
use super::{ClassesFn, Kernel, PictureFn, Shape, shapes};

/// Rows of a tile register.
const ROWS: usize = 16;
/// Bytes of a row.
const ROW: usize = 64;
/// 32-bit lanes of a row.
const LANES: usize = ROW / 4;

/// The kernel; its value shows that the processor has the instructions and that this process may use them.
pub struct Amx(());

impl Amx {
    /// Where the processor has them, and the system lets them be used.
    pub fn new() -> Option<Self> {
        // Tiles and their products of bytes (Intel's manual, CPUID leaf 7).
        const FEATURES: u32 = 1 << 24 | 1 << 25;
        Avx512Vnni::new()?;
        let has = __cpuid_count(7, 0).edx & FEATURES == FEATURES;
        (has && permitted()).then_some(Self(()))
    }
}

/// Asks the system for room to keep tiles in when it switches threads, without which their first use ends the process (Linux, `arch/x86/xstate`).
fn permitted() -> bool {
    const ARCH_PRCTL: usize = 158;
    const ARCH_REQ_XCOMP_PERM: usize = 0x1023;
    const XTILEDATA: usize = 18;
    let mut answer = ARCH_PRCTL;
    // SAFETY: the call reads and writes no memory of this process; `syscall` changes the named registers alone.
    unsafe {
        asm!(
            "syscall",
            inout("rax") answer,
            in("rdi") ARCH_REQ_XCOMP_PERM,
            in("rsi") XTILEDATA,
            out("rcx") _,
            out("r11") _,
            options(nostack)
        );
    }
    answer == 0
}

/// What a thread's tile registers are set up for.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Setup {
    /// Pixels that are computed at once.
    pixels: u8,
    /// Bytes of each that a step takes.
    bytes: u8,
}

thread_local! {
    /// What this thread's are set up for. Nothing else in the process uses tile registers.
    static SETUP: Cell<Setup> = const { Cell::new(Setup { pixels: 0, bytes: 0 }) };
}

impl Setup {
    /// Sets up the tile registers: 0 and 1 for sums, 2 for pixels, 3 for weights. No more, for a core that has none to spare for what is loaded
    /// next, as it happens, takes 1.4 times as long with seven in use.
    ///
    /// # Safety
    /// The processor has the instructions.
    #[inline]
    unsafe fn apply(self) {
        if SETUP.get() == self {
            return;
        }
        let Self { pixels, bytes } = self;
        let sums = (pixels, ROW as u8);
        let weights = (bytes / STEP as u8, ROW as u8);
        // Palette 1; the bytes of each register's rows, of 16 bits, from byte 16 on; its rows from byte 48 on.
        let mut registers = [0u8; 64];
        registers[0] = 1;
        for (n, (rows, bytes)) in [sums, sums, (pixels, bytes), weights].into_iter().enumerate() {
            registers[16 + 2 * n] = bytes;
            registers[48 + n] = rows;
        }
        // SAFETY: the instruction reads the 64 bytes.
        unsafe { asm!("ldtilecfg [{}]", in(reg) &registers, options(nostack, preserves_flags)) };
        SETUP.set(self);
    }
}

/// For each pixel of a register the sums of a vector's channels.
#[repr(align(64))]
struct Sums([[i32; LANES]; ROWS]);

/// The sums of one or two output rows, a register for each, step by step.
macro_rules! products {
    ($tile:ident, $offsets:ident, $apart:ident, $sums:ident, $($register:literal),+) => {
        asm!(
            $(concat!("tilezero ", $register),)+
            "2:",
            "mov {from:e}, dword ptr [{offsets}]",
            "add {offsets}, {columns}",
            "add {from}, {input}",
            "tileloadd tmm3, [{weights} + {row}]",
            "add {weights}, {step}",
            $(
                "tileloadd tmm2, [{from} + {apart}]",
                "add {from}, {input_row}",
                concat!("tdpbusd ", $register, ", tmm2, tmm3"),
            )+
            "prefetcht1 byte ptr [{ahead}]",
            "add {ahead}, {stride}",
            "prefetcht1 byte ptr [{ahead}]",
            "add {ahead}, {stride}",
            "sub {left}, 1",
            "jnz 2b",
            $(
                concat!("tilestored [{sums} + {row}], ", $register),
                "add {sums}, {all}",
            )+
            columns = const COLUMNS * size_of::<u32>(),
            step = const bytes(COLUMNS) / STEP * ROW,
            all = const size_of::<Sums>(),
            row = in(reg) ROW,
            offsets = inout(reg) $offsets.as_ptr() => _,
            left = inout(reg) $offsets.len() / COLUMNS => _,
            input = in(reg) $tile.input,
            input_row = in(reg) $tile.input_row,
            apart = in(reg) $apart,
            weights = inout(reg) $tile.weights => _,
            ahead = inout(reg) $tile.ahead => _,
            stride = in(reg) $tile.stride_ahead,
            from = out(reg) _,
            sums = inout(reg) $sums => _,
            out("tmm0") _,
            out("tmm1") _,
            out("tmm2") _,
            out("tmm3") _,
            options(nostack)
        )
    };
}

/// Bytes of a pixel that a step takes: a column of a plane, or all three of the picture, which lie side by side.
const fn bytes(columns: usize) -> usize {
    if columns == 1 { WIDEST } else { columns * STEP }
}

/// `R` rows of so many pixels, where a step takes so many columns of a window.
///
/// # Safety
/// As [`super::tile::TileFn`]; at most two rows of [`ROWS`] pixels.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn run<const R: usize, const COLUMNS: usize>(tile: &Tile<'_>, pixels: usize, apart: usize) {
    const { assert!(FETCHES == 2) }
    let offsets = if COLUMNS == 1 { tile.chunks } else { tile.singles };
    let mut made = MaybeUninit::<[Sums; R]>::uninit();
    let sums = made.as_mut_ptr().cast::<Sums>();
    let setup = Setup {
        pixels: pixels as u8,
        bytes: bytes(COLUMNS) as u8,
    };
    // SAFETY: the caller vouches for the addresses and the instructions, and every layer has a step. The registers are set up for the pixels
    // whose sums are read then.
    unsafe {
        setup.apply();
        if R == 1 {
            products!(tile, offsets, apart, sums, "tmm0");
        } else {
            products!(tile, offsets, apart, sums, "tmm0", "tmm1");
        }
        let bias = _mm512_loadu_si512(tile.bias.cast());
        for y in 0..R {
            let from = &raw const (*sums.add(y)).0;
            let sum = |p: usize| _mm512_add_epi32(bias, _mm512_load_si512((&raw const (*from)[p]).cast()));
            let to = |p: usize| tile.output.add(y * tile.output_row + p * WIDEST);
            let fours = pixels / 4 * 4;
            for p in (0..fours).step_by(4) {
                let four = [sum(p), sum(p + 1), sum(p + 2), sum(p + 3)];
                let four = avx512vnni::requantize_four(four, tile.factors);
                _mm_storeu_si128(to(p).cast(), _mm512_extracti32x4_epi32::<0>(four));
                _mm_storeu_si128(to(p + 1).cast(), _mm512_extracti32x4_epi32::<1>(four));
                _mm_storeu_si128(to(p + 2).cast(), _mm512_extracti32x4_epi32::<2>(four));
                _mm_storeu_si128(to(p + 3).cast(), _mm512_extracti32x4_epi32::<3>(four));
            }
            for p in fours..pixels {
                Avx512Vnni::store(sum(p), tile.factors, to(p));
            }
        }
    }
}

/// # Safety
/// As [`super::tile::TileFn`].
unsafe fn tile<const R: usize, const P: usize, const V: usize, const APART: usize>(tile: &Tile<'_>) {
    const { assert!(R <= 2 && P <= ROWS && V == 1) }
    // SAFETY: the caller's.
    unsafe {
        if APART == super::APART[2] {
            run::<R, 3>(tile, P, APART);
        } else {
            run::<R, 1>(tile, P, APART / GROUP * WIDEST);
        }
    }
}

impl Kernel for Amx {
    fn name(&self) -> &'static str {
        "amx"
    }

    fn lanes(&self) -> usize {
        LANES
    }

    fn plane(&self) -> usize {
        WIDEST
    }

    fn classes(&self) -> ClassesFn {
        avx512vnni::classes
    }

    fn picture(&self) -> PictureFn {
        avx512vnni::picture
    }

    fn shapes(&self) -> &'static [Shape] {
        shapes![
            (1, 1, 1),
            (1, 2, 1),
            (1, 4, 1),
            (1, 5, 1),
            (1, 6, 1),
            (1, 7, 1),
            (1, 8, 1),
            (1, 10, 1),
            (1, 12, 1),
            (1, 14, 1),
            (1, 16, 1),
            (2, 1, 1),
            (2, 2, 1),
            (2, 4, 1),
            (2, 5, 1),
            (2, 6, 1),
            (2, 7, 1),
            (2, 8, 1),
            (2, 10, 1),
            (2, 12, 1),
            (2, 14, 1),
            (2, 16, 1)
        ]
    }

    fn peak(&self, turns: usize) -> Option<usize> {
        let setup = Setup {
            pixels: ROWS as u8,
            bytes: ROW as u8,
        };
        // SAFETY: `self` shows that the instructions are there; the registers are set up, and nothing else is read or written.
        unsafe {
            setup.apply();
            for _ in 0..turns {
                asm!(
                    "tdpbusd tmm0, tmm2, tmm3",
                    "tdpbusd tmm1, tmm2, tmm3",
                    out("tmm0") _,
                    out("tmm1") _,
                    options(nomem, nostack, preserves_flags)
                );
            }
        }
        Some(turns * 2 * ROWS * LANES * ROW)
    }
}
