//! Fully developed speckle in the probe's own coordinates (rows are ranges, columns are beams).
//!
//! Many unresolved scatterers in each resolution cell make the echo a circular complex Gaussian, its
//! magnitude Rayleigh distributed and its correlation that of the point spread function (R. F.
//! Wagner, S. W. Smith, J. M. Sandrik, H. Lopez, "Statistics of speckle in ultrasound B-scans", IEEE
//! Trans. Sonics Ultrason. 30(3), 156-163, 1983). The point spread function here is a Gaussian of
//! constant width in range and in angle, so that its width in millimetres grows with depth.

use super::rng::Draws;

/// Half the length of the point spread function, in samples.
const REACH: usize = 5;

/// A complex field of unit mean power, row-major.
pub(super) struct Field {
    columns: usize,
    samples: Vec<[f32; 2]>,
}

/// Standard deviations of the Gaussian point spread function's amplitude, in samples.
#[derive(Clone, Copy)]
pub(super) struct PointSpread {
    pub rows: f32,
    pub columns: f32,
}

impl Field {
    /// White noise through the point spread function. Uniform noise will do: the sum over a
    /// resolution cell makes it normal.
    pub fn new(rows: usize, columns: usize, spread: PointSpread, draws: &mut Draws) -> Self {
        let (wide, tall) = (columns + 2 * REACH, rows + 2 * REACH);
        let white: Vec<[f32; 2]> = (0..wide * tall)
            .map(|_| {
                let bits = draws.bits();
                [(bits & 0xffff) as f32 - 32_767.5, (bits >> 16) as f32 - 32_767.5]
            })
            .collect();
        let (across, down) = (kernel(spread.columns), kernel(spread.rows));
        let mut blurred = Vec::with_capacity(columns * tall);
        for row in white.chunks_exact(wide) {
            blurred.extend(row.windows(2 * REACH + 1).map(|window| weighted(window, &across)));
        }
        let mut samples = vec![[0.0; 2]; rows * columns];
        for (y, row) in samples.chunks_exact_mut(columns).enumerate() {
            for (tap, weight) in down.iter().enumerate() {
                let source = &blurred[(y + tap) * columns..][..columns];
                for (sum, s) in row.iter_mut().zip(source) {
                    *sum = [sum[0] + weight * s[0], sum[1] + weight * s[1]];
                }
            }
        }
        // A uniform variate over 65536 steps has variance 65536²/12; real and imaginary part share
        // the power.
        let scale = libm::sqrtf(0.5 * 12.0) / 65_536.0;
        for s in &mut samples {
            *s = [s[0] * scale, s[1] * scale];
        }
        Self { columns, samples }
    }

    /// `columns` samples of row `y` (which wraps) from column `x`.
    pub fn row(&self, y: usize, x: usize, columns: usize) -> &[[f32; 2]] {
        let y = y % (self.samples.len() / self.columns);
        &self.samples[y * self.columns + x..][..columns]
    }
}

fn weighted(window: &[[f32; 2]], kernel: &[f32]) -> [f32; 2] {
    window.iter().zip(kernel).fold([0.0; 2], |sum, (s, weight)| {
        [sum[0] + weight * s[0], sum[1] + weight * s[1]]
    })
}

/// A sampled Gaussian that keeps the power of white noise.
fn kernel(deviation: f32) -> [f32; 2 * REACH + 1] {
    let shape: [f32; 2 * REACH + 1] = std::array::from_fn(|i| {
        let x = i as f32 - REACH as f32;
        libm::expf(-x * x / (2.0 * deviation * deviation))
    });
    let power = libm::sqrtf(shape.iter().map(|v| v * v).sum());
    shape.map(|v| v / power)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::phantom::rng::Stream;

    #[test]
    fn amplitude_is_rayleigh_distributed() {
        let spread = PointSpread {
            rows: 1.2,
            columns: 1.4,
        };
        let field = Field::new(300, 300, spread, &mut Draws::new(3, Stream::Bubbles));
        let powers: Vec<f64> = field
            .samples
            .iter()
            .map(|s| f64::from(s[0] * s[0] + s[1] * s[1]))
            .collect();
        let n = powers.len() as f64;
        let power = powers.iter().sum::<f64>() / n;
        let amplitude = powers.iter().map(|p| p.sqrt()).sum::<f64>() / n;
        // Wagner et al. 1983: mean over standard deviation of the amplitude is 1.91.
        let ratio = amplitude / (power - amplitude * amplitude).sqrt();
        assert!((power - 1.0).abs() < 0.05, "{power}");
        assert!((ratio - 1.91).abs() < 0.06, "{ratio}");
    }
}
