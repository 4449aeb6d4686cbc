//! What a file says ([`Network`]) → [`Plan`], where it is a RepVGG that the engine can run.
//!
//! The contract has been checked; here is what the engine asks beyond it: 3×3 convolutions, the first of them with
//! stride 2, channels that follow from each other, and sums that provably stay inside i32.

use super::plan::{Head, Layer, Plan};
use crate::infer::chain::{Convolution, Network};

/// Lowers `network`.
///
/// # Errors
/// What it asks that the engine does not do, and where.
pub fn lower<'a>(network: &'a Network<'_>) -> Result<Plan<'a>, String> {
    let [height, width] = network.input;
    let mut channels = 3;
    let mut layers = Vec::with_capacity(network.convolutions.len());
    for convolution in &network.convolutions {
        let first = layers.is_empty();
        layers.push(layer(convolution, channels, first)?);
        channels = convolution.dims[0];
    }
    let (weights, read) = network.head;
    if layers.is_empty() || read != channels || weights.len() != channels * network.bias.len() {
        return Err(format!("the classifier reads {read} channels of {channels}"));
    }
    let scale = network.convolutions.last().map_or(1.0, |last| last.output_scale);
    let head = Head {
        weights,
        bias: network.bias,
        scale,
    };
    let plan = Plan {
        height,
        width,
        layers,
        head,
    };
    plan.prove()?;
    Ok(plan)
}

fn layer<'a>(convolution: &'a Convolution<'_>, channels: usize, first: bool) -> Result<Layer<'a>, String> {
    let Convolution {
        name,
        dims: [outputs, inputs, kernel],
        stride,
        ..
    } = *convolution;
    if kernel != 3 || inputs != channels || outputs == 0 || (first && stride != 2) {
        return Err(format!(
            "{name}: {kernel}x{kernel} with stride {stride} over {inputs} of {channels} channels is not a RepVGG's"
        ));
    }
    let factor = |scale: &f32| convolution.input_scale * scale / convolution.output_scale;
    Ok(Layer {
        name,
        inputs,
        outputs,
        stride,
        weights: convolution.weights,
        bias: convolution.bias,
        factors: convolution.scales.iter().map(factor).collect(),
    })
}
