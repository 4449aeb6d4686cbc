//! Has contrast arrived? Found from the lesion's time-intensity curve: its echo power, over the last second, is four times the
//! least that it was. Pure.
//!
//! What the tissue shows without contrast is not known of a picture that is bright when it is first seen: it is taken to be
//! 15 dB at most, so that an exam whose beginning nobody saw still begins. Echo powers are multiples of the darkest that the
//! display shows.

use std::collections::VecDeque;

/// Contrast has arrived at this multiple of the power without it: 6 dB.
const RISE: f32 = 4.0;
/// The most that there is without contrast: 15 dB above the darkest.
const MOST_WITHOUT: f32 = 31.6;
/// Powers are means over this time.
const OVER_MS: u64 = 1000;

/// What is remembered of the curve.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Arrival {
    /// The last second's samples: time and power.
    recent: VecDeque<(u64, f32)>,
    /// The least mean that there was.
    least: Option<f32>,
}

impl Arrival {
    /// Adds a sample, later than those before it.
    pub fn add(&mut self, t_ms: u64, power: f32) {
        self.recent.push_back((t_ms, power));
        while self.recent.front().is_some_and(|first| first.0 + OVER_MS <= t_ms) {
            self.recent.pop_front();
        }
        let mean = self.mean();
        self.least = Some(self.least.map_or(mean, |least| least.min(mean)));
    }

    /// Whether there is contrast now.
    pub fn is_here(&self) -> bool {
        let without = self.least.unwrap_or(MOST_WITHOUT).min(MOST_WITHOUT);
        !self.recent.is_empty() && self.mean() >= RISE * without
    }

    fn mean(&self) -> f32 {
        let sum: f32 = self.recent.iter().map(|sample| sample.1).sum();
        sum / self.recent.len().max(1) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When contrast is first there, in samples of 200 ms, given decibels.
    fn arrives(levels: impl IntoIterator<Item = f32>) -> Option<usize> {
        let mut arrival = Arrival::default();
        levels.into_iter().enumerate().position(|(n, level)| {
            arrival.add(200 * n as u64, 10f32.powf(level / 10.0));
            arrival.is_here()
        })
    }

    fn steady(level: f32) -> impl Iterator<Item = f32> {
        // Speckle moves it by a decibel.
        (0..300).map(move |n| level + (n as f32 * 2.4).sin())
    }

    #[test]
    fn contrast_is_found_soon_after_it_arrives_and_not_before() {
        for without in [0.0, 4.0, 12.0, 17.0] {
            // 12 dB a second, up to 35.
            let wash_in = (0..50).map(|n| (without + 2.4 * n as f32).min(35.0));
            let at = arrives(steady(without).chain(wash_in)).expect("it comes");
            assert!((300..306).contains(&at), "{without} dB: sample {at}");
            assert_eq!(arrives(steady(without)), None, "{without} dB");
        }
    }

    #[test]
    fn one_bright_sample_is_no_contrast() {
        let mut levels: Vec<f32> = steady(4.0).collect();
        levels[100] = 12.0;
        assert_eq!(arrives(levels), None);
    }

    #[test]
    fn a_picture_that_is_bright_at_first_sight_shows_contrast() {
        assert_eq!(arrives([30.0]), Some(0));
        assert_eq!(arrives((0..300).map(|n| 30.0 - n as f32 * 0.1)), Some(0));
        // Washed out to the end: nobody can tell it from tissue.
        assert_eq!(arrives([18.0]), None);
    }
}
