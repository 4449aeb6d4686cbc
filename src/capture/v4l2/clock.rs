//! Turns the driver's counters into ours.

use std::time::Duration;

/// Numbers and times of the frames since the device was opened.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// The driver's time of the last frame, and ours.
    time: Option<(Duration, Duration)>,
    /// The driver's number of the last frame of this stream.
    last: Option<u32>,
    /// Our number of the next one.
    next: u64,
}

/// What the clock says of a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stamp {
    /// Always more than the last one's, by more than 1 where frames are missing.
    pub seq: u64,
    /// Since the first frame; never falls.
    pub t: Duration,
    /// Frames that the driver dropped since the last one.
    pub missed: u64,
}

impl Clock {
    /// A new stream of the same device: the driver counts from anywhere, ours goes on.
    pub fn restarted(&mut self) {
        self.last = None;
    }

    /// Reads a frame's counters. The driver's number is 32 bits wide and wraps; a driver that does not count, or starts
    /// over, counts as one on. Its time can wrap or be set back.
    pub fn read(&mut self, sequence: u32, time: Duration) -> Stamp {
        let missed = match self.last.map(|last| sequence.wrapping_sub(last)) {
            Some(ahead @ 1..=0x7fff_ffff) => u64::from(ahead) - 1,
            _ => 0,
        };
        let seq = self.next + missed;
        self.last = Some(sequence);
        self.next = seq + 1;
        let (before, t) = self.time.unwrap_or((time, Duration::ZERO));
        let t = t + time.saturating_sub(before);
        self.time = Some((time, t));
        Stamp { seq, t, missed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drivers_numbers_wrap_start_over_or_stand_still_and_ours_go_on() {
        let mut clock = Clock::default();
        let mut read = |sequence, ms| {
            let stamp = clock.read(sequence, Duration::from_millis(ms));
            (stamp.seq, stamp.t.as_millis(), stamp.missed)
        };
        let start = u32::MAX - 1;
        assert_eq!(read(start, 500), (0, 0, 0));
        assert_eq!(read(u32::MAX, 517), (1, 17, 0));
        assert_eq!(read(2, 567), (4, 67, 2));
        assert_eq!(read(0, 583), (5, 83, 0));
        assert_eq!(read(0, 600), (6, 100, 0));
        assert_eq!(read(1, 400), (7, 100, 0));
        assert_eq!(read(2, 420), (8, 120, 0));
    }

    #[test]
    fn a_stream_that_begins_anew_lost_nothing() {
        let mut clock = Clock::default();
        clock.read(3, Duration::ZERO);
        clock.restarted();
        let stamp = clock.read(9, Duration::from_millis(40));
        assert_eq!((stamp.seq, stamp.missed), (1, 0));
    }
}
