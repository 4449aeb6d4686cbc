//! The only unsafe code of the engine: instruction sets, and the buffers that they read and write.
//!
//! A new kernel is one file with an [`tile::Isa`] and a [`Kernel`], and a line in [`available`]. `SONOGRADE_KERNEL` forces one
//! by its name. All kernels give the same bytes.

mod classes;
pub mod lent;
mod memory;
pub mod net;
mod picture;
mod scalar;
mod tile;
pub mod winograd;
#[cfg(target_arch = "x86_64")]
mod amx;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512vnni;
#[cfg(target_arch = "x86_64")]
mod avx512vnni_winograd;
#[cfg(target_arch = "x86_64")]
mod avxvnni;
#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(target_arch = "aarch64")]
mod neon_dot;
#[cfg(target_arch = "aarch64")]
mod neon_i8mm;
#[cfg(target_arch = "aarch64")]
mod row;

pub use classes::ClassesFn;
pub use memory::LINE;
pub use picture::PictureFn;
pub use tile::{GROUP, STEP, TileFn};
use winograd::WinogradFn;

/// An instruction set that this machine has.
pub trait Kernel: Send + Sync {
    /// For logs, records and `SONOGRADE_KERNEL`.
    fn name(&self) -> &'static str;

    /// Channels of one vector.
    fn lanes(&self) -> usize;

    /// Neighbouring windows, 1 or 2, of which an instruction reads the same column at once, from [`GROUP`] bytes that lie side by
    /// side: of rows that are read with stride 2 even and odd columns lie apart.
    fn windows(&self) -> usize {
        1
    }

    /// Channels of a plane: all those of a pixel that an instruction reads at once.
    fn plane(&self) -> usize {
        GROUP / self.windows()
    }

    /// The tiles that it has functions for, among them one row × one pixel.
    fn shapes(&self) -> &'static [Shape];

    /// Whether two products beside each other are added up in 16 bits, so that weights must be split where they could
    /// saturate.
    fn saturates(&self) -> bool {
        false
    }

    /// Sums that must be in the making at once, or instructions wait for each other.
    fn in_flight(&self) -> usize {
        10
    }

    /// Brings a block's weights, step by step [`STEP`] for each of its `channels`, into the order in which the instructions read
    /// them, where all its steps are in chunks.
    fn arrange(&self, _weights: &mut [u8], _channels: usize) {}

    /// The class maps by its instructions.
    fn classes(&self) -> ClassesFn {
        classes::classes
    }

    /// The picture's copy by its instructions.
    fn picture(&self) -> PictureFn {
        picture::picture
    }

    /// Winograd's filtering by its instructions, if it is faster there. Such a kernel has [`GROUP`] channels in a vector and a plane.
    fn winograd(&self) -> Option<WinogradFn> {
        None
    }

    /// Does nothing but products, `turns` times some, and says how many; none where the compiler would see through it.
    fn peak(&self, turns: usize) -> Option<usize> {
        let _ = turns;
        None
    }

    /// What the activation 0 looks like: 128 where the instructions read signed bytes.
    fn zero(&self) -> u8 {
        0
    }
}

/// A tile's size, and the functions that compute it.
#[derive(Clone, Copy)]
pub struct Shape {
    /// Output rows.
    pub rows: usize,
    /// Output pixels of a row.
    pub pixels: usize,
    /// Vectors of output channels.
    pub vectors: usize,
    /// For windows [`APART`] bytes from each other, where a plane has [`GROUP`] channels.
    pub tiles: [TileFn; APART.len()],
}

/// Bytes between the windows of neighbouring output pixels: stride 1 and 2 of planes of [`GROUP`] channels (of a kernel that has more in a
/// plane, as many times more), and stride 2
/// of the picture, whose pixels are red, green, blue and nothing.
pub const APART: [usize; 3] = [GROUP, 2 * GROUP, 2 * STEP];

/// A list of shapes, each from a `tile` function of the calling module.
macro_rules! shapes {
    ($(($rows:literal, $pixels:literal, $vectors:literal)),+) => {
        &[$(Shape {
            rows: $rows,
            pixels: $pixels,
            vectors: $vectors,
            tiles: [
                tile::<$rows, $pixels, $vectors, { super::APART[0] }>,
                tile::<$rows, $pixels, $vectors, { super::APART[1] }>,
                tile::<$rows, $pixels, $vectors, { super::APART[2] }>,
            ],
        }),+]
    };
}
use shapes;

/// The kernels that this machine can run, fastest first.
pub fn available() -> Vec<Box<dyn Kernel>> {
    let mut kernels: Vec<Box<dyn Kernel>> = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        kernels.extend(amx::Amx::new().map(|k| Box::new(k) as Box<dyn Kernel>));
        kernels.extend(avx512vnni::Avx512Vnni::new().map(|k| Box::new(k) as Box<dyn Kernel>));
        kernels.extend(avxvnni::AvxVnni::new().map(|k| Box::new(k) as Box<dyn Kernel>));
        kernels.extend(avx2::Avx2::new().map(|k| Box::new(k) as Box<dyn Kernel>));
    }
    #[cfg(target_arch = "aarch64")]
    {
        kernels.extend(neon_i8mm::NeonI8mm::new().map(|k| Box::new(k) as Box<dyn Kernel>));
        kernels.extend(neon_dot::NeonDot::new().map(|k| Box::new(k) as Box<dyn Kernel>));
        kernels.push(Box::new(neon::Neon));
    }
    kernels.push(Box::new(scalar::Scalar));
    kernels
}

/// The fastest kernel of this machine, or the one that is named.
///
/// # Errors
/// The names that there are, if it is none of them.
pub fn choose(name: Option<&str>) -> Result<Box<dyn Kernel>, String> {
    let (mut found, mut names) = (None, Vec::new());
    for kernel in available() {
        names.push(kernel.name());
        if found.is_none() && name.is_none_or(|name| name == kernel.name()) {
            found = Some(kernel);
        }
    }
    let wanted = name.unwrap_or_default();
    found.ok_or_else(|| format!("no kernel {wanted} on this machine, only {}", names.join(", ")))
}
