//! Scores of many frames → one verdict with its interval.
//!
//! Frames are taken together by the second. Of second *s*, let *b* be the mean brightness of its scored frames and *B* the
//! brightness that a tenth of the exam's seconds exceed (nearest rank from below); of frame *i*, *p* the calibrated score and
//! *c* the clarity as a share of 255. Then
//!
//! ```text
//! e(s) = min(1, max(0, 4 b(s) / B − 1))              how far the second belongs to the enhanced phases
//! P    = Σ e(s) Σ c(i) p(i)  /  Σ e(s) Σ c(i)        over the seconds s from the first injection on, and their frames i
//! ```
//!
//! So nothing counts that is darker than a quarter of the exam's bright seconds (before the contrast arrives, after a flash,
//! once it has washed out), all from half of it on; without a marked injection from the exam's first frame on. Not the
//! brightest second is the measure, for that may be the flash. A picture with clipping or motion counts less. Brightness and
//! clarity are stored with the score ([`Fitness`](super::record::Fitness)): what is stored gives the same verdict again.
//! Frames of which they are not known weigh 1.
//!
//! Neighbouring frames show the same tissue and so the same error, therefore the interval is a bootstrap over these blocks of
//! one second, not over frames (Künsch 1989, 10.1214/aos/1176347265): the blocks that count are drawn with replacement
//! `RESAMPLES` times, and the 2.5th and 97.5th percentile of *P* are given. Fewer than `MIN_FRAMES` frames that count, or
//! `MIN_BLOCKS` seconds, give neither grade nor interval; nor does a *P* inside the model's band give a grade.

use super::record::{Fitness, Grade, Graded, Mark, MarkKind, Verdict};

/// Length of a bootstrap block.
const BLOCK_MS: u64 = 1000;
/// Fewer frames that count, or fewer blocks, than these give no verdict.
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
    blocks: Vec<Block>,
}

/// The scored frames of one second.
#[derive(Clone, Copy, Debug, Default)]
struct Block {
    second: u64,
    frames: u64,
    /// Sums over its frames: of clarity times score, and of clarity.
    score: f64,
    weight: f64,
    /// Of brightness, and how many frames have one.
    brightness: u64,
    measured: u64,
}

impl Block {
    fn brightness(&self) -> Option<f64> {
        (self.measured > 0).then(|| self.brightness as f64 / self.measured as f64)
    }
}

impl Aggregate {
    /// For a model whose scores from `band[0]` to `band[1]` are indeterminate.
    pub fn new(band: [f32; 2]) -> Self {
        Self {
            band,
            seen: 0,
            blocks: Vec::new(),
        }
    }

    /// Adds a frame. Frames come in time order.
    pub fn add(&mut self, graded: &Graded) {
        self.seen += 1;
        if let Ok(scored) = &graded.outcome {
            self.score(graded.t_ms, scored.score, scored.fitness);
        }
    }

    /// Adds the score of a picture taken at `t_ms`.
    pub fn score(&mut self, t_ms: u64, score: f32, fitness: Option<Fitness>) {
        let second = t_ms / BLOCK_MS;
        if self.blocks.last().is_none_or(|block| block.second != second) {
            self.blocks.push(Block {
                second,
                ..Block::default()
            });
        }
        let Some(block) = self.blocks.last_mut() else {
            return;
        };
        let weight = fitness.map_or(1.0, |fitness| f64::from(fitness.clarity) / 255.0);
        block.frames += 1;
        block.score += weight * f64::from(score);
        block.weight += weight;
        if let Some(fitness) = fitness {
            block.brightness += u64::from(fitness.brightness);
            block.measured += 1;
        }
    }

    /// The verdict so far, of an exam with these marks.
    pub fn verdict(&self, marks: &[Mark]) -> Verdict {
        let blocks = self.counted(marks);
        let frames = blocks.iter().map(|block| block.frames).sum();
        let score = mean(blocks.iter());
        let enough = frames >= MIN_FRAMES && blocks.len() >= MIN_BLOCKS;
        let verdict = match score {
            Some(s) if enough && s > self.band[1] => Grade::High,
            Some(s) if enough && s < self.band[0] => Grade::Low,
            _ => Grade::Indeterminate,
        };
        Verdict {
            verdict,
            score,
            ci95: enough.then(|| interval(&blocks)),
            frames_scored: self.blocks.iter().map(|block| block.frames).sum(),
            frames_seen: self.seen,
            frames_counted: Some(frames),
        }
    }

    /// The blocks that count, each weighed by how far it belongs to the enhanced phases.
    fn counted(&self, marks: &[Mark]) -> Vec<Block> {
        let injection = marks.iter().find(|mark| mark.kind == MarkKind::Injection);
        let from = injection.map_or(0, |mark| mark.t_ms / BLOCK_MS);
        let after = || self.blocks.iter().filter(|block| block.second >= from);
        let mut all: Vec<f64> = after().filter_map(Block::brightness).collect();
        all.sort_by(f64::total_cmp);
        let bright = all.get(all.len().saturating_sub(1) * 9 / 10);
        let weighed = after().map(|block| {
            let share = block.brightness().zip(bright).map(|(b, bright)| b / bright);
            let enhanced = share.map_or(1.0, |share| (4.0 * share - 1.0).clamp(0.0, 1.0));
            Block {
                score: enhanced * block.score,
                weight: enhanced * block.weight,
                ..*block
            }
        });
        weighed.filter(|block| block.weight > 0.0).collect()
    }
}

fn interval(blocks: &[Block]) -> [f32; 2] {
    let mut random = oorandom::Rand32::new(SEED);
    let count = blocks.len() as u32;
    let mut means: Vec<f32> = (0..RESAMPLES)
        .filter_map(|_| mean((0..count).map(|_| &blocks[random.rand_range(0..count) as usize])))
        .collect();
    means.sort_by(f32::total_cmp);
    [means[RESAMPLES / 40], means[RESAMPLES - 1 - RESAMPLES / 40]]
}

fn mean<'a>(blocks: impl Iterator<Item = &'a Block>) -> Option<f32> {
    let (score, weight) = blocks.fold((0.0, 0.0), |(s, w), block| (s + block.score, w + block.weight));
    (weight > 0.0).then(|| (score / weight) as f32)
}

#[cfg(test)]
mod tests;
