//! The network as numbers: what [`super::lower`] reads from a file and [`super::pack`] lays out for a kernel.

/// A RepVGG in its plain form: 3×3 convolutions, each with bias, ReLU and requantization, then the class maps.
#[derive(Debug)]
pub struct Plan<'a> {
    /// Input height in pixels.
    pub height: usize,
    /// Input width in pixels.
    pub width: usize,
    /// First to last.
    pub layers: Vec<Layer<'a>>,
    /// The classifier.
    pub head: Head<'a>,
}

/// `q = clamp(round_half_even(factor · (Σ w·x + bias)), 0, 255)`, 3×3 with a border of 1.
#[derive(Debug)]
pub struct Layer<'a> {
    /// Its name in the file.
    pub name: &'a str,
    /// Channels in.
    pub inputs: usize,
    /// Channels out.
    pub outputs: usize,
    /// 1 or 2, both axes.
    pub stride: usize,
    /// `[outputs, inputs, 3, 3]`.
    pub weights: &'a [i8],
    /// `[outputs]`.
    pub bias: &'a [i32],
    /// `[outputs]`: input scale × weight scale / output scale.
    pub factors: Vec<f32>,
}

/// `map[class] = Σ weights[class] · scale · q`, `logits = mean(map) + bias`.
#[derive(Debug)]
pub struct Head<'a> {
    /// `[classes, channels]`.
    pub weights: &'a [f32],
    /// `[classes]`.
    pub bias: &'a [f32],
    /// Scale of the last activation.
    pub scale: f32,
}

impl Layer<'_> {
    /// The largest that an output channel's sum can be, whatever the picture.
    pub fn bound(&self, channel: usize) -> i64 {
        let size = self.inputs * 9;
        let weights = &self.weights[channel * size..][..size];
        let sum: i64 = weights.iter().map(|w| i64::from(w.unsigned_abs())).sum();
        255 * sum + i64::from(self.bias[channel].unsigned_abs())
    }
}

impl Plan<'_> {
    /// Shows that no sum leaves i32 and no requantized value leaves it before it is cut to 0..255, whatever the
    /// picture. A kernel relies on it, also where it adds up in another order or from shifted activations.
    ///
    /// # Errors
    /// The layer and channel of which it cannot be shown.
    pub fn prove(&self) -> Result<(), String> {
        for layer in &self.layers {
            for (channel, factor) in layer.factors.iter().enumerate() {
                let bound = layer.bound(channel);
                // Half of what i32 holds: room for activations that a kernel shifts by 128.
                if bound >= 1 << 30 {
                    return Err(format!(
                        "{}: the sum of channel {channel} may reach {bound}",
                        layer.name
                    ));
                }
                if !factor.is_finite()
                    || *factor <= 0.0
                    || f64::from(*factor) * bound as f64 >= f64::from(1 << 30)
                {
                    return Err(format!(
                        "{}: channel {channel} has the factor {factor}",
                        layer.name
                    ));
                }
            }
        }
        Ok(())
    }
}

/// A side after a 3×3 convolution with a border of 1.
pub fn strided(side: usize, stride: usize) -> usize {
    side.div_ceil(stride)
}
