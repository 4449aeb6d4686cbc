//! The triangle filter along one axis.

/// Weights come in groups of so many: one vector register of 16-bit lanes.
const LANES: usize = 8;

/// For each output position the input samples it is made of and their weights.
pub(super) struct Axis {
    /// First sample of each output, and one past its last.
    spans: Vec<(usize, usize)>,
    /// Weights of an output, zeros at the end included: a multiple of `LANES`.
    taps: usize,
    /// `taps` weights for each output, in 1/65536.
    weights: Vec<u16>,
}

/// `value` × `weight` / 65536: one instruction on every SIMD unit when vectorised.
#[inline(always)]
pub(super) fn scaled(value: u16, weight: u16) -> u16 {
    ((u32::from(value) * u32::from(weight)) >> 16) as u16
}

impl Axis {
    /// Scales `len` pixels from pixel `start` on to `out` pixels. With `halved` there is one sample for each two
    /// pixels (chroma), which counts for both. Samples are counted from the one of pixel `origin`.
    pub fn new(start: u32, len: u32, out: usize, halved: bool, origin: u32) -> Self {
        let shift = u32::from(halved);
        let sample = |pixel: usize| ((start as usize + pixel) >> shift) - (origin as usize >> shift);
        let scale = f64::from(len) / out as f64;
        let support = scale.max(1.0);
        let outputs: Vec<(usize, Vec<f64>)> = (0..out)
            .map(|o| {
                let centre = (o as f64 + 0.5) * scale;
                let from = ((centre - support + 0.5) as usize).min(len as usize - 1);
                let to = ((centre + support + 0.5) as usize).clamp(from + 1, len as usize);
                let first = sample(from);
                let mut weights = vec![0.0; sample(to - 1) - first + 1];
                for pixel in from..to {
                    let distance = (pixel as f64 + 0.5 - centre) / support;
                    weights[sample(pixel) - first] += (1.0 - distance.abs()).max(0.0);
                }
                let sum: f64 = weights.iter().sum();
                weights.iter_mut().for_each(|w| *w /= sum);
                (first, weights)
            })
            .collect();
        let longest = outputs.iter().map(|(_, w)| w.len()).max().unwrap_or(1);
        let taps = longest.next_multiple_of(LANES);
        let mut axis = Self {
            spans: Vec::with_capacity(out),
            taps,
            weights: vec![0; out * taps],
        };
        for ((first, weights), fixed) in outputs.iter().zip(axis.weights.chunks_exact_mut(taps)) {
            axis.spans.push((*first, first + weights.len()));
            for (fixed, weight) in fixed.iter_mut().zip(weights) {
                *fixed = (weight * 65536.0).round().min(65535.0) as u16;
            }
        }
        axis
    }

    /// One past the last sample of output `o`.
    pub fn end(&self, o: usize) -> usize {
        self.spans[o].1
    }

    /// How many outputs are under way at once when samples come in order.
    pub fn overlap(&self) -> usize {
        let under_way = |o: usize| {
            self.spans[o..]
                .iter()
                .take_while(|span| span.0 < self.end(o))
                .count()
        };
        (0..self.spans.len()).map(under_way).max().unwrap_or(1)
    }

    /// The outputs from `from` on that `sample` is part of: number, weight, and whether it is their first sample.
    pub fn outputs_of(&self, sample: usize, from: usize) -> impl Iterator<Item = (usize, u16, bool)> {
        let begun = self
            .spans
            .iter()
            .enumerate()
            .skip(from)
            .take_while(move |(_, span)| span.0 <= sample);
        let parts = begun.filter(move |(_, span)| sample < span.1);
        parts.map(move |(o, &(first, _))| (o, self.weights[o * self.taps + sample - first], sample == first))
    }

    /// Zeros that must follow a row's samples for [`Self::filter`].
    pub fn padding(&self) -> usize {
        self.taps
    }

    /// Filters one row of samples, which [`Self::padding`] zeros follow.
    pub fn filter(&self, samples: &[u16], out: &mut [u16]) {
        // The usual count of groups is known to the compiler.
        match self.taps / LANES {
            1 => self.filter_groups(1, samples, out),
            groups => self.filter_groups(groups, samples, out),
        }
    }

    #[inline(always)]
    fn filter_groups(&self, groups: usize, samples: &[u16], out: &mut [u16]) {
        let weights = self.weights.as_chunks::<LANES>().0;
        for (n, (o, &(first, _))) in out.iter_mut().zip(&self.spans).enumerate() {
            let samples = &samples[first..first + groups * LANES];
            let weights = &weights[n * groups..(n + 1) * groups];
            let mut sums = [0u16; LANES];
            for (group, weights) in weights.iter().enumerate() {
                for lane in 0..LANES {
                    sums[lane] += scaled(samples[group * LANES + lane], weights[lane]);
                }
            }
            let [a, b, c, d, e, f, g, h] = sums;
            *o = ((a + b) + (c + d)) + ((e + f) + (g + h));
        }
    }
}
