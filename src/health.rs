//! Heartbeats: whether the stages still turn.
//!
//! A stage beats at every turn of its loop, frames or not: an unplugged cable is no hang. One that is over is not
//! expected to beat.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A stage beats at least this often while all is well: the longest that it may wait for work.
pub const AT_LEAST: Duration = Duration::from_secs(1);

/// What is counted of a stage that is over.
const OVER: u64 = u64::MAX;

/// Held by the stage's thread; the stage is over when this is dropped.
#[derive(Debug)]
pub struct Heart {
    turns: Arc<AtomicU64>,
    #[cfg(debug_assertions)]
    hangs: bool,
}

/// Held by whoever looks after the stage.
#[derive(Clone, Debug)]
pub struct Pulse {
    /// The stage.
    pub stage: &'static str,
    turns: Arc<AtomicU64>,
    seen: u64,
}

/// The heart of a stage, and its pulse.
pub fn heart(stage: &'static str) -> (Heart, Pulse) {
    let turns = Arc::new(AtomicU64::new(1));
    let heart = Heart {
        turns: Arc::clone(&turns),
        #[cfg(debug_assertions)]
        hangs: std::env::var("SONOGRADE_HANG").is_ok_and(|name| name == stage),
    };
    (
        heart,
        Pulse {
            stage,
            turns,
            seen: 0,
        },
    )
}

impl Heart {
    /// One turn of the loop.
    pub fn beat(&self) {
        let turns = self.turns.fetch_add(1, Ordering::Relaxed);
        // Debug builds can be made to hang, for the test of what happens then.
        #[cfg(debug_assertions)]
        if self.hangs && turns > 20 {
            loop {
                std::thread::park();
            }
        }
        let _ = turns;
    }
}

impl Drop for Heart {
    fn drop(&mut self) {
        self.turns.store(OVER, Ordering::Relaxed);
    }
}

impl Pulse {
    /// Whether the stage turned since this was asked last, or is over.
    pub fn moved(&mut self) -> bool {
        let turns = self.turns.load(Ordering::Relaxed);
        let moved = turns != self.seen || turns == OVER;
        self.seen = turns;
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_moves_while_it_beats_and_is_not_missed_when_it_is_over() {
        let (heart, mut pulse) = heart("capture");
        assert!(pulse.moved(), "it begins");
        assert!(!pulse.moved(), "and hangs");
        heart.beat();
        assert!(pulse.moved() && !pulse.moved());
        drop(heart);
        assert!(pulse.moved() && pulse.moved());
    }
}
