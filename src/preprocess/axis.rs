//! The triangle filter along one axis.

use super::LANES;

/// For each output position the input samples it is made of and their weights.
pub(super) struct Axis {
    first: Vec<usize>,
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
        let end_sample = sample(len as usize - 1) + 1;
        let taps = outputs.iter().map(|(_, w)| w.len()).max().unwrap_or(1);
        let mut axis = Self {
            first: Vec::with_capacity(out),
            taps,
            weights: Vec::with_capacity(out * taps),
        };
        for (first, weights) in outputs {
            // All outputs get the same number of taps: near the end the window moves back and begins with zeros.
            let moved = first.min(end_sample - taps);
            let lead = first - moved;
            axis.first.push(moved);
            axis.weights.extend((0..taps).map(|t| {
                let weight = t
                    .checked_sub(lead)
                    .and_then(|t| weights.get(t))
                    .copied()
                    .unwrap_or(0.0);
                (weight * 65536.0).round().min(65535.0) as u16
            }));
        }
        axis
    }

    /// First sample and weights of output `o`.
    fn taps(&self, o: usize) -> (usize, &[u16]) {
        (self.first[o], &self.weights[o * self.taps..][..self.taps])
    }

    /// One past the last sample of output `o`.
    pub fn end(&self, o: usize) -> usize {
        self.first[o] + self.taps
    }

    /// How many outputs are under way at once when samples come in order.
    pub fn overlap(&self) -> usize {
        let under_way = |o: usize| {
            self.first[o..]
                .iter()
                .take_while(|&&first| first < self.end(o))
                .count()
        };
        (0..self.first.len()).map(under_way).max().unwrap_or(1)
    }

    /// The outputs from `from` on that `sample` is part of: number, weight, and whether it is their first sample.
    pub fn outputs_of(&self, sample: usize, from: usize) -> impl Iterator<Item = (usize, u16, bool)> {
        let begun = self.first[from..]
            .iter()
            .take_while(move |&&first| first <= sample);
        begun.enumerate().filter_map(move |(n, &first)| {
            let weight = *self.taps(from + n).1.get(sample - first)?;
            (weight > 0 || first == sample).then_some((from + n, weight, first == sample))
        })
    }

    /// Filters `LANES` rows at once: sample `s` of the channel lies at `rows[s * step + offset]`.
    pub fn filter(&self, rows: &[[u16; LANES]], step: usize, offset: usize, out: &mut [[u16; LANES]]) {
        for (o, sums) in out.iter_mut().enumerate() {
            let (first, weights) = self.taps(o);
            let window = &rows[first * step + offset..][..(weights.len() - 1) * step + 1];
            let mut total = [0u16; LANES];
            for (tap, &weight) in weights.iter().enumerate() {
                let sample = &window[tap * step];
                for lane in 0..LANES {
                    total[lane] += scaled(sample[lane], weight);
                }
            }
            *sums = total;
        }
    }
}
