//! Runs any model that keeps the contract, by tract-onnx. tract computes the quantized convolutions in f32.

use tract_onnx::prelude::*;

use super::Outputs;
use super::contract::Contract;

/// How records name this engine.
pub const NAME: &str = "tract-onnx 0.23";

/// A model that is ready to run.
pub struct Engine {
    plan: Arc<TypedRunnableModel>,
    shape: [usize; 4],
}

impl Engine {
    /// Optimises the graph of an ONNX file for this machine.
    ///
    /// # Errors
    /// What tract cannot do with it.
    pub fn new(mut file: &[u8], contract: &Contract) -> TractResult<Self> {
        let shape = [1, 3, contract.height, contract.width];
        let mut model = tract_onnx::onnx()
            .model_for_read(&mut file)?
            .with_input_fact(0, u8::fact(shape).into())?;
        model.select_outputs_by_name(["logits", "activation_map"])?;
        let plan = model.into_optimized()?.into_runnable()?;
        Ok(Self { plan, shape })
    }

    /// Runs the network on `[3, height, width]` bytes.
    ///
    /// # Errors
    /// What failed inside tract.
    pub fn run(&self, pixels: &[u8]) -> TractResult<Outputs> {
        let results = self
            .plan
            .run(tvec!(Tensor::from_shape(&self.shape, pixels)?.into()))?;
        let plain = results[0].try_as_plain_ram()?;
        let logits = plain.as_slice::<f32>()?.try_into()?;
        let plain = results[1].try_as_plain_ram()?;
        let both = plain.as_slice::<f32>()?;
        Ok(Outputs {
            logits,
            map: both[both.len() / 2..].to_vec(),
        })
    }
}
