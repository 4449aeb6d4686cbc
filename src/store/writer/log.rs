//! What the `store` thread does with what comes.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use chrono::Utc;

use super::{
    Entry, GROUP, Message, Policy, RETRY, SHORT_HOURS, SURVEY, Shared, Status, WAITING, lock, not_stored,
};
use crate::audit::Event;
use crate::exam::record::Exam;
use crate::health::Heart;
use crate::store::{Store, StoreError};

/// What the thread works with.
pub(super) struct Log {
    store: Arc<Store>,
    shared: Arc<Mutex<Shared>>,
    policy: Policy,
    heart: Heart,
    /// The exam that runs.
    exam: Option<Box<Exam>>,
    /// What was sent and is not durable, in order; without pictures.
    owed: VecDeque<Entry>,
    /// When the first of them was stored; none where nothing was since the last commit.
    since: Option<Instant>,
    /// When to try again after the disk failed.
    retry: Option<Instant>,
    surveyed: Option<Instant>,
    /// Whether pictures are kept: not at the last reserve of space.
    pictures: bool,
    /// Whether the fault that is shown is that of a picture.
    picture_lost: bool,
    /// Whether an exam has ended since it was looked how large the database is.
    grown: bool,
    /// When there was nothing to do last.
    idle_since: Option<Instant>,
    finishing: bool,
}

impl Log {
    pub fn new(store: Arc<Store>, shared: Arc<Mutex<Shared>>, policy: Policy, heart: Heart) -> Self {
        lock(&shared).status.notice = store.notice().map(String::from);
        Self {
            store,
            shared,
            policy,
            heart,
            exam: None,
            owed: VecDeque::new(),
            since: None,
            retry: None,
            surveyed: None,
            pictures: true,
            picture_lost: false,
            grown: true,
            idle_since: None,
            finishing: false,
        }
    }

    /// Stores what comes until it is told to finish.
    pub fn run(&mut self, inbox: &Receiver<Message>) -> Result<(), StoreError> {
        loop {
            self.heart.beat();
            self.survey();
            let left = self
                .since
                .map_or(Some(GROUP), |since| GROUP.checked_sub(since.elapsed()));
            let message = match left {
                Some(left) => inbox.recv_timeout(left),
                None => Err(RecvTimeoutError::Timeout),
            };
            let done = match message {
                Ok(Message::Entry(entry)) => self.take(entry),
                Ok(Message::Finish) | Err(RecvTimeoutError::Disconnected) => return self.finish(inbox),
                Err(RecvTimeoutError::Timeout) if self.since.is_some() => self.commit(),
                Err(RecvTimeoutError::Timeout) => self.idle(),
            };
            if let Err(error) = done {
                self.latch(&error);
            }
            if self.retry.is_some_and(|at| Instant::now() >= at)
                && let Err(error) = self.recover(inbox)
            {
                self.latch(&error);
            }
            if self.finishing {
                return self.finish(inbox);
            }
        }
    }

    fn status(&self, change: impl FnOnce(&mut Status)) {
        change(&mut lock(&self.shared).status);
    }

    /// Takes an entry: stores it, or lets it wait for the disk.
    fn take(&mut self, entry: Entry) -> Result<(), StoreError> {
        let waits = self.retry.is_some();
        let refused = match entry {
            Entry::Key(_) => waits || !self.pictures,
            Entry::Frame(_) => waits && self.owed.len() >= WAITING,
            _ => false,
        };
        if refused {
            self.status(|status| (status.waiting, status.lost) = (status.waiting - 1, status.lost + 1));
            return Ok(());
        }
        if let Entry::Key(_) = entry {
            let kept = self.store_one(&entry);
            self.status(|status| status.waiting -= 1);
            // The next picture says whether what was in the way of one still is.
            let lost = std::mem::replace(&mut self.picture_lost, !matches!(kept, Ok(true)));
            if lost && !self.picture_lost {
                tracing::info!("pictures are kept again");
                self.status(|status| status.fault = None);
            }
            return kept.map(drop);
        }
        self.owed.push_back(entry.clone());
        if waits {
            return Ok(());
        }
        self.since.get_or_insert_with(Instant::now);
        if !self.store_one(&entry)? {
            self.owed.pop_back();
            self.status(|status| status.waiting -= 1);
        }
        match entry {
            Entry::Amend(_) | Entry::End(_) => self.commit(),
            _ => Ok(()),
        }
    }

    /// Stores an entry; false if it cannot be for a reason of its own, which is reported here. An error is one of the disk.
    fn store_one(&mut self, entry: &Entry) -> Result<bool, StoreError> {
        let exam = |what: String| match &self.exam {
            Some(exam) => Ok(exam.id.as_str()),
            None => Err(StoreError::NoExam { what }),
        };
        let stored = match entry {
            Entry::Begin(exam) => {
                self.exam = None;
                self.store
                    .begin(exam)
                    .inspect(|()| self.exam = Some(exam.clone()))
            }
            Entry::Resume(exam) => {
                self.exam = Some(exam.clone());
                Ok(())
            }
            Entry::Frame(graded) => {
                exam(format!("frame {}", graded.seq)).and_then(|exam| self.store.append(exam, graded))
            }
            Entry::Key(key) => {
                exam(format!("key frame {}", key.seq)).and_then(|exam| self.store.keep(exam, key))
            }
            Entry::Amend(exam) => self.store.amend(exam, &self.policy.addresses),
            Entry::End(exam) => {
                self.exam = None;
                self.store.end(exam, &self.policy.addresses)
            }
            Entry::Owe(id) => self.store.owe(id, &self.policy.addresses),
            Entry::Delivery(delivery) => self.store.update(delivery),
        };
        match stored {
            Ok(()) => Ok(true),
            Err(error) if concerns_all(&error) => Err(error),
            Err(error) => {
                let words = not_stored(&error);
                tracing::error!("{words}");
                self.status(|status| (status.lost, status.fault) = (status.lost + 1, Some(words)));
                Ok(false)
            }
        }
    }

    /// Makes what is stored durable, counts it as saved, and writes the folders of exams that began or ended.
    fn commit(&mut self) -> Result<(), StoreError> {
        self.store.commit()?;
        self.since = None;
        let (mut saved, mut last) = (0, None);
        let grew = |entry: &Entry| matches!(entry, Entry::End(_) | Entry::Amend(_) | Entry::Owe(_));
        lock(&self.shared).commits += 1;
        let done = std::mem::take(&mut self.owed);
        if done.iter().any(grew) {
            lock(&self.shared).ended += 1;
        }
        for graded in done.iter().filter_map(|entry| match entry {
            Entry::Frame(graded) if graded.outcome.is_ok() => Some(graded),
            _ => None,
        }) {
            (saved, last) = (saved + 1, Some(graded.seq));
        }
        self.status(|status| {
            status.waiting -= done.len() as u64;
            status.saved += saved;
            status.last_saved_seq = last.or(status.last_saved_seq);
        });
        for entry in done {
            match entry {
                Entry::Begin(exam) if self.runs(&exam.id) => self.file(&exam.id),
                Entry::End(exam) => {
                    self.grown = true;
                    self.file(&exam.id)
                }
                _ => continue,
            };
        }
        Ok(())
    }

    fn runs(&self, id: &str) -> bool {
        self.exam.as_ref().is_some_and(|exam| exam.id == id)
    }

    /// Writes an exam's folder. What could not be written is behind and is written later.
    fn file(&self, id: &str) -> bool {
        let filed = self.store.file(id, self.runs(id));
        if let Err(error) = &filed {
            tracing::error!("{}", crate::one_line(error));
        }
        filed.is_ok()
    }

    /// Between entries: writes the next folder that is behind, makes room, and makes a database that has grown small again.
    fn idle(&mut self) -> Result<(), StoreError> {
        let rests = self.idle_since.is_some_and(|at| at.elapsed() < SURVEY);
        if self.retry.is_some() || self.exam.is_some() || rests {
            return Ok(());
        }
        let unfiled = self.store.unfiled().next().transpose()?;
        if let Some(id) = unfiled {
            if !self.file(&id) {
                self.idle_since = Some(Instant::now());
            }
            return Ok(());
        }
        let destinations = !self.policy.addresses.is_empty();
        let next = self
            .store
            .next_to_go(&self.policy.keep, destinations, Utc::now())?;
        if let Some(id) = next {
            tracing::warn!(exam = id, "removed to make room");
            // Before it is: a cut in between has it recorded twice, not never.
            if let (Some(audit), Some(exam)) = (&self.policy.audit, self.store.exam(&id)?) {
                audit.record(Event::deleted(&exam));
            }
            return self.store.remove(&id);
        }
        self.idle_since = Some(Instant::now());
        if std::mem::take(&mut self.grown) && self.store.has_grown()? {
            let shared = Arc::clone(&self.shared);
            // An exam that begins goes first.
            self.grown = !self.store.compact(|| {
                self.heart.beat();
                lock(&shared).status.waiting == 0
            })?;
        }
        Ok(())
    }

    /// Looks how much room there is.
    fn survey(&mut self) {
        if self.surveyed.is_some_and(|at| at.elapsed() < SURVEY) {
            return;
        }
        self.surveyed = Some(Instant::now());
        let Ok(space) = self.store.space(Utc::now()) else {
            return;
        };
        let pictures = space.free_bytes >= self.policy.keep.reserve_mb << 20;
        let full = format!(
            "the disk is almost full ({} MB left): no more pictures are kept",
            space.free_bytes >> 20
        );
        let short = space.hours_left.filter(|hours| *hours < SHORT_HOURS);
        let short = short.map(|hours| format!("the disk is full in {hours:.0} hours at today's rate"));
        let full = (!pictures).then_some(full);
        let notices = [self.store.notice().map(String::from), full, short];
        let notice = notices.into_iter().flatten().reduce(|a, b| format!("{a}; {b}"));
        self.status(|status| (status.space, status.notice) = (Some(space), notice));
        self.pictures = pictures;
    }

    fn latch(&mut self, error: &StoreError) {
        let words = not_stored(error);
        tracing::error!("{words}");
        self.since = None;
        self.retry = Some(Instant::now() + RETRY);
        self.status(|status| status.fault = Some(words));
    }

    /// Opens the store again and stores what has waited.
    fn recover(&mut self, inbox: &Receiver<Message>) -> Result<(), StoreError> {
        let store = Arc::clone(&self.store);
        // What comes meanwhile waits: nobody is kept waiting for the disk.
        store.recover(|| {
            self.heart.beat();
            while let Ok(message) = inbox.try_recv() {
                match message {
                    // It is only put aside, which cannot fail.
                    Message::Entry(entry) => drop(self.take(entry)),
                    Message::Finish => self.finishing = true,
                }
            }
        })?;
        self.retry = None;
        let mut next = 0;
        while let Some(entry) = self.owed.get(next).cloned() {
            let stored = match &entry {
                // It may have been stored before the disk failed.
                Entry::Begin(exam) => {
                    self.exam = Some(exam.clone());
                    self.store.amend(exam, &[]).map(|()| true)
                }
                entry => self.store_one(entry),
            }?;
            if stored {
                next += 1;
            } else {
                self.owed.remove(next);
                self.status(|status| status.waiting -= 1);
            }
        }
        self.commit()?;
        tracing::info!("the store works again");
        self.status(|status| status.fault = None);
        Ok(())
    }

    /// Stores what is left. A disk that failed is tried once more.
    fn finish(&mut self, inbox: &Receiver<Message>) -> Result<(), StoreError> {
        let last = if self.retry.is_some() {
            self.recover(inbox)
        } else {
            self.commit()
        };
        self.exam = None;
        if let Err(error) = &last {
            self.latch(error);
            self.status(|status| (status.lost, status.waiting) = (status.lost + status.waiting, 0));
        }
        last
    }
}

/// Whether an error means that later entries cannot be stored either. A picture's file is its own affair, and so is
/// an entry that no record can hold.
fn concerns_all(error: &StoreError) -> bool {
    !matches!(
        error,
        StoreError::File { .. }
            | StoreError::Unstorable { .. }
            | StoreError::Taken { .. }
            | StoreError::NoExam { .. }
            | StoreError::NoDelivery { .. }
    )
}
