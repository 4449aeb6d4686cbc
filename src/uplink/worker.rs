//! The thread of one destination: sends what the outbox owes it, asks whether it is kept, writes down what came of it.
//!
//! It reads the store and asks the `store` thread to write; it never holds up either. Only what is durable is sent. While the
//! destination cannot be reached it sleeps, longer each time, and writes nothing.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use chrono::{Local, TimeDelta, Utc};

use super::agenda::{Agenda, Key};
use super::backoff::Backoff;
use super::dimse::Report;
use super::line::{Answers, Line, Said};
use super::parcel::{Parcel, Ready, Target};
use super::settings::{Destination, is_open};
use super::state::{Selection, Shared};
use super::trouble::Trouble;
use crate::store::{Delivery, DeliveryState, Entry, Queue, Store};

/// How often it is looked whether an exam has ended.
const LOOK: Duration = Duration::from_millis(500);
/// The outbox is read again at least this often, whatever was said of it.
const RESCAN: Duration = Duration::from_secs(300);
/// After fewer attempts nothing is given up, however long ago the first was: clocks jump.
const FEW: u32 = 10;
/// So many objects are sent before it is asked whether they are kept.
const MANY: usize = 200;

/// What others tell the worker.
pub(super) enum Note {
    /// Try now, whatever failed before.
    Push,
    /// What was set aside is owed again.
    Retry(Selection),
    /// What was given up is not sent.
    Forget(Selection),
    /// What is kept is asked for again.
    Verify(Selection),
    /// A report on a commitment.
    Report(Arc<Report>),
}

/// One destination's thread.
pub(super) struct Worker {
    pub destination: Destination,
    pub line: Line,
    /// Not held while the network is waited for: whoever closes the store does not wait for it either.
    pub store: Weak<Store>,
    pub queue: Queue,
    pub shared: Arc<Shared>,
    pub agenda: Agenda,
    pub backoff: Backoff,
    /// Nothing is sent before.
    pub rests_until: Option<Instant>,
    /// Nothing is verified before.
    pub verifies_at: Instant,
    pub scanned: Option<(u64, Instant)>,
    /// What is sent next, made while something else was sent.
    pub ahead: Option<(Key, Result<Option<Ready>, Trouble>)>,
}

impl Worker {
    pub fn run(mut self, notes: &Receiver<Note>) {
        while !self.shared.stopping() {
            let wait = self.turn();
            let mut note = match notes.recv_timeout(wait) {
                Ok(note) => Some(note),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            while let Some(now) = note {
                self.take(now);
                note = notes.try_recv().ok();
            }
        }
    }

    /// Does one thing; says how long there is nothing more to do.
    fn turn(&mut self) -> Duration {
        let Some(store) = self.store.upgrade() else {
            return LOOK;
        };
        self.scan(&store);
        self.shared
            .owed(self.agenda.count_pending(), self.agenda.count_sent());
        let closed = !is_open(self.destination.hours, Local::now().time());
        if self.shared.paused() || closed {
            self.line.rest();
            return LOOK;
        }
        if self.rests_until.is_some_and(|until| Instant::now() < until) {
            return LOOK;
        }
        let next = self.agenda.next(Utc::now());
        let many = self.agenda.count_sent() >= MANY;
        if self.agenda.count_sent() > 0 && (next.is_none() || many) && Instant::now() >= self.verifies_at {
            self.verify(store, next.is_none());
            return Duration::ZERO;
        }
        drop(store);
        match next {
            Some((key, delivery)) => {
                self.send(&key, delivery);
                Duration::ZERO
            }
            None => {
                self.line.rest();
                LOOK
            }
        }
    }

    /// Reads the outbox again if exams have ended since, or for safety.
    fn scan(&mut self, store: &Store) {
        let ended = self.queue.ended();
        let fresh = |(seen, at): (u64, Instant)| seen == ended && at.elapsed() < RESCAN;
        if self.scanned.is_some_and(fresh) {
            return;
        }
        let name = &self.destination.name;
        let ours = store.outbox().filter_map(|entry| match entry {
            Ok(delivery) if delivery.address.destination == *name => Some(delivery),
            Ok(_) => None,
            Err(error) => {
                tracing::error!("{error}");
                None
            }
        });
        let ours: Vec<Delivery> = ours.collect();
        // What was read may not be durable yet: nothing is sent that a power cut could take back.
        if !self.queue.settle() {
            return;
        }
        self.agenda.refresh(ours.into_iter());
        self.scanned = Some((ended, Instant::now()));
    }

    fn send(&mut self, key: &Key, delivery: Delivery) {
        if let Err(trouble) = self.line.open() {
            return self.trouble(key, delivery, None, trouble);
        }
        let ahead = self.ahead.take().filter(|(ready, _)| ready == key);
        let ready = match (ahead, self.store.upgrade()) {
            (Some((_, ready)), _) => ready,
            (None, Some(store)) => Ready::make(&store, &key.exam, &key.object),
            (None, None) => return,
        };
        let (target, made) = match ready {
            Ok(Some(Ready { target, made })) => (target, made),
            Ok(None) => return self.agenda.forget(key),
            Err(error) => return self.trouble(key, delivery, None, error),
        };
        if target.as_ref().map(|target| &target.instance) != delivery.instance.as_ref() {
            // It was given to another patient a moment ago.
            self.scanned = None;
            return self.agenda.forget(key);
        }
        let parcel = match made {
            Ok(Some(parcel)) => parcel,
            Ok(None) => {
                let nothing = Delivery {
                    state: DeliveryState::Committed,
                    error: Some("the exam has no pictures: there is nothing to send".into()),
                    ..delivery
                };
                return self.write(key.clone(), nothing, None);
            }
            Err(trouble) => return self.trouble(key, delivery, target, trouble),
        };
        match self.send_and_prepare(key, &parcel) {
            Ok(()) => {
                self.works(parcel.data.len());
                let sent = Delivery {
                    state: DeliveryState::Sent,
                    attempts: delivery.attempts + 1,
                    next_try: None,
                    error: None,
                    ..delivery
                };
                self.write(key.clone(), sent, target);
            }
            Err(trouble) => self.trouble(key, delivery, target, trouble),
        }
    }

    /// Sends an object, and makes the next one meanwhile.
    fn send_and_prepare(&mut self, key: &Key, parcel: &Parcel) -> Result<(), Trouble> {
        let (next, store, line) = (self.agenda.after(key, Utc::now()), &self.store, &mut self.line);
        let prepare = |next: Key| {
            let store = store.upgrade()?;
            let ready = Ready::make(&store, &next.exam, &next.object);
            Some((next, ready))
        };
        let (sent, ahead) = thread::scope(|scope| {
            let ahead = next.map(|next| scope.spawn(|| prepare(next)));
            let sent = line.send(parcel);
            (sent, ahead.and_then(|ahead| ahead.join().ok().flatten()))
        });
        // While nothing gets through, exams may change.
        self.ahead = ahead.filter(|_| sent.is_ok());
        sent
    }

    /// It was not sent.
    fn trouble(&mut self, key: &Key, delivery: Delivery, target: Option<Target>, trouble: Trouble) {
        let attempts = delivery.attempts + 1;
        match trouble {
            Trouble::Link(words) => {
                let pause = self.down(words);
                // What broke the line may break it again: others have their turn first.
                if target.is_some() {
                    self.agenda.postpone(key, Utc::now() + pause * 2);
                }
            }
            Trouble::Later(words) => {
                self.shared.troubled(&words);
                self.later(key.clone(), Delivery { attempts, ..delivery }, words);
                // What is short for one is short for the next.
                self.rests_until = Some(Instant::now() + self.backoff.failed());
            }
            Trouble::Refused(words) => self.refused(key.clone(), Delivery { attempts, ..delivery }, words),
        }
    }

    /// It is tried again, unless that has gone on for too long.
    fn later(&mut self, key: Key, delivery: Delivery, words: String) {
        let now = Utc::now();
        let since = delivery.failing_since.unwrap_or(now);
        let hours = self.destination.give_up_after_h;
        if now - since > TimeDelta::hours(hours.into()) && delivery.attempts > FEW {
            return self.refused(key, delivery, format!("given up after {hours} hours: {words}"));
        }
        let later = Delivery {
            state: DeliveryState::Pending,
            next_try: Some(now + self.backoff.after(delivery.attempts)),
            failing_since: Some(since),
            error: Some(words),
            ..delivery
        };
        self.write(key, later, None);
    }

    /// It is set aside.
    fn refused(&mut self, key: Key, delivery: Delivery, words: String) {
        tracing::error!(
            "{} of exam {} is set aside: {}: {words}; `sonograde uplink status` lists what is, `retry` tries again",
            key.object,
            key.exam,
            self.destination.name
        );
        let refused = Delivery {
            state: DeliveryState::Rejected,
            next_try: None,
            error: Some(words),
            ..delivery
        };
        self.write(key, refused, None);
    }

    /// The destination cannot be reached: how long it is left alone.
    fn down(&mut self, words: String) -> Duration {
        let pause = self.backoff.failed();
        self.rests_until = Some(Instant::now() + pause);
        if self.shared.down(&words) {
            tracing::warn!("{}: deliveries wait: {words}", self.destination.name);
        }
        pause
    }

    /// The destination answered.
    fn works(&mut self, bytes: usize) {
        self.backoff.reset();
        self.rests_until = None;
        if self.shared.works(bytes) {
            tracing::info!("{} is reached again", self.destination.name);
        }
    }

    fn verify(&mut self, store: Arc<Store>, idle: bool) {
        let mut gone = Vec::new();
        for (key, target) in self.agenda.sent().filter(|(_, target)| target.is_none()) {
            match store.exam(&key.exam) {
                Ok(Some(exam)) => *target = Target::of(&exam, &key.object),
                Ok(None) => gone.push(key.clone()),
                Err(error) => tracing::error!("{}", crate::one_line(&error)),
            }
        }
        drop(store);
        for key in gone {
            self.agenda.forget(&key);
        }
        let targets: Vec<Target> = self
            .agenda
            .sent()
            .filter_map(|(_, target)| target.clone())
            .collect();
        match self.line.verify(&targets, idle) {
            Ok(Some(answers)) => self.answered(answers),
            Ok(None) => self.verifies_at = Instant::now() + LOOK,
            Err(Trouble::Link(words)) => drop(self.down(words)),
            Err(Trouble::Later(words) | Trouble::Refused(words)) => {
                self.shared.troubled(&words);
                self.verifies_at = Instant::now() + self.backoff.failed();
            }
        }
    }

    fn answered(&mut self, answers: Answers) {
        if !answers.is_empty() {
            self.works(0);
        }
        let mut sent = self.agenda.by_instance();
        for (instance, said) in answers {
            let Some((key, delivery)) = sent.remove(&instance) else {
                continue;
            };
            match said {
                Said::Kept => {
                    let kept = Delivery {
                        state: DeliveryState::Committed,
                        failing_since: None,
                        error: None,
                        ..delivery
                    };
                    self.write(key, kept, None);
                }
                Said::Missing(words) => self.later(key, delivery, words),
                Said::Refused(words) => self.refused(key, delivery, words),
            }
        }
    }

    fn write(&mut self, key: Key, delivery: Delivery, target: Option<Target>) {
        let entry = Entry::Delivery(Box::new(delivery.clone()));
        self.agenda.put(key, delivery, target);
        if self.queue.send(entry).is_err() {
            // Nothing is written any more, and so nothing is to be sent.
            self.shared.stop();
        }
    }

    fn take(&mut self, note: Note) {
        match note {
            Note::Push => {
                self.agenda.hurry();
                self.backoff.reset();
                (self.rests_until, self.verifies_at) = (None, Instant::now());
            }
            Note::Report(report) => {
                let answers = self.line.reported((*report).clone());
                self.answered(answers);
            }
            Note::Forget(which) => self.agenda.drop(&which),
            Note::Retry(which) => self.change(&which, DeliveryState::Rejected, DeliveryState::Pending),
            Note::Verify(which) => {
                self.change(&which, DeliveryState::Committed, DeliveryState::Sent);
                self.verifies_at = Instant::now();
            }
        }
    }

    /// What is selected and in the first state is put into the second.
    fn change(&mut self, which: &Selection, from: DeliveryState, to: DeliveryState) {
        let Some(store) = self.store.upgrade() else {
            return;
        };
        let name = self.destination.name.clone();
        let ours = |d: &Delivery| d.address.destination == name && d.state == from && which.holds(d);
        // What has nothing to send has nothing to be asked for.
        let is_there = |d: &Delivery| from != DeliveryState::Committed || d.error.is_none();
        let found: Vec<Delivery> = store
            .outbox()
            .filter_map(Result::ok)
            .filter(|d| ours(d) && is_there(d))
            .collect();
        for delivery in found {
            let changed = Delivery {
                state: to,
                next_try: None,
                failing_since: None,
                attempts: 0,
                given_up: false,
                ..delivery
            };
            self.write(Key::of(&changed), changed, None);
        }
    }
}
