//! Scores of many frames → one verdict with its interval.
//!
//! The exam's score is the mean of its frames' scores. Neighbouring frames show the same tissue and so the same
//! error, therefore the interval is a bootstrap over blocks of one second, not over frames (Künsch 1989,
//! 10.1214/aos/1176347265): the blocks are drawn with replacement `RESAMPLES` times, and the 2.5th and 97.5th
//! percentile of the means are given.

use super::record::{Grade, Graded, Verdict};

/// Length of a bootstrap block.
const BLOCK_MS: u64 = 1000;
/// Fewer scored frames, or fewer blocks, than these give no verdict.
const MIN_FRAMES: u64 = 30;
const MIN_BLOCKS: usize = 5;
const RESAMPLES: usize = 400;
/// Fixed, so that a replay gives the same interval.
const SEED: u64 = 0x50_4E_4F;

/// Collects an exam's scores.
#[derive(Clone, Debug)]
pub struct Aggregate {
    band: [f32; 2],
    seen: u64,
    scored: u64,
    blocks: Vec<Block>,
}

#[derive(Clone, Copy, Debug)]
struct Block {
    second: u64,
    sum: f64,
    frames: u64,
}

impl Aggregate {
    /// For a model whose scores from `band[0]` to `band[1]` are indeterminate.
    pub fn new(band: [f32; 2]) -> Self {
        Self {
            band,
            seen: 0,
            scored: 0,
            blocks: Vec::new(),
        }
    }

    /// Adds a frame. Frames come in time order.
    pub fn add(&mut self, graded: &Graded) {
        self.seen += 1;
        let Ok(scored) = &graded.outcome else { return };
        self.scored += 1;
        let second = graded.t_ms / BLOCK_MS;
        let score = f64::from(scored.score);
        match self.blocks.last_mut() {
            Some(block) if block.second == second => {
                block.sum += score;
                block.frames += 1;
            }
            _ => self.blocks.push(Block {
                second,
                sum: score,
                frames: 1,
            }),
        }
    }

    /// The verdict so far.
    pub fn verdict(&self) -> Verdict {
        let score = mean(self.blocks.iter());
        let enough = self.scored >= MIN_FRAMES && self.blocks.len() >= MIN_BLOCKS;
        let verdict = match score {
            Some(s) if enough && s > self.band[1] => Grade::High,
            Some(s) if enough && s < self.band[0] => Grade::Low,
            _ => Grade::Indeterminate,
        };
        Verdict {
            verdict,
            score,
            ci95: enough.then(|| self.interval()),
            frames_scored: self.scored,
            frames_seen: self.seen,
        }
    }

    fn interval(&self) -> [f32; 2] {
        let mut random = oorandom::Rand32::new(SEED);
        let count = self.blocks.len() as u32;
        let mut means: Vec<f32> = (0..RESAMPLES)
            .filter_map(|_| mean((0..count).map(|_| &self.blocks[random.rand_range(0..count) as usize])))
            .collect();
        means.sort_by(f32::total_cmp);
        [means[RESAMPLES / 40], means[RESAMPLES - 1 - RESAMPLES / 40]]
    }
}

fn mean<'a>(blocks: impl Iterator<Item = &'a Block>) -> Option<f32> {
    let (sum, frames) = blocks.fold((0.0, 0), |(s, n), b| (s + b.sum, n + b.frames));
    (frames > 0).then(|| (sum / frames as f64) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exam::record::{ActivationMap, Quality, Scored};
    use crate::frame::Rect;

    fn graded(seq: u64, score: f32) -> Graded {
        let map = ActivationMap {
            width: 1,
            height: 1,
            values: vec![0.0],
        };
        Graded {
            seq,
            t_ms: seq * 100,
            roi: Rect::full(2, 2),
            outcome: Ok(Scored { score, map }),
        }
    }

    fn verdict(scores: impl Iterator<Item = f32>) -> Verdict {
        let mut aggregate = Aggregate::new([0.4, 0.6]);
        scores
            .enumerate()
            .for_each(|(n, s)| aggregate.add(&graded(n as u64, s)));
        aggregate.verdict()
    }

    #[test]
    fn the_band_divides_low_from_high() {
        let constant = |s| verdict(std::iter::repeat_n(s, 100));
        assert_eq!(constant(0.7).verdict, Grade::High);
        assert_eq!(constant(0.3).verdict, Grade::Low);
        assert_eq!(constant(0.5).verdict, Grade::Indeterminate);
        assert_eq!(constant(0.7).ci95, Some([0.7, 0.7]));
    }

    #[test]
    fn few_frames_give_no_verdict_and_no_interval() {
        let few = verdict(std::iter::repeat_n(0.9, 29));
        assert_eq!((few.verdict, few.ci95), (Grade::Indeterminate, None));
        let none = verdict(std::iter::empty());
        assert_eq!((none.score, none.frames_seen), (None, 0));
    }

    #[test]
    fn unscored_frames_count_as_seen_only() {
        let mut aggregate = Aggregate::new([0.4, 0.6]);
        aggregate.add(&graded(0, 0.9));
        aggregate.add(&Graded {
            seq: 1,
            t_ms: 100,
            roi: Rect::full(2, 2),
            outcome: Err(Quality::Duplicate),
        });
        let verdict = aggregate.verdict();
        assert_eq!(
            (verdict.frames_seen, verdict.frames_scored, verdict.score),
            (2, 1, Some(0.9))
        );
    }

    #[test]
    fn correlated_frames_widen_the_interval() {
        // The same scores: once shuffled over the exam, once constant within each second.
        let shuffled = verdict((0..600).map(|n| if n % 2 == 0 { 0.9 } else { 0.5 }));
        let blocks = verdict((0..600).map(|n| if n / 10 % 2 == 0 { 0.9 } else { 0.5 }));
        let width = |v: &Verdict| v.ci95.map(|[a, b]| b - a).expect("an interval");
        assert!(width(&blocks) > 3.0 * width(&shuffled), "{blocks:?} {shuffled:?}");
    }
}
