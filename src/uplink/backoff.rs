//! How long to wait after failures: twice as long each time, up to a quarter of a minute, and never quite the same.

use std::time::Duration;

use oorandom::Rand32;

const FIRST: Duration = Duration::from_millis(500);
/// So that a queue begins to move within half a minute of the network's return, also what is tried in the second round.
const LONGEST: Duration = Duration::from_secs(15);

/// Waiting times with jitter, so that carts that lost the same server do not come back as one.
pub(super) struct Backoff {
    failures: u32,
    dice: Rand32,
}

impl Backoff {
    pub fn new(seed: u64) -> Self {
        Self {
            failures: 0,
            dice: Rand32::new(seed),
        }
    }

    /// Another failure: how long to wait now.
    pub fn failed(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        self.after(self.failures)
    }

    /// How long to wait after the given number of failures in a row: between half of the time and all of it.
    pub fn after(&mut self, failures: u32) -> Duration {
        let doubled = FIRST.saturating_mul(1 << failures.saturating_sub(1).min(10));
        doubled.min(LONGEST).mul_f32(0.5 + self.dice.rand_float() / 2.0)
    }

    /// It worked.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_differ_and_end_at_the_longest() {
        let mut backoff = Backoff::new(7);
        let waits: Vec<Duration> = (0..40).map(|_| backoff.failed()).collect();
        assert!(waits[0] <= FIRST && waits[0] >= FIRST / 2);
        assert!(
            waits[10..]
                .iter()
                .all(|wait| *wait <= LONGEST && *wait >= LONGEST / 2)
        );
        assert!(waits[10..].windows(2).any(|pair| pair[0] != pair[1]));
        backoff.reset();
        assert!(backoff.failed() <= FIRST);
    }
}
