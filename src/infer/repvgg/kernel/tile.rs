//! The inner loop that all kernels share: a tile of output pixels × channels, from the first product to the bytes.
//!
//! A kernel gives it an [`Isa`]; the compiler makes one function for each instruction set and tile shape.

use super::memory::fetch;

/// Bytes of one step: the products that go into one lane of a vector at once.
pub const STEP: usize = 4;
/// Channels of a plane, which are a pixel's bytes in it, for most kernels.
pub const GROUP: usize = 16;
/// The most channels of a plane.
pub const WIDEST: usize = 64;
/// Steps of a chunk: one pixel of a plane of [`GROUP`] channels.
pub const CHUNK: usize = GROUP / STEP;

/// One tile's work: all addresses of one function call.
pub struct Tile<'a> {
    /// Where the window of the tile's first output pixel begins.
    pub input: *const u8,
    /// Bytes from an output row's windows to the next row's.
    pub input_row: usize,
    /// Whether the weights allow [`Isa::joint`].
    pub joint: bool,
    /// Offset from `input` of each run of steps that are all of a pixel's bytes in a plane: those of a window's first row, then the next.
    pub chunks: &'a [u32],
    /// How many of them, at their beginning, are the border's for the tile's first output row: left out, but where the border's bytes are 0 they
    /// need not be.
    pub top: usize,
    /// How many of them, at their end, are the border's for the tile's last output row.
    pub bottom: usize,
    /// Offset from `input` of each single step that follows.
    pub singles: &'a [u32],
    /// For each step, the weights of the tile's channels, [`STEP`] for each channel.
    pub weights: *const u8,
    /// Weights that are wanted soon: this tile's share of the next block's. They need not exist.
    pub ahead: *const u8,
    /// Bytes from one call of [`fetch`] to the next, of which each chunk makes [`FETCHES`].
    pub stride_ahead: usize,
    /// One for each channel of the tile, for what is not left out.
    pub bias: *const i32,
    /// One for each channel of the tile.
    pub factors: *const f32,
    /// Where the first pixel's first channel goes.
    pub output: *mut u8,
    /// Bytes from the first output pixel to the second.
    pub output_pixel: usize,
    /// Bytes from an output row to the next.
    pub output_row: usize,
    /// Bytes from a plane of output channels to the next.
    pub output_plane: usize,
}

/// Calls of [`fetch`] for each chunk.
pub const FETCHES: usize = 2;

/// Computes one tile.
///
/// # Safety
/// The processor has the instructions of the kernel that it belongs to; every address that the tile speaks of lies in
/// its buffer, with 16 bytes readable at each step's offset, or as many as a plane has channels if there are more; nobody else reads or writes its output meanwhile.
pub type TileFn = unsafe fn(&Tile<'_>);

/// The instructions that a tile is made of.
pub trait Isa {
    /// 32-bit lanes of a vector.
    const LANES: usize;
    /// Whether [`Isa::joint`] is more than four times [`Isa::dot`].
    const JOINT: bool = false;
    /// A vector of i32 sums, or of [`STEP`] weights for each of its channels.
    type Vector: Copy;
    /// [`GROUP`] activation bytes of one pixel, or where they are.
    type Quad: Copy;

    /// Reads [`Isa::LANES`] i32.
    ///
    /// # Safety
    /// As [`TileFn`].
    unsafe fn load(from: *const u8) -> Self::Vector;

    /// Reads [`GROUP`] activations.
    ///
    /// # Safety
    /// As [`TileFn`].
    unsafe fn quad(from: *const u8) -> Self::Quad;

    /// To each lane of `sum`, four weights × activations 4N to 4N+3.
    ///
    /// # Safety
    /// As [`TileFn`].
    unsafe fn dot<const N: i32>(sum: Self::Vector, quad: Self::Quad, weights: Self::Vector) -> Self::Vector;

    /// To each lane of `sum`, four weights × activations of each of four steps.
    ///
    /// # Safety
    /// As [`TileFn`].
    #[inline(always)]
    unsafe fn joint(sum: Self::Vector, quad: Self::Quad, weights: [Self::Vector; 4]) -> Self::Vector {
        // SAFETY: the caller's.
        unsafe {
            let sum = Self::dot::<0>(sum, quad, weights[0]);
            let sum = Self::dot::<1>(sum, quad, weights[1]);
            let sum = Self::dot::<2>(sum, quad, weights[2]);
            Self::dot::<3>(sum, quad, weights[3])
        }
    }

    /// Requantizes four neighbouring pixels.
    ///
    /// # Safety
    /// As [`TileFn`].
    #[inline(always)]
    unsafe fn store_four(sums: [Self::Vector; 4], factors: *const f32, to: *mut u8) {
        let [a, b, c, d] = sums;
        // SAFETY: the caller's.
        unsafe {
            Self::store(a, factors, to);
            Self::store(b, factors, to.add(GROUP));
            Self::store(c, factors, to.add(2 * GROUP));
            Self::store(d, factors, to.add(3 * GROUP));
        }
    }

    /// Requantizes to [`Isa::LANES`] bytes.
    ///
    /// # Safety
    /// As [`TileFn`].
    unsafe fn store(sum: Self::Vector, factors: *const f32, to: *mut u8);
}

/// `ROWS` × `PIXELS` output pixels of `VECTORS` vectors of channels; windows `APART` bytes from each other.
///
/// # Safety
/// As [`TileFn`].
#[expect(
    clippy::needless_range_loop,
    reason = "indices are constants once the loops are unrolled"
)]
#[inline(always)]
pub unsafe fn tile<
    I: Isa,
    const ROWS: usize,
    const PIXELS: usize,
    const VECTORS: usize,
    const APART: usize,
>(
    tile: &Tile<'_>,
) {
    // SAFETY: the caller vouches for the addresses and the instructions.
    unsafe {
        let mut sums = [[[I::load(tile.bias.cast()); VECTORS]; PIXELS]; ROWS];
        for v in 1..VECTORS {
            let bias = I::load(tile.bias.add(v * I::LANES).cast());
            for row in &mut sums {
                for pixel in row {
                    pixel[v] = bias;
                }
            }
        }
        let mut weights = tile.weights;
        macro_rules! step {
            ($n:literal, $quads:ident, $rows:expr) => {
                let mut w = [I::load(weights); VECTORS];
                for v in 1..VECTORS {
                    w[v] = I::load(weights.add(v * I::LANES * STEP));
                }
                weights = weights.add(VECTORS * I::LANES * STEP);
                for r in $rows {
                    for p in 0..PIXELS {
                        for v in 0..VECTORS {
                            sums[r][p][v] = I::dot::<$n>(sums[r][p][v], $quads[r][p], w[v]);
                        }
                    }
                }
            };
        }
        macro_rules! quads {
            ($offset:expr, $rows:expr) => {{
                let base = tile.input.add($offset as usize);
                let mut quads = [[I::quad(base); PIXELS]; ROWS];
                for r in $rows {
                    for p in 0..PIXELS {
                        quads[r][p] = I::quad(base.add(r * tile.input_row + p * APART));
                    }
                }
                quads
            }};
        }
        let mut ahead = tile.ahead;
        let mut fetches = || {
            for _ in 0..FETCHES {
                fetch(ahead);
                ahead = ahead.wrapping_add(tile.stride_ahead);
            }
        };
        macro_rules! chunks {
            ($chunks:expr, $rows:expr) => {
                if I::JOINT && tile.joint {
                    for &offset in $chunks {
                        fetches();
                        let quads = quads!(offset, $rows);
                        for v in 0..VECTORS {
                            let of =
                                |step: usize| I::load(weights.add((step * VECTORS + v) * I::LANES * STEP));
                            let four = [of(0), of(1), of(2), of(3)];
                            for r in $rows {
                                for p in 0..PIXELS {
                                    sums[r][p][v] = I::joint(sums[r][p][v], quads[r][p], four);
                                }
                            }
                        }
                        weights = weights.add(CHUNK * VECTORS * I::LANES * STEP);
                    }
                } else {
                    for &offset in $chunks {
                        fetches();
                        let quads = quads!(offset, $rows);
                        step!(0, quads, $rows);
                        step!(1, quads, $rows);
                        step!(2, quads, $rows);
                        step!(3, quads, $rows);
                    }
                }
            };
        }
        // Where a tile has one row, the weights' address alone moves on past what is the border's.
        let (top, chunks) = tile.chunks.split_at(tile.top);
        let (chunks, bottom) = chunks.split_at(chunks.len() - tile.bottom);
        chunks!(top, 1..ROWS);
        chunks!(chunks, 0..ROWS);
        chunks!(bottom, 0..ROWS - 1);
        for &offset in tile.singles {
            let quads = quads!(offset, 0..ROWS);
            step!(0, quads, 0..ROWS);
        }
        for v in 0..VECTORS {
            let channel = v * I::LANES;
            let factors = tile.factors.add(channel);
            let plane = tile
                .output
                .add(channel / GROUP * tile.output_plane + channel % GROUP);
            for r in 0..ROWS {
                for p in 0..PIXELS {
                    let to = plane.add(r * tile.output_row + p * GROUP);
                    if p % 4 == 0 && p + 3 < PIXELS {
                        let four = [
                            sums[r][p][v],
                            sums[r][p + 1][v],
                            sums[r][p + 2][v],
                            sums[r][p + 3][v],
                        ];
                        I::store_four(four, factors, to);
                    } else if p >= PIXELS / 4 * 4 {
                        I::store(sums[r][p][v], factors, to);
                    }
                }
            }
        }
    }
}

/// Sums of the loop that [`peak`] measures with: enough that none waits for another.
#[cfg(target_arch = "x86_64")]
pub const PEAK_SUMS: usize = 14;

/// Nothing but [`Isa::dot`], `turns` × [`PEAK_SUMS`] times, on registers.
///
/// # Safety
/// The processor has the instructions of `I`.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub unsafe fn peak<I: Isa>(turns: usize) {
    let bytes = std::hint::black_box([1u8; 64]);
    let factors = [1f32; 16];
    // SAFETY: 64 bytes and 16 factors are as much as a vector's loads and stores touch; the instructions are there.
    unsafe {
        let weights = I::load(bytes.as_ptr());
        let quad = I::quad(bytes.as_ptr());
        let mut sums = [weights; PEAK_SUMS];
        for _ in 0..turns {
            for sum in &mut sums {
                *sum = I::dot::<0>(*sum, quad, weights);
            }
        }
        let mut out = [0u8; 16];
        for sum in sums {
            I::store(sum, factors.as_ptr(), out.as_mut_ptr());
            std::hint::black_box(&out);
        }
    }
}
