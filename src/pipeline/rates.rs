//! How fast everything runs, counted in windows of one second.

use std::time::{Duration, Instant};

use super::Rates;
use crate::capture::Lost;

const WINDOW: Duration = Duration::from_secs(1);

/// Counts frames and remembers the last full window's rates.
pub(super) struct RateMeter {
    since: Instant,
    captured_before: u64,
    scored: u32,
    rates: Rates,
}

impl RateMeter {
    pub fn new() -> Self {
        Self {
            since: Instant::now(),
            captured_before: 0,
            scored: 0,
            rates: Rates::default(),
        }
    }

    /// A frame was scored this long after it was captured.
    pub fn scored(&mut self, latency: Duration) {
        self.scored += 1;
        self.rates.latency_ms = latency.as_secs_f32() * 1e3;
    }

    /// The rates now, given the totals of frames that were captured, replaced by newer ones, and lost by the device.
    pub fn read(&mut self, captured: u64, replaced: u64, lost: Lost) -> Rates {
        let elapsed = self.since.elapsed();
        if elapsed >= WINDOW {
            let per_second = |n: f32| n / elapsed.as_secs_f32();
            self.rates.captured_fps = per_second((captured - self.captured_before) as f32);
            self.rates.new_fps = per_second(self.scored as f32);
            (self.since, self.captured_before, self.scored) = (Instant::now(), captured, 0);
        }
        self.rates.dropped = replaced + lost.overtaken;
        (self.rates.missed, self.rates.damaged) = (lost.missed, lost.damaged);
        self.rates
    }
}
