//! The `capture` thread: opens the source, hands over its frames, and opens a lost device again for ever.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use chrono::Utc;
use tokio::sync::watch;

use super::{Live, Opener, Pace, Shared};
use crate::capture::{CaptureError, Captured, FrameSource, Signal};
use crate::exam::Interrupted;
use crate::frame::{BufferPool, Frame};
use crate::health::{self, Heart};

/// The longest a source may wait for a frame before the thread looks around.
const WAIT: Duration = Duration::from_millis(50);
/// A device that gives nothing for this long has no signal. With the rest of the way it is under half a second until the
/// page shows no score.
const SILENCE: Duration = Duration::from_millis(350);
const FIRST_BACKOFF: Duration = Duration::from_millis(125);
/// Opening takes its time too: together it stays under 2 s from a fault's end to the next picture.
const LAST_BACKOFF: Duration = Duration::from_secs(1);

pub(super) fn run(
    mut open: Opener,
    pace: Pace,
    shared: &Shared,
    publish: &watch::Sender<Live>,
    heart: &Heart,
    mut numbering: Numbering,
) {
    let mut backoff = FIRST_BACKOFF;
    let mut said = String::new();
    while !shared.stopping() {
        let error = match open() {
            Ok(mut source) => {
                tracing::info!("capturing from {}", source.describe());
                let began = Instant::now();
                numbering.opened();
                let error = drain(&mut *source, pace, shared, publish, &mut numbering, heart);
                if began.elapsed() > LAST_BACKOFF {
                    said.clear();
                    backoff = FIRST_BACKOFF;
                }
                match error {
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
        say(
            match error {
                CaptureError::Unsupported { .. } => Signal::Unsupported { reason },
                _ => Signal::Absent { reason },
            },
            shared,
            publish,
        );
        if pace != Pace::Device {
            break;
        }
        let failed = Instant::now();
        while let Some(left) = backoff.checked_sub(failed.elapsed())
            && !shared.stopping()
        {
            heart.beat();
            std::thread::park_timeout(left.min(health::AT_LEAST / 2)); // who stops it wakes it
        }
        backoff = LAST_BACKOFF.min(backoff * 2);
    }
    shared.slot.close();
}

/// Hands over frames until the source is over or the daemon stops (`None`), or a device is lost.
fn drain(
    source: &mut dyn FrameSource,
    pace: Pace,
    shared: &Shared,
    publish: &watch::Sender<Live>,
    numbering: &mut Numbering,
    heart: &Heart,
) -> Option<CaptureError> {
    let pool = BufferPool::default();
    let before = shared.lost();
    let mut last = Instant::now();
    while !shared.stopping() {
        heart.beat();
        let captured = source.next(&pool, WAIT);
        shared.set_lost(before + source.lost());
        match captured {
            Ok(Captured::Frame(mut frame)) => {
                numbering.go_on(&mut frame);
                last = Instant::now();
                shared.captured.fetch_add(1, Ordering::Relaxed);
                say(Signal::Live, shared, publish);
                hand_over((last, frame), pace, shared, heart);
            }
            Ok(Captured::Nothing) => {
                if last.elapsed() > SILENCE && pace == Pace::Device {
                    let reason = format!("{}: no picture comes", source.describe());
                    say(Signal::NoSignal { reason }, shared, publish);
                }
            }
            Ok(Captured::NoPicture(signal)) => {
                if let Some(reason) = signal.reason()
                    && shared.presence().signal != signal
                {
                    tracing::warn!("{reason}");
                }
                say(signal, shared, publish);
            }
            Ok(Captured::End) => {
                let reason = format!("the recording is over: {}", source.describe());
                say(Signal::Absent { reason }, shared, publish);
                return None;
            }
            Err(error) if pace == Pace::Device => return Some(error),
            // One picture of a recording; the next may be good.
            Err(error) => tracing::warn!("{}", crate::one_line(&error)),
        }
    }
    None
}

/// Says at once what the signal is when it has changed, whatever `infer` is busy with. There is no score of it yet.
fn say(signal: Signal, shared: &Shared, publish: &watch::Sender<Live>) {
    if shared.set_signal(&signal) {
        publish.send_modify(|live| {
            live.graded = None;
            live.signal = signal;
        });
    }
}

fn hand_over(frame: (Instant, Frame), pace: Pace, shared: &Shared, heart: &Heart) {
    if pace != Pace::Fast {
        return shared.slot.put(frame);
    }
    let mut waiting = Some(frame);
    while let Some(frame) = waiting.take() {
        if shared.stopping() {
            return;
        }
        heart.beat();
        waiting = shared.slot.put_when_empty(frame, WAIT);
    }
}

/// Keeps numbers and times rising when a device is opened again and its driver begins at 0: an exam goes on over the
/// gap, and its frames are stored by number.
#[derive(Default)]
pub(super) struct Numbering {
    /// When the source was opened first.
    origin: Option<Instant>,
    /// Time before that, of an exam that goes on over a restart.
    before: Duration,
    /// What is added to the numbers and times of the source that is open.
    base: (u64, Duration),
    /// The number after the last one given.
    next: u64,
}

impl Numbering {
    /// Goes on after the frames of `interrupted`, by as much later as the clock says.
    pub fn after(interrupted: &Interrupted) -> Self {
        let Some(last) = interrupted.frames.last() else {
            return Self::default();
        };
        let gap = (Utc::now() - interrupted.last()).to_std().unwrap_or_default();
        Self {
            before: Duration::from_millis(last.t_ms) + gap,
            next: last.seq + 1,
            ..Self::default()
        }
    }

    fn opened(&mut self) {
        let now = Instant::now();
        self.base = (self.next, self.before + (now - *self.origin.get_or_insert(now)));
    }

    fn go_on(&mut self, frame: &mut Frame) {
        frame.seq += self.base.0;
        frame.t += self.base.1;
        self.next = frame.seq + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{FrameFormat, PixelFormat};

    /// An exam lost results after an unplug: the driver counts from 0 again, and frames are stored by number.
    #[test]
    fn numbers_and_times_rise_over_a_device_that_is_opened_again() {
        let mut numbering = Numbering::default();
        let mut given = Vec::new();
        for _ in 0..3 {
            numbering.opened();
            for n in 0..4 {
                let format = FrameFormat::packed(PixelFormat::Grey, 1, 1);
                let mut frame = Frame {
                    seq: n,
                    t: Duration::from_micros(n),
                    wall: std::time::SystemTime::UNIX_EPOCH,
                    format,
                    bytes: vec![0].into(),
                };
                numbering.go_on(&mut frame);
                given.push((frame.seq, frame.t));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(
            given.iter().map(|g| g.0).collect::<Vec<_>>(),
            (0..12).collect::<Vec<_>>()
        );
        assert!(given.is_sorted_by_key(|g| g.1), "{given:?}");
    }
}
