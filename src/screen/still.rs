//! Does the screen stand still? Someone froze the scanner, or the grabber repeats its last picture for ever.

use crate::exam::record::Quality;

/// A screen is frozen once it has shown the same picture for longer than this: contrast pictures come 10 to 20 times a second.
const FROZEN_MS: u64 = 2000;

/// How long the picture has been the same, by the frames' own times.
#[derive(Debug, Default)]
pub struct Still {
    changed_ms: u64,
    newest_ms: u64,
}

impl Still {
    /// Takes note of the frame at `t_ms`, and of what [`super::Watch`] said of it.
    pub fn look(&mut self, t_ms: u64, quality: Option<Quality>) {
        if quality != Some(Quality::Duplicate) || t_ms < self.changed_ms {
            self.changed_ms = t_ms;
        }
        self.newest_ms = t_ms;
    }

    /// For how many seconds a frozen screen has stood still.
    pub fn frozen_s(&self) -> Option<u64> {
        let still_ms = self.newest_ms.saturating_sub(self.changed_ms);
        (still_ms > FROZEN_MS).then_some(still_ms / 1000)
    }
}
