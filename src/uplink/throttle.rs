//! A bandwidth cap: whoever sends waits until what was sent fits it.

use std::io::Read;
use std::time::{Duration, Instant};

/// Counts what is sent and keeps it under a rate.
pub(super) struct Throttle {
    bytes_per_second: Option<f64>,
    /// When the line is free again.
    free: Instant,
}

impl Throttle {
    pub fn new(max_kbit_s: Option<u64>) -> Self {
        Self {
            bytes_per_second: max_kbit_s.map(|kbit| kbit as f64 * 125.0),
            free: Instant::now(),
        }
    }

    /// Waits before `bytes` more are sent.
    pub fn pass(&mut self, bytes: usize) {
        let Some(rate) = self.bytes_per_second else {
            return;
        };
        let now = Instant::now();
        std::thread::sleep(self.free.saturating_duration_since(now));
        self.free = self.free.max(now) + Duration::from_secs_f64(bytes as f64 / rate);
    }
}

/// A body that is read no faster than the throttle lets it.
pub(super) struct Throttled<'a, R> {
    pub inner: R,
    pub throttle: &'a mut Throttle,
}

impl<R: Read> Read for Throttled<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = buffer.len().min(16 << 10);
        let count = self.inner.read(&mut buffer[..most])?;
        self.throttle.pass(count);
        Ok(count)
    }
}
