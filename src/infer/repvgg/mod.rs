//! The int8 engine for RepVGG (Ding et al. 2021, 10.1109/CVPR46437.2021.01352): the whole network as one plan.
//!
//! Owning thread: whoever calls; further threads of its own split a layer if it is given more than one. It reads no file, no
//! clock, and allocates nothing for a frame but its results.
//!
//! Arithmetic, the same to the bit on every kernel: activations u8 with zero point 0, weights s8 in -127..127, sums in i32
//! that cannot overflow ([`plan::Plan::prove`]) and that no kernel saturates on the way, nor where it has fewer products
//! ([`winograd`]). Then
//! `q = min(max(round_half_even(f32(Σ w·x + b) · m), 0), 255)` with `m = s_in · s_w / s_out`, conversion, product and `m` each
//! rounded to f32. ReLU is the lower cut. The class maps are f32: for each cell, sixteen partial sums over the planes,
//! then their sum.

#[cfg(test)]
mod golden;
mod kernel;
mod lower;
mod pack;
mod plan;
mod pool;
mod run;
mod shape;
mod split;
mod stage;
#[cfg(test)]
mod tests;
mod winograd;

use super::chain::Network;
use super::{Layer, Outputs};
use kernel::Kernel;

/// Forces a kernel by its name.
const FORCE: &str = "SONOGRADE_KERNEL";

/// A RepVGG that is ready to run.
pub struct Engine {
    runner: run::Runner,
    kernel: Box<dyn Kernel>,
    name: String,
    layers: Vec<Layer>,
}

/// Why there is no engine.
pub enum Unfit {
    /// The network is not one that it can run.
    Network(String),
    /// This machine lacks the kernel that is asked for.
    Kernel(String),
}

/// The kernels that this machine can run, fastest first.
pub fn kernels() -> Vec<&'static str> {
    kernel::available().iter().map(|kernel| kernel.name()).collect()
}

impl Engine {
    /// Lowers and packs `network` for this machine, or for the kernel that is named.
    ///
    /// # Errors
    /// Why the engine cannot run it.
    pub fn new(network: &Network<'_>, threads: usize, kernel: Option<&str>) -> Result<Self, Unfit> {
        let forced = std::env::var(FORCE).ok();
        let kernel = kernel::choose(kernel.or(forced.as_deref())).map_err(Unfit::Kernel)?;
        let plan = lower::lower(network).map_err(Unfit::Network)?;
        let (mut height, mut width) = (plan.height, plan.width);
        let layers = plan.layers.iter().map(|layer| {
            (height, width) = (
                plan::strided(height, layer.stride),
                plan::strided(width, layer.stride),
            );
            let products = height * width * layer.outputs * layer.inputs * 9;
            Layer {
                name: layer.name.into(),
                products,
            }
        });
        Ok(Self {
            layers: layers.collect(),
            runner: run::Runner::new(&plan, &*kernel, threads),
            name: format!("repvgg {}", kernel.name()),
            kernel,
        })
    }

    /// How records name this engine: with the kernel.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Threads that work on a frame.
    pub fn threads(&self) -> usize {
        self.runner.threads()
    }

    /// What it runs, first to last.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Nothing but products: [`Kernel::peak`].
    pub fn peak(&self, turns: usize) -> Option<usize> {
        self.kernel.peak(turns)
    }

    /// Runs the network on `[3, height, width]` bytes.
    ///
    /// # Errors
    /// If there are more or fewer bytes.
    pub fn run(&self, pixels: &[u8]) -> Result<Outputs, String> {
        let (logits, maps) = self.runner.run(pixels)?;
        let logits = logits.try_into().map_err(|_| "not two classes")?;
        Ok(Outputs {
            logits,
            map: maps[maps.len() / 2..].to_vec(),
        })
    }

    /// Runs the body on the calling thread and says after each layer which one it was.
    ///
    /// # Errors
    /// If there are more or fewer bytes.
    pub fn step(&self, pixels: &[u8], mut after: impl FnMut(usize)) -> Result<(), String> {
        self.runner.layers(pixels, |layer, _, _| after(layer))
    }
}
