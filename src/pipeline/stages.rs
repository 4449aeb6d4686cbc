//! How long each stage took, counted since the start: for `/metrics`. Counting is two atomic additions in each of four places a frame.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper edges of the buckets, in milliseconds; the last bucket has none.
pub const EDGES_MS: [f64; 10] = [0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0];

/// How often something took how long.
#[derive(Debug, Default)]
pub struct Histogram {
    counts: [AtomicU64; EDGES_MS.len() + 1],
    sum_us: AtomicU64,
}

impl Histogram {
    /// It took this long once more.
    pub fn add(&self, took: Duration) {
        let ms = took.as_secs_f64() * 1e3;
        let bucket = EDGES_MS
            .iter()
            .position(|edge| ms <= *edge)
            .unwrap_or(EDGES_MS.len());
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    /// How often it took at most each edge, and how often in all.
    pub fn cumulative(&self) -> [u64; EDGES_MS.len() + 1] {
        let mut sum = 0;
        self.counts.each_ref().map(|count| {
            sum += count.load(Ordering::Relaxed);
            sum
        })
    }

    /// All of it together.
    pub fn sum(&self) -> Duration {
        Duration::from_micros(self.sum_us.load(Ordering::Relaxed))
    }
}

/// The stages that a frame goes through.
#[derive(Debug, Default)]
pub struct Stages {
    /// From capture until `infer` takes the frame.
    pub wait: Histogram,
    /// Looking at the screen, preprocessing and inference: of every frame that was taken, repeats among them.
    pub grade: Histogram,
    /// From capture until the score is there, of scored frames.
    pub score: Histogram,
    /// Handing it to the exam and the store's queue.
    pub record: Histogram,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative_and_the_last_has_no_edge() {
        let histogram = Histogram::default();
        for ms in [0, 1, 7, 7, 900] {
            histogram.add(Duration::from_millis(ms));
        }
        assert_eq!(histogram.cumulative(), [1, 2, 2, 2, 4, 4, 4, 4, 4, 4, 5]);
        assert_eq!(histogram.sum(), Duration::from_millis(915));
    }
}
