//! Which frames are kept as pictures.

use super::record::KeyReason;

/// A score must leave the range seen so far by this much to be kept as a new extreme.
const STEP: f32 = 0.02;

/// Chooses key frames as scores come.
#[derive(Clone, Debug)]
pub struct KeyFrames {
    every_ms: u64,
    next_ms: u64,
    range: Option<[f32; 2]>,
}

impl KeyFrames {
    /// Keeps at least one frame every `every_ms` milliseconds.
    pub fn new(every_ms: u64) -> Self {
        Self {
            every_ms,
            next_ms: 0,
            range: None,
        }
    }

    /// Whether to keep the frame with this time and score, and why.
    pub fn consider(&mut self, t_ms: u64, score: f32) -> Option<KeyReason> {
        let [low, high] = self.range.unwrap_or([score; 2]);
        let reason = if t_ms >= self.next_ms {
            KeyReason::Regular
        } else if score > high + STEP {
            KeyReason::Highest
        } else if score < low - STEP {
            KeyReason::Lowest
        } else {
            return None;
        };
        self.range = Some([low.min(score), high.max(score)]);
        if reason == KeyReason::Regular {
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
    fn a_slowly_rising_score_keeps_a_bounded_number_of_pictures() {
        let mut keys = KeyFrames::new(u64::MAX);
        let kept = (0..10_000)
            .filter(|&n| keys.consider(n, n as f32 / 10_000.0).is_some())
            .count();
        assert!((40..=52).contains(&kept), "{kept}");
    }
}
