//! The int8 engine for RepVGG (Ding et al. 2021, 10.1109/CVPR46437.2021.01352): the whole network as one plan.
//!
//! Owning thread: whoever calls; further threads of its own split a layer if it is given more than one. It reads no file, no
//! clock, and allocates nothing for a frame but its results.
//!
//! Arithmetic, the same to the bit on every kernel: activations u8 with zero point 0, weights s8 in -127..127, sums in i32
//! that cannot overflow ([`plan::Plan::prove`]) and that no kernel saturates on the way. Then
//! `q = min(max(round_half_even(f32(Σ w·x + b) · m), 0), 255)` with `m = s_in · s_w / s_out`, conversion, product and `m` each
//! rounded to f32. ReLU is the lower cut. The class maps are f32: for each cell, sixteen partial sums over the planes,
//! then their sum.

mod kernel;
mod lower;
mod pack;
mod plan;
mod pool;
mod run;
mod shape;
mod split;
#[cfg(test)]
mod tests;

use super::Outputs;
use super::chain::Network;

/// Forces a kernel by its name.
pub const FORCE: &str = "SONOGRADE_KERNEL";

/// A RepVGG that is ready to run.
pub struct Engine {
    runner: run::Runner,
    name: String,
}

impl Engine {
    /// Lowers and packs `network` for this machine.
    ///
    /// # Errors
    /// Why the engine cannot run it.
    pub fn new(network: &Network<'_>, threads: usize) -> Result<Self, String> {
        let plan = lower::lower(network)?;
        let kernel = kernel::choose(std::env::var(FORCE).ok().as_deref())?;
        let runner = run::Runner::new(&plan, &*kernel, threads);
        Ok(Self {
            name: format!("repvgg {}", kernel.name()),
            runner,
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
}
