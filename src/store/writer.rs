//! The `store` thread: the only one that writes.
//!
//! Entries come through a bounded queue and are never dropped: a full queue makes the sender wait, and the status says
//! so. What is stored is made durable in groups, so that no frame waits longer than [`GROUP`] for its turn, and at
//! once when an exam ends; only then is it counted as saved.
//!
//! A failed write is latched. After a failed sync the kernel may have dropped the pages, and a second sync that
//! succeeds would prove nothing; so from then on nothing is written or counted as saved, everything that comes is
//! counted as lost, and the status says why. Scoring goes on. A key frame or a frame that cannot be
//! stored for a reason of its own is reported and does not end storing. This module does not reopen the store.

use std::error::Error;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::{Store, StoreError};
use crate::exam::record::{Exam, Graded, KeyFrame};
use crate::health::{self, Heart, Pulse};

/// How many entries may wait for the disk.
const QUEUE: usize = 256;
/// The longest that an entry waits for its commit to begin: with the commit itself, under a quarter of a second.
const GROUP: Duration = Duration::from_millis(200);

/// Something to store.
#[derive(Clone, Debug)]
pub enum Entry {
    /// An exam begins; what follows belongs to it.
    Begin(Box<Exam>),
    /// A graded frame; without a score it leaves no record.
    Frame(Arc<Graded>),
    /// A frame to keep as a picture.
    Key(KeyFrame),
    /// Somebody added to an exam, the running one or one before: its whole record as it is now. Durable at once.
    Amend(Box<Exam>),
    /// An exam ends, with its verdict.
    End(Box<Exam>),
}

/// What became of the entries so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Scored frames that are durable.
    pub saved: u64,
    /// The number of the last of them.
    pub last_saved_seq: Option<u64>,
    /// Entries that were sent and are not durable yet.
    pub waiting: u64,
    /// Entries that will never be durable.
    pub lost: u64,
    /// What the people at the cart have to know: `not being stored: …`, or that the disk is too slow.
    pub fault: Option<String>,
}

#[derive(Default)]
struct Shared {
    status: Status,
    senders_waiting: u32,
}

/// The sending end of the `store` thread. Dropped without [`Writer::finish`], the thread still stores what was
/// sent, but nobody waits for it.
pub struct Writer {
    queue: SyncSender<Entry>,
    shared: Arc<Mutex<Shared>>,
    thread: JoinHandle<Result<(), StoreError>>,
    pulse: Pulse,
}

impl Writer {
    /// Starts the thread.
    pub fn start(store: Arc<Store>) -> Result<Self, StoreError> {
        let (queue, entries) = sync_channel(QUEUE);
        let shared = Arc::new(Mutex::new(Shared::default()));
        let theirs = Arc::clone(&shared);
        let (heart, pulse) = health::heart("store");
        let thread = thread::Builder::new().name(String::from("store")).spawn(move || {
            let mut log = Log {
                store,
                shared: theirs,
                exam: None,
                batch: Batch::default(),
            };
            let done = log.store_all(&entries, &heart);
            drop(heart);
            if let Err(error) = &done {
                log.give_up(error, &entries);
            }
            done
        });
        let thread = thread.map_err(super::fault("start the thread", "store".as_ref()))?;
        Ok(Self {
            queue,
            shared,
            thread,
            pulse,
        })
    }

    /// Whether the thread still turns.
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Hands an entry over. Waits while the queue is full, which [`Writer::status`] then reports as a fault. Fails
    /// only if the thread is gone.
    pub fn send(&self, entry: Entry) -> Result<(), StoreError> {
        lock(&self.shared).status.waiting += 1;
        let sent = match self.queue.try_send(entry) {
            Err(TrySendError::Full(entry)) => {
                lock(&self.shared).senders_waiting += 1;
                let sent = self.queue.send(entry);
                lock(&self.shared).senders_waiting -= 1;
                sent.map_err(|_| StoreError::WriterGone)
            }
            sent => sent.map_err(|_| StoreError::WriterGone),
        };
        if let Err(error) = &sent {
            let status = &mut lock(&self.shared).status;
            status.waiting -= 1;
            status.lost += 1;
            status.fault.get_or_insert_with(|| not_stored(error));
        }
        sent
    }

    /// How things stand now.
    pub fn status(&self) -> Status {
        let shared = lock(&self.shared);
        let mut status = shared.status.clone();
        if shared.senders_waiting > 0 && status.fault.is_none() {
            status.fault = Some(format!("the disk is too slow: {QUEUE} results wait to be stored"));
        }
        status
    }

    /// Waits until everything sent is stored and durable, and ends the thread. Fails with what the thread gave up on.
    pub fn finish(self) -> Result<Status, StoreError> {
        drop(self.queue);
        self.thread.join().map_err(|_| StoreError::WriterGone)??;
        let status = lock(&self.shared).status.clone();
        Ok(status)
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `not being stored:` and the error with all its causes.
fn not_stored(error: &StoreError) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.fold(format!("not being stored: {error}"), |text, cause| {
        format!("{text}: {cause}")
    })
}

/// Entries that are stored and not yet durable.
#[derive(Default)]
struct Batch {
    entries: u64,
    frames: u64,
    last_seq: Option<u64>,
    /// When the first of them came.
    since: Option<Instant>,
}

/// What the thread works with.
struct Log {
    store: Arc<Store>,
    shared: Arc<Mutex<Shared>>,
    exam: Option<String>,
    batch: Batch,
}

impl Log {
    /// Stores what comes until the last sender is gone.
    fn store_all(&mut self, entries: &Receiver<Entry>, heart: &Heart) -> Result<(), StoreError> {
        loop {
            heart.beat();
            let entry = match self.batch.since {
                None => entries.recv_timeout(health::AT_LEAST),
                Some(since) => match GROUP.checked_sub(since.elapsed()) {
                    Some(left) => entries.recv_timeout(left),
                    None => Err(RecvTimeoutError::Timeout),
                },
            };
            match entry {
                Ok(entry) => self.store_one(entry)?,
                Err(RecvTimeoutError::Timeout) if self.batch.since.is_none() => {}
                Err(RecvTimeoutError::Timeout) => self.commit()?,
                Err(RecvTimeoutError::Disconnected) => return self.commit(),
            }
        }
    }

    fn store_one(&mut self, entry: Entry) -> Result<(), StoreError> {
        self.batch.entries += 1;
        self.batch.since.get_or_insert_with(Instant::now);
        let exam = |what: String| self.exam.as_deref().ok_or(StoreError::NoExam { what });
        let (mut at_once, mut scored) = (false, None);
        let stored = match &entry {
            Entry::Begin(exam) => {
                self.exam = None;
                self.store
                    .begin(exam)
                    .inspect(|()| self.exam = Some(exam.id.clone()))
            }
            Entry::Frame(graded) => {
                scored = graded.outcome.is_ok().then_some(graded.seq);
                exam(format!("frame {}", graded.seq)).and_then(|exam| self.store.append(exam, graded))
            }
            Entry::Key(key) => {
                exam(format!("key frame {}", key.seq)).and_then(|exam| self.store.keep(exam, key))
            }
            Entry::Amend(exam) => {
                at_once = true;
                self.store.end(exam)
            }
            Entry::End(exam) => {
                (self.exam, at_once) = (None, true);
                self.store.end(exam)
            }
        };
        match stored {
            Ok(()) => {
                self.batch.frames += u64::from(scored.is_some());
                self.batch.last_seq = scored.or(self.batch.last_seq);
            }
            Err(error) if concerns_all(&error) => return Err(error),
            Err(error) => self.lose_one(&error),
        }
        if at_once { self.commit() } else { Ok(()) }
    }

    fn lose_one(&mut self, error: &StoreError) {
        let words = not_stored(error);
        tracing::error!("{words}");
        self.batch.entries -= 1;
        let status = &mut lock(&self.shared).status;
        status.waiting -= 1;
        status.lost += 1;
        status.fault = Some(words);
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        self.store.commit()?;
        let batch = std::mem::take(&mut self.batch);
        let status = &mut lock(&self.shared).status;
        status.waiting -= batch.entries;
        status.saved += batch.frames;
        status.last_saved_seq = batch.last_seq.or(status.last_saved_seq);
        Ok(())
    }

    /// Counts what is not stored, now and from now on.
    fn give_up(&mut self, error: &StoreError, entries: &Receiver<Entry>) {
        let words = not_stored(error);
        tracing::error!("{words}");
        let lose = |count| {
            let status = &mut lock(&self.shared).status;
            status.waiting -= count;
            status.lost += count;
        };
        lock(&self.shared).status.fault = Some(words.clone());
        lose(self.batch.entries);
        entries.iter().for_each(|_| lose(1));
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
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::{exam, graded, key_frame, store};
    use super::*;

    const ID: &str = "20260131T094500.123Z-7f3a";

    fn wait_for(writer: &Writer, what: impl Fn(&Status) -> bool) -> Status {
        let start = Instant::now();
        loop {
            let status = writer.status();
            if what(&status) || start.elapsed() > Duration::from_secs(20) {
                return status;
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    #[test]
    fn frames_are_saved_within_a_group_while_the_exam_runs() {
        let (_dir, store) = store();
        let writer = Writer::start(Arc::clone(&store)).expect("a thread");
        writer
            .send(Entry::Begin(Box::new(exam(ID))))
            .expect("the thread runs");
        for seq in 0..5 {
            writer
                .send(Entry::Frame(Arc::new(graded(seq))))
                .expect("the thread runs");
        }
        let status = wait_for(&writer, |status| status.saved == 5);
        let saved = Status {
            saved: 5,
            last_saved_seq: Some(4),
            ..Status::default()
        };
        assert_eq!(status, saved);
        writer.send(Entry::Key(key_frame(3))).expect("the thread runs");
        writer
            .send(Entry::End(Box::new(exam(ID))))
            .expect("the thread runs");
        assert_eq!(writer.finish().expect("all is stored"), saved);
        assert_eq!(store.frame_count(ID).expect("readable"), 5);
        assert_eq!(store.key_frames(ID).expect("readable").len(), 1);
    }

    #[test]
    fn what_cannot_be_stored_for_its_own_reason_is_reported_and_the_rest_is_stored() {
        let (_dir, store) = store();
        let writer = Writer::start(Arc::clone(&store)).expect("a thread");
        writer
            .send(Entry::Frame(Arc::new(graded(1))))
            .expect("the thread runs");
        let status = wait_for(&writer, |status| status.lost == 1);
        let words = "not being stored: frame 1 belongs to no exam: an exam has to begin before its frames";
        assert_eq!(status.fault.as_deref(), Some(words));
        writer
            .send(Entry::Begin(Box::new(exam(ID))))
            .expect("the thread runs");
        writer
            .send(Entry::Frame(Arc::new(graded(2))))
            .expect("the thread runs");
        let status = writer.finish().expect("the store works");
        assert_eq!((status.saved, status.lost, status.waiting), (1, 1, 0));
    }

    #[test]
    fn after_a_failed_write_nothing_is_called_saved_and_the_sender_goes_on() {
        let (_dir, mut store) = store();
        let broken = Arc::get_mut(&mut store).expect("nobody else has it");
        let unsyncable = std::fs::File::open("/proc/self/stat").expect("Linux");
        broken.db.synced.push(("/proc/self/stat".into(), unsyncable)); // its fsync fails with EINVAL
        let writer = Writer::start(store).expect("a thread");
        writer
            .send(Entry::Begin(Box::new(exam(ID))))
            .expect("the thread runs");
        for seq in 0..1000 {
            writer
                .send(Entry::Frame(Arc::new(graded(seq))))
                .expect("the thread runs");
        }
        let status = wait_for(&writer, |status| status.waiting == 0);
        assert_eq!(
            (status.saved, status.lost, status.last_saved_seq),
            (0, 1001, None)
        );
        let fault = status.fault.expect("it failed");
        assert!(
            fault.starts_with("not being stored: cannot sync /proc/self/stat"),
            "{fault}"
        );
        assert!(matches!(
            writer.finish(),
            Err(StoreError::File { what: "sync", .. })
        ));
    }
}
