//! Gives a recording's frames at the times they were captured.

use std::time::{Duration, Instant};

use super::{CaptureError, Captured, FrameSource};
use crate::frame::{BufferPool, Frame};

/// A source whose frames come no earlier than their time stamps say.
pub struct Paced<S> {
    source: S,
    /// When the first frame was given, and its time stamp.
    origin: Option<(Instant, Duration)>,
    early: Option<Frame>,
}

impl<S: FrameSource> Paced<S> {
    /// Plays `source` in real time from its first frame on.
    pub fn new(source: S) -> Self {
        Self {
            source,
            origin: None,
            early: None,
        }
    }
}

impl<S: FrameSource> FrameSource for Paced<S> {
    fn next(&mut self, pool: &BufferPool, wait: Duration) -> Result<Captured, CaptureError> {
        let frame = match self.early.take() {
            Some(frame) => frame,
            None => match self.source.next(pool, wait)? {
                Captured::Frame(frame) => frame,
                other => return Ok(other),
            },
        };
        let (began, first) = *self.origin.get_or_insert_with(|| (Instant::now(), frame.t));
        let ahead = frame.t.saturating_sub(first + began.elapsed());
        std::thread::sleep(ahead.min(wait));
        if ahead > wait {
            self.early = Some(frame);
            return Ok(Captured::Nothing);
        }
        Ok(Captured::Frame(frame))
    }

    fn describe(&self) -> String {
        self.source.describe()
    }

    fn len_hint(&self) -> Option<u64> {
        self.source.len_hint()
    }
}
