//! The `audit` thread: appends what is recorded, so that nobody waits for the disk.
//!
//! Events are few, so the queue has no bound and none is dropped: while the trail cannot be written, which is said, they
//! wait in memory.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Actor, AuditError, Event, Trail};

/// How soon to try again after a failed write.
const AGAIN: Duration = Duration::from_secs(5);

/// An event, who did it if not this process of itself, and when.
type Happened = (Event, Option<Actor>, DateTime<Utc>);

/// Takes events from any thread.
#[derive(Clone, Debug)]
pub struct Recorder {
    queue: Sender<Happened>,
    fault: Arc<Mutex<Option<String>>>,
}

impl Recorder {
    /// Starts the thread. It ends when the last clone of the recorder is gone and everything is written, or cannot be.
    pub fn start(trail: Trail) -> (Self, JoinHandle<()>) {
        let (queue, events) = channel();
        let fault = Arc::new(Mutex::new(None));
        let recorder = Self {
            queue,
            fault: Arc::clone(&fault),
        };
        let log = Log {
            trail,
            who: Actor::of_process(),
            waiting: VecDeque::new(),
            fault,
        };
        let thread = std::thread::Builder::new().name("audit".into());
        let thread = thread.spawn(move || log.run(&events));
        (recorder, thread.expect("the system starts a thread"))
    }

    /// Records what this process did just now. Waits for nothing.
    pub fn record(&self, event: Event) {
        self.send(event, None);
    }

    /// Records what somebody did just now; this process where nobody is known by name. Waits for nothing.
    pub fn record_by(&self, who: impl Into<Option<Actor>>, event: Event) {
        self.send(event, who.into());
    }

    fn send(&self, event: Event, who: Option<Actor>) {
        // The thread lives as long as any recorder.
        let _ = self.queue.send((event, who, Utc::now()));
    }

    /// Why the trail is not being written, for people; `None` while it is.
    pub fn fault(&self) -> Option<String> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

struct Log {
    trail: Trail,
    who: Actor,
    waiting: VecDeque<Happened>,
    fault: Arc<Mutex<Option<String>>>,
}

impl Log {
    fn run(mut self, events: &Receiver<Happened>) {
        loop {
            let event = if self.waiting.is_empty() {
                events.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                events.recv_timeout(AGAIN)
            };
            let last = event == Err(RecvTimeoutError::Disconnected);
            self.waiting.extend(event);
            self.write();
            if last {
                break;
            }
        }
        if !self.waiting.is_empty() {
            tracing::error!("{} audit records were not written", self.waiting.len());
        }
    }

    fn write(&mut self) {
        while let Some((event, who, time)) = self.waiting.pop_front() {
            let done = self
                .trail
                .append(who.as_ref().unwrap_or(&self.who), event.clone(), time);
            match done {
                Ok(()) => self.say(None),
                // Nothing will make it shorter.
                Err(error @ AuditError::TooLong { .. }) => tracing::error!("{error}"),
                Err(error) => {
                    self.waiting.push_front((event, who, time));
                    self.say(Some(format!(
                        "the audit trail is not being written: {}",
                        crate::one_line(&error)
                    )));
                    return;
                }
            }
        }
    }

    /// Logs and shows a change.
    fn say(&self, now: Option<String>) {
        let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*fault, &now) {
            (None, Some(words)) => tracing::error!("{words}"),
            (Some(_), None) => tracing::warn!("the audit trail is being written again"),
            _ => {}
        }
        *fault = now;
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_was_recorded_is_in_the_trail_when_the_thread_has_ended() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let (recorder, thread) = Recorder::start(Trail::of_store(dir.path()));
        for _ in 0..20 {
            recorder.record(Event::TrailRead);
        }
        let alice = Actor::named("alice");
        let from = String::from("10.0.0.7");
        recorder.record_by(alice.clone(), Event::LoggedIn { from });
        drop(recorder);
        thread.join().expect("no panic");
        let trail = Trail::of_store(dir.path());
        let report = trail.verify().expect("a trail");
        assert_eq!((report.records, report.faults.len()), (21, 0));
        let who = trail.last(|record| Some(record.who)).expect("a trail");
        assert_eq!(who, Some(alice));
    }

    #[test]
    fn while_the_trail_cannot_be_written_events_wait_and_it_is_said() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let in_the_way = dir.path().join("audit");
        fs::write(&in_the_way, "x").expect("a file");
        let (recorder, thread) = Recorder::start(Trail::of_store(dir.path()));
        recorder.record(Event::TrailRead);
        while recorder.fault().is_none() {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(
            recorder
                .fault()
                .is_some_and(|words| words.contains("not being written: cannot create"))
        );
        fs::remove_file(in_the_way).expect("a file");
        recorder.record(Event::Stopped);
        drop(recorder);
        thread.join().expect("no panic");
        let report = Trail::of_store(dir.path()).verify().expect("a trail");
        assert_eq!((report.records, report.faults.len()), (2, 0));
    }
}
