//! Plain Rust: what a machine without any of the other kernels' instructions runs, and what they are compared with.

use super::tile::{Isa, STEP};
use super::{Kernel, Shape, shapes};

/// The kernel in plain Rust.
pub struct Scalar;

const LANES: usize = 8;

impl Isa for Scalar {
    const LANES: usize = LANES;
    type Vector = [i32; LANES];
    type Quad = *const u8;

    #[inline(always)]
    unsafe fn load(from: *const u8) -> Self::Vector {
        // SAFETY: the caller vouches for 4 · LANES bytes.
        unsafe { from.cast::<Self::Vector>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn quad(from: *const u8) -> Self::Quad {
        from
    }

    #[inline(always)]
    unsafe fn dot<const N: i32>(
        mut sum: Self::Vector,
        quad: Self::Quad,
        weights: Self::Vector,
    ) -> Self::Vector {
        // SAFETY: the caller vouches for 16 bytes.
        let activations = unsafe { quad.add(N as usize * STEP).cast::<[u8; STEP]>().read() };
        for (sum, weights) in sum.iter_mut().zip(weights) {
            for (w, a) in weights.to_ne_bytes().into_iter().zip(activations) {
                *sum += i32::from(w.cast_signed()) * i32::from(a);
            }
        }
        sum
    }

    #[inline(always)]
    unsafe fn store(sum: Self::Vector, factors: *const f32, to: *mut u8) {
        for (n, sum) in sum.into_iter().enumerate() {
            // SAFETY: the caller vouches for LANES factors and bytes.
            unsafe {
                let q = (sum as f32 * factors.add(n).read()).round_ties_even();
                to.add(n).write(q.clamp(0.0, 255.0) as u8);
            }
        }
    }
}

/// # Safety
/// As [`super::tile::TileFn`].
unsafe fn tile<const R: usize, const P: usize, const V: usize, const APART: usize>(
    t: &super::tile::Tile<'_>,
) {
    // SAFETY: the caller's.
    unsafe { super::tile::tile::<Scalar, R, P, V, APART>(t) }
}

impl Kernel for Scalar {
    fn name(&self) -> &'static str {
        "scalar"
    }

    fn lanes(&self) -> usize {
        LANES
    }

    fn shapes(&self) -> &'static [Shape] {
        shapes![(1, 1, 2), (1, 2, 2)]
    }
}
