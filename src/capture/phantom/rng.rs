//! Random numbers that are the same on every machine: PCG streams, and noise that is a function of
//! place.
//!
//! Only integer arithmetic, correctly rounded float arithmetic and `libm` are used, never the platform's
//! mathematics library.

use oorandom::Rand32;

/// What a stream of random numbers is for. A stream of its own for each purpose keeps one from
/// shifting the others when it draws more.
#[derive(Clone, Copy)]
pub(super) enum Stream {
    Patient,
    Grade,
    Bubbles,
    Tissue,
    Motion,
    Drawing,
    Section,
    Scanner,
}

/// One stream of random numbers.
pub(super) struct Draws(Rand32);

impl Draws {
    pub fn new(seed: u64, stream: Stream) -> Self {
        Self(Rand32::new_inc(mix(seed), stream as u64))
    }

    /// Uniform in `low..high`.
    pub fn uniform(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.0.rand_float()
    }

    /// Normal, by the Box-Muller transform.
    pub fn normal(&mut self, mean: f32, deviation: f32) -> f32 {
        let radius = libm::sqrtf(-2.0 * libm::logf(1.0 - self.0.rand_float()));
        mean + deviation * radius * libm::cosf(std::f32::consts::TAU * self.0.rand_float())
    }

    pub fn bits(&mut self) -> u32 {
        self.0.rand_u32()
    }
}

/// Spreads every bit of `x` over the whole word (the finaliser of SplitMix64).
pub(super) fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Smooth noise over the plane: random values on a square lattice, blended between its points.
#[derive(Clone, Copy)]
pub(super) struct Noise {
    seed: u64,
    /// Lattice steps in a millimetre.
    frequency: f32,
}

impl Noise {
    /// Noise whose features are about `size_mm` across.
    pub fn new(seed: u64, number: u64, size_mm: f32) -> Self {
        Self {
            seed: mix(seed ^ mix(number)),
            frequency: 1.0 / size_mm,
        }
    }

    /// The value at a place in mm: two octaves, mean 0, standard deviation near 1.
    pub fn at(&self, x: f32, z: f32) -> f32 {
        let (x, z) = (x * self.frequency, z * self.frequency);
        1.9 * self.octave(x, z, 0) + 1.1 * self.octave(2.1 * x, 2.1 * z, 1)
    }

    fn octave(&self, x: f32, z: f32, octave: u64) -> f32 {
        let (left, top) = (libm::floorf(x), libm::floorf(z));
        let (column, row) = (left as i32, top as i32);
        let value = |dx: i32, dz: i32| {
            let point = (u64::from((column + dx) as u32) << 32) | u64::from((row + dz) as u32);
            let bits = mix(self.seed ^ point ^ (octave << 63)) >> 40;
            bits as f32 * (2.0 / 16_777_216.0) - 1.0
        };
        let ease = |f: f32| f * f * (3.0 - 2.0 * f);
        let (u, v) = (ease(x - left), ease(z - top));
        let upper = value(0, 0) + (value(1, 0) - value(0, 0)) * u;
        let lower = value(0, 1) + (value(1, 1) - value(0, 1)) * u;
        upper + (lower - upper) * v
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(values: impl Iterator<Item = f32>) -> (f64, f64) {
        let values: Vec<f64> = values.map(f64::from).collect();
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        (
            mean,
            values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n,
        )
    }

    #[test]
    fn normal_draws_have_the_moments_asked_for() {
        let mut draws = Draws::new(7, Stream::Patient);
        let (mean, variance) = moments((0..20_000).map(|_| draws.normal(3.0, 2.0)));
        assert!((mean - 3.0).abs() < 0.06, "{mean}");
        assert!((variance - 4.0).abs() < 0.2, "{variance}");
    }

    #[test]
    fn noise_is_centred_and_near_unit_deviation() {
        let noise = Noise::new(5, 1, 4.0);
        let places = (0..200).flat_map(|x| (0..200).map(move |z| (x as f32 * 1.7, z as f32 * 1.3)));
        let (mean, variance) = moments(places.map(|(x, z)| noise.at(x, z)));
        assert!(mean.abs() < 0.1, "{mean}");
        assert!((0.6..1.5).contains(&variance), "{variance}");
    }
}
