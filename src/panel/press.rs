//! A switch: its level at each look → presses. Pure; the caller says what time it is.

use std::time::Duration;

/// How a switch was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Press {
    /// Let go before the press was long; said when it is let go.
    Short,
    /// Held; said as soon as it is long, for the foot to feel.
    Long,
}

/// What is remembered of one switch.
#[derive(Debug)]
pub struct Switch {
    debounce: Duration,
    long: Duration,
    /// The level as it was last seen, and since when.
    seen: (bool, Duration),
    held: Held,
}

#[derive(Debug, PartialEq, Eq)]
enum Held {
    /// Let go.
    No,
    /// Since then.
    Since(Duration),
    /// Nothing more comes of it until it is let go: it was long, or it was down before anyone looked.
    Spent,
}

impl Switch {
    /// A switch whose level counts once it is the same for `debounce`, and whose presses are long from `long` on.
    pub fn new(debounce: Duration, long: Duration) -> Self {
        Self {
            debounce,
            long,
            seen: (true, Duration::ZERO),
            held: Held::Spent,
        }
    }

    /// The level `down` was seen at the time `now`.
    pub fn look(&mut self, down: bool, now: Duration) -> Option<Press> {
        if down != self.seen.0 {
            self.seen = (down, now);
        }
        let since = self.seen.1;
        if now.saturating_sub(since) < self.debounce {
            return None;
        }
        match (down, &self.held) {
            (true, Held::No) => self.held = Held::Since(since),
            (true, Held::Since(began)) if now.saturating_sub(*began) >= self.long => {
                self.held = Held::Spent;
                return Some(Press::Long);
            }
            (false, Held::Since(_)) => {
                self.held = Held::No;
                return Some(Press::Short);
            }
            (false, Held::Spent) => self.held = Held::No,
            _ => {}
        }
        None
    }
}
