//! Blends tissues at their borders, as far as the point spread function reaches.

use super::probe::BEAMS;

/// A blurred map of echo power, and the memory to make the next.
#[derive(Default)]
pub(super) struct Softened {
    rough: Vec<f32>,
    across: Vec<f32>,
    both: Vec<f32>,
}

impl Softened {
    /// Blurs a map of the probe's grid, given sample by sample, with the binomial kernel 1 4 6 4 1 by
    /// beam and by row. The outermost two samples, which no pane shows, are wrong.
    pub fn of(&mut self, map: impl Iterator<Item = f32>) -> &[f32] {
        self.rough.clear();
        self.rough.extend(map);
        self.across.resize(self.rough.len(), 0.0);
        for (to, w) in self.across[2..].iter_mut().zip(self.rough.windows(5)) {
            *to = binomial(w[0], w[1], w[2], w[3], w[4]);
        }
        self.both.resize(self.rough.len(), 0.0);
        let rows = self.across.windows(4 * BEAMS + 1);
        for (to, w) in self.both[2 * BEAMS..].iter_mut().zip(rows) {
            *to = binomial(w[0], w[BEAMS], w[2 * BEAMS], w[3 * BEAMS], w[4 * BEAMS]);
        }
        &self.both
    }
}

#[inline]
fn binomial(a: f32, b: f32, c: f32, d: f32, e: f32) -> f32 {
    (a + e + 4.0 * (b + d) + 6.0 * c) * (1.0 / 16.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_spreads_and_keeps_its_power() {
        let middle = 10 * BEAMS + 100;
        let map = (0..20 * BEAMS).map(|i| if i == middle { 256.0 } else { 0.0 });
        let mut soft = Softened::default();
        let blurred = soft.of(map);
        assert_eq!(blurred[middle], 36.0);
        assert_eq!(blurred[middle + 2 * BEAMS - 2], 1.0);
        assert_eq!(blurred.iter().sum::<f32>(), 256.0);
    }
}
