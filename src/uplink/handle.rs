//! The way to the workers: asks how they are doing, and tells them what people want.

use std::sync::Arc;
use std::sync::mpsc::Sender;

use chrono::{DateTime, Utc};

use super::state::{Condition, Selection, Shared};
use super::worker::Note;
use crate::store::{Address, Delivery, DeliveryState, Entry, Queue, Store, StoreError};

/// Asks the workers and tells them something.
#[derive(Clone, Default)]
pub struct Handle(Option<Arc<Desk>>);

struct Desk {
    workers: Vec<(Sender<Note>, Arc<Shared>)>,
    /// What is delivered of every exam.
    addresses: Vec<Address>,
    queue: Queue,
}

impl Handle {
    pub(super) fn new(
        workers: Vec<(Sender<Note>, Arc<Shared>)>,
        addresses: Vec<Address>,
        queue: Queue,
    ) -> Self {
        Self(Some(Arc::new(Desk {
            workers,
            addresses,
            queue,
        })))
    }

    fn workers(&self) -> &[(Sender<Note>, Arc<Shared>)] {
        self.0.as_ref().map_or(&[], |desk| &desk.workers)
    }

    /// How each destination is doing.
    pub fn conditions(&self) -> Vec<Condition> {
        self.workers()
            .iter()
            .map(|(_, shared)| shared.condition())
            .collect()
    }

    /// Whether there is a destination of that name.
    pub fn knows(&self, name: &str) -> bool {
        self.workers()
            .iter()
            .any(|(_, shared)| shared.condition().name == name)
    }

    /// Whether there are any destinations.
    pub fn is_empty(&self) -> bool {
        self.workers().is_empty()
    }

    /// Tries now, whatever failed before.
    pub fn push(&self, which: &Selection) {
        self.tell(which, || Note::Push);
    }

    /// Owes the exams that ended since then wherever they never were: at destinations that the config names only now. Says how
    /// many they are. Waits for the disk; damaged records are left to `sonograde check`.
    ///
    /// # Errors
    /// [`StoreError`] if nothing is written any more.
    pub fn owe(&self, store: &Store, since: DateTime<Utc>) -> Result<usize, StoreError> {
        let Some(desk) = &self.0 else { return Ok(0) };
        let exams = store.exams().filter_map(Result::ok);
        let recent = exams.take_while(|exam| exam.started >= since);
        let mut count = 0;
        for exam in recent.filter(|exam| exam.uids.is_some()) {
            let missing = store.never_owed(&exam.id, &desk.addresses);
            if missing.is_ok_and(|missing| !missing.is_empty()) {
                desk.queue.send(Entry::Owe(exam.id))?;
                count += 1;
            }
        }
        Ok(count)
    }

    /// Gives up what is selected of one exam and was not delivered, also at destinations that the config names no more; says
    /// how many objects. `reason` is for people.
    ///
    /// # Errors
    /// [`StoreError`] if the outbox cannot be read or nothing is written any more.
    pub fn give_up(&self, store: &Store, which: &Selection, reason: &str) -> Result<usize, StoreError> {
        let (Some(desk), Some(exam)) = (&self.0, &which.exam) else {
            return Ok(0);
        };
        let open = |d: &Delivery| d.state != DeliveryState::Committed && !d.given_up && which.holds(d);
        let found: Vec<Delivery> = store.deliveries_of(exam)?.into_iter().filter(open).collect();
        let count = found.len();
        for delivery in found {
            let given_up = Delivery {
                state: DeliveryState::Rejected,
                given_up: true,
                next_try: None,
                error: Some(format!("given up: {reason}")),
                ..delivery
            };
            desk.queue.send(Entry::Delivery(Box::new(given_up)))?;
        }
        self.tell(which, || Note::Forget(which.clone()));
        Ok(count)
    }

    /// Stops sending, or goes on with it, until told otherwise or started again.
    pub fn pause(&self, which: &Selection, paused: bool) {
        for (notes, shared) in self.of(which) {
            shared.pause(paused);
            // A worker that is gone has nothing to pause.
            let _ = notes.send(Note::Push);
        }
    }

    /// What was set aside is owed again.
    pub fn retry(&self, which: &Selection) {
        self.tell(which, || Note::Retry(which.clone()));
    }

    /// What is kept is asked for again, and sent again where it is not.
    pub fn verify(&self, which: &Selection) {
        self.tell(which, || Note::Verify(which.clone()));
    }

    /// Has the workers end.
    pub(super) fn stop(&self) {
        for (_, shared) in self.workers() {
            shared.stop();
        }
        self.tell(&Selection::default(), || Note::Push);
    }

    fn of<'a>(&'a self, which: &'a Selection) -> impl Iterator<Item = &'a (Sender<Note>, Arc<Shared>)> {
        let wanted = which.destination.as_deref();
        self.workers()
            .iter()
            .filter(move |(_, shared)| wanted.is_none_or(|name| shared.condition().name == name))
    }

    pub(super) fn tell(&self, which: &Selection, note: impl Fn() -> Note) {
        for (notes, _) in self.of(which) {
            let _ = notes.send(note());
        }
    }
}
