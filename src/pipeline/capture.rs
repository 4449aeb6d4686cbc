//! The `capture` thread: opens the source, hands over its frames, and opens a lost device again for ever.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{Opener, Pace, Shared};
use crate::capture::{CaptureError, Captured, FrameSource, Signal};
use crate::frame::BufferPool;

/// The longest a source may wait for a frame before the thread looks around.
const WAIT: Duration = Duration::from_millis(100);
/// A device that gives nothing for this long has no signal.
const SILENCE: Duration = Duration::from_millis(500);
const FIRST_BACKOFF: Duration = Duration::from_millis(125);
const LAST_BACKOFF: Duration = Duration::from_secs(2);

pub(super) fn run(mut open: Opener, pace: Pace, shared: &Shared) {
    let mut backoff = FIRST_BACKOFF;
    let mut said = String::new();
    while !shared.stopping() {
        let error = match open() {
            Ok(mut source) => {
                tracing::info!("capturing from {}", source.describe());
                said.clear();
                backoff = FIRST_BACKOFF;
                match drain(&mut *source, pace, shared) {
                    Some(error) => error,
                    None => break,
                }
            }
            Err(error) => error,
        };
        let reason = crate::one_line(&error);
        if reason != said {
            tracing::warn!("{reason}");
            said.clone_from(&reason);
        }
        shared.set_signal(match error {
            CaptureError::Unsupported { .. } => Signal::Unsupported { reason },
            _ => Signal::Absent { reason },
        });
        if pace != Pace::Device {
            break;
        }
        let until = Instant::now() + backoff;
        while Instant::now() < until && !shared.stopping() {
            std::thread::sleep(WAIT.min(backoff));
        }
        backoff = LAST_BACKOFF.min(backoff * 2);
    }
    shared.slot.close();
}

/// Hands over frames until the source is over or the daemon stops (`None`), or a device is lost.
fn drain(source: &mut dyn FrameSource, pace: Pace, shared: &Shared) -> Option<CaptureError> {
    let pool = BufferPool::default();
    let mut last = Instant::now();
    while !shared.stopping() {
        match source.next(&pool, WAIT) {
            Ok(Captured::Frame(frame)) => {
                last = Instant::now();
                shared.captured.fetch_add(1, Ordering::Relaxed);
                shared.set_signal(Signal::Live);
                hand_over((last, frame), pace, shared);
            }
            Ok(Captured::Nothing) => {
                if last.elapsed() > SILENCE && pace == Pace::Device {
                    let reason = format!(
                        "{}: no picture for {} ms",
                        source.describe(),
                        last.elapsed().as_millis()
                    );
                    shared.set_signal(Signal::NoSignal { reason });
                }
            }
            Ok(Captured::End) => {
                let reason = format!("the recording is over: {}", source.describe());
                shared.set_signal(Signal::Absent { reason });
                return None;
            }
            Err(error) if pace == Pace::Device => return Some(error),
            // One picture of a recording; the next may be good.
            Err(error) => tracing::warn!("{}", crate::one_line(&error)),
        }
    }
    None
}

fn hand_over(frame: (Instant, crate::frame::Frame), pace: Pace, shared: &Shared) {
    if pace != Pace::Fast {
        return shared.slot.put(frame);
    }
    let mut waiting = Some(frame);
    while let Some(frame) = waiting.take() {
        if shared.stopping() {
            return;
        }
        waiting = shared.slot.put_when_empty(frame, WAIT);
    }
}
