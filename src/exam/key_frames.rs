//! Which frames are kept as pictures.

use super::record::KeyReason;

/// A score must leave the range seen so far by this much to be kept as a new extreme.
const STEP: f32 = 0.02;
/// Contrast must exceed that of the last picture of a peak by this much, one decibel, to be kept as a new one,
const PEAK_STEP: f32 = 1.259;
/// and this much later: a wash-in of 20 s makes 20 pictures at most.
const PEAK_EVERY_MS: u64 = 1000;

/// Chooses key frames as scores come.
#[derive(Clone, Debug)]
pub struct KeyFrames {
    every_ms: u64,
    next_ms: u64,
    range: Option<[f32; 2]>,
    /// Time and echo power of the last picture of a peak.
    peak: Option<(u64, f32)>,
    /// Why the next scored frame is kept in any case.
    wanted: Option<KeyReason>,
}

impl KeyFrames {
    /// Keeps at least one frame every `every_ms` milliseconds.
    pub fn new(every_ms: u64) -> Self {
        Self {
            every_ms,
            next_ms: 0,
            range: None,
            peak: None,
            wanted: None,
        }
    }

    /// Keeps the next scored frame: somebody marked it.
    pub fn mark(&mut self) {
        self.wanted = Some(KeyReason::Marked);
    }

    /// Takes the lesion's mean echo power at a time: if it is a peak, the next scored frame is kept. The last that is kept so
    /// is the peak of enhancement, to one decibel or one second. What comes first is the background.
    pub fn enhanced(&mut self, t_ms: u64, power: f32) {
        match self.peak {
            None => self.peak = Some((t_ms, power)),
            Some((last_ms, peak)) if power > peak * PEAK_STEP && t_ms >= last_ms + PEAK_EVERY_MS => {
                self.peak = Some((t_ms, power));
                self.wanted.get_or_insert(KeyReason::Peak);
            }
            Some(_) => {}
        }
    }

    /// Whether to keep the frame with this time and score, and why.
    pub fn consider(&mut self, t_ms: u64, score: f32) -> Option<KeyReason> {
        let [low, high] = self.range.unwrap_or([score; 2]);
        let regular = t_ms >= self.next_ms;
        let reason = if let Some(wanted) = self.wanted.take() {
            wanted
        } else if regular {
            KeyReason::Regular
        } else if score > high + STEP {
            KeyReason::Highest
        } else if score < low - STEP {
            KeyReason::Lowest
        } else {
            return None;
        };
        self.range = Some([low.min(score), high.max(score)]);
        if regular {
            self.next_ms = t_ms + self.every_ms;
        }
        Some(reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_one_in_time_and_each_new_extreme() {
        let mut keys = KeyFrames::new(1000);
        let scores = [
            (0, 0.5),
            (100, 0.51),
            (200, 0.6),
            (300, 0.6),
            (400, 0.3),
            (1000, 0.5),
            (1100, 0.61),
        ];
        let kept: Vec<_> = scores.iter().map(|&(t, s)| keys.consider(t, s)).collect();
        use KeyReason::{Highest, Lowest, Regular};
        assert_eq!(
            kept,
            [
                Some(Regular),
                None,
                Some(Highest),
                None,
                Some(Lowest),
                Some(Regular),
                None
            ]
        );
    }

    #[test]
    fn the_last_picture_of_a_peak_is_within_a_decibel_of_the_most_contrast() {
        let mut keys = KeyFrames::new(u64::MAX);
        keys.consider(0, 0.5);
        let power = |n: u64| 1e-4 + (-((n as f32 - 200.0) / 80.0).powi(2)).exp();
        let mut peaks = Vec::new();
        for n in 0..600 {
            keys.enhanced(n * 200, power(n));
            if let Some(reason) = keys.consider(n * 200 + 50, 0.5) {
                assert_eq!(reason, KeyReason::Peak);
                peaks.push(n);
            }
        }
        let last = *peaks.last().expect("a peak");
        assert!(last <= 200 && power(last) > 1.0 / PEAK_STEP, "{last}");
        assert!((5..=40).contains(&peaks.len()), "{peaks:?}");
    }

    #[test]
    fn a_mark_is_kept_whatever_else_it_is() {
        let mut keys = KeyFrames::new(1000);
        keys.enhanced(0, 0.1);
        keys.enhanced(1000, 0.2);
        keys.mark();
        assert_eq!(keys.consider(1000, 0.5), Some(KeyReason::Marked));
        assert_eq!(keys.consider(1001, 0.5), None, "the regular one was that");
    }

    #[test]
    fn a_slowly_rising_score_keeps_a_bounded_number_of_pictures() {
        let mut keys = KeyFrames::new(u64::MAX);
        let kept = (0..10_000)
            .filter(|&n| keys.consider(n, n as f32 / 10_000.0).is_some())
            .count();
        assert!((40..=52).contains(&kept), "{kept}");
    }
}
