//! The `store` thread: the only one that writes.
//!
//! Entries come through a bounded queue and are never dropped: a full queue makes the sender wait, and the status says
//! so. What is stored is made durable in groups, so that no frame waits longer than [`GROUP`] for its turn, and at
//! once when an exam ends; only then is it counted as saved. Then its folder is written, and between exams room is made.
//!
//! A failed write is latched. After a failed sync the kernel may have dropped the pages, and a second sync that
//! succeeds would prove nothing; so from then on nothing is written or counted as saved and the status says why, until the
//! database was opened again, read whole and copied to new files ([`Store::recover`], tried every [`RETRY`]). Scoring goes
//! on; results wait in memory meanwhile, [`WAITING`] of them, pictures do not. A key frame or a frame that cannot be
//! stored for a reason of its own is reported and does not end storing.

mod log;
#[cfg(test)]
mod tests;

use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::space::Space;
use super::{Address, Delivery, Keep, Store, StoreError};
use crate::audit::Recorder;
use crate::exam::record::{Exam, Graded, KeyFrame};
use crate::health::{self, Pulse};
use log::Log;

/// How many entries may wait for the disk.
const QUEUE: usize = 256;
/// The longest that an entry waits for its commit to begin: with the commit itself, under a quarter of a second.
const GROUP: Duration = Duration::from_millis(200);
/// How often it is tried to store again after the disk failed.
const RETRY: Duration = Duration::from_secs(2);
/// How many frames wait in memory for a disk that failed: some minutes of an exam.
const WAITING: usize = 4096;
/// How often it is looked how much room there is.
const SURVEY: Duration = Duration::from_secs(2);
/// Fewer hours than these are said.
const SHORT_HOURS: f32 = 8.0;

/// Something to store.
#[derive(Clone, Debug)]
pub enum Entry {
    /// An exam begins; what follows belongs to it.
    Begin(Box<Exam>),
    /// An exam that is stored goes on; what follows belongs to it.
    Resume(Box<Exam>),
    /// A graded frame; without a score it leaves no record.
    Frame(Arc<Graded>),
    /// A frame to keep as a picture.
    Key(KeyFrame),
    /// Somebody added to an exam, the running one or one before: its whole record as it is now. Durable at once.
    Amend(Box<Exam>),
    /// An exam ends, with its verdict.
    End(Box<Exam>),
    /// This exam, which has ended, is owed wherever it never was.
    Owe(String),
    /// What became of a delivery.
    Delivery(Box<Delivery>),
}

/// What the thread does of itself.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// What is delivered of every exam that ends.
    pub addresses: Vec<Address>,
    /// How long and how much is kept.
    pub keep: Keep,
    /// Where it is recorded that an exam was removed.
    pub audit: Option<Recorder>,
}

/// What became of the entries so far.
#[derive(Clone, Debug, Default, PartialEq)]
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
    /// What whoever looks after the cart has to know: the database was made anew, room runs out, pictures are not kept.
    pub notice: Option<String>,
    /// The room there is; absent before it was looked.
    pub space: Option<Space>,
}

#[derive(Default)]
struct Shared {
    status: Status,
    senders_waiting: u32,
    /// Commits that were made.
    commits: u64,
    /// Those of them after which the outbox may be longer.
    ended: u64,
}

enum Message {
    Entry(Entry),
    Finish,
}

/// A sending end of the `store` thread's queue.
#[derive(Clone)]
pub struct Queue {
    messages: SyncSender<Message>,
    shared: Arc<Mutex<Shared>>,
}

impl Queue {
    /// Hands an entry over. Waits while the queue is full, which [`Writer::status`] then reports as a fault. Fails
    /// only if the thread is gone.
    pub fn send(&self, entry: Entry) -> Result<(), StoreError> {
        lock(&self.shared).status.waiting += 1;
        let sent = match self.messages.try_send(Message::Entry(entry)) {
            Err(TrySendError::Full(message)) => {
                lock(&self.shared).senders_waiting += 1;
                let sent = self.messages.send(message);
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
}

impl Queue {
    /// A number that changes when the outbox may have become longer, durably.
    pub fn ended(&self) -> u64 {
        lock(&self.shared).ended
    }

    /// Waits until what could be read before is durable; false if that takes longer than a second.
    pub fn settle(&self) -> bool {
        let commits = || {
            let shared = lock(&self.shared);
            (shared.commits, shared.status.waiting)
        };
        let (before, _) = commits();
        for _ in 0..50 {
            let (now, waiting) = commits();
            if waiting == 0 || now > before {
                return true;
            }
            thread::sleep(Duration::from_millis(20));
        }
        false
    }
}

/// The `store` thread. Dropped without [`Writer::finish`], the thread still stores what was sent, but nobody waits for it.
pub struct Writer {
    queue: Queue,
    thread: JoinHandle<Result<(), StoreError>>,
    pulse: Pulse,
}

impl Writer {
    /// Starts the thread.
    pub fn start(store: Arc<Store>, policy: Policy) -> Result<Self, StoreError> {
        let (messages, inbox) = sync_channel(QUEUE);
        let shared = Arc::new(Mutex::new(Shared::default()));
        let queue = Queue {
            messages,
            shared: Arc::clone(&shared),
        };
        let (heart, pulse) = health::heart("store");
        let mut log = Log::new(store, shared, policy, heart);
        let thread = thread::Builder::new()
            .name(String::from("store"))
            .spawn(move || log.run(&inbox));
        let thread = thread.map_err(super::fault("start the thread", "store".as_ref()))?;
        Ok(Self { queue, thread, pulse })
    }

    /// Whether the thread still turns.
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// [`Queue::send`].
    pub fn send(&self, entry: Entry) -> Result<(), StoreError> {
        self.queue.send(entry)
    }

    /// Another sending end. What is sent after [`Writer::finish`] is not stored.
    pub fn queue(&self) -> Queue {
        self.queue.clone()
    }

    /// How things stand now.
    pub fn status(&self) -> Status {
        let shared = lock(&self.queue.shared);
        let mut status = shared.status.clone();
        if shared.senders_waiting > 0 && status.fault.is_none() {
            status.fault = Some(format!("the disk is too slow: {QUEUE} results wait to be stored"));
        }
        status
    }

    /// Waits until everything sent is stored and durable, and ends the thread. Fails with what the thread gave up on.
    pub fn finish(self) -> Result<Status, StoreError> {
        let gone = |_| StoreError::WriterGone;
        self.queue.messages.send(Message::Finish).map_err(gone)?;
        self.thread.join().map_err(|_| StoreError::WriterGone)??;
        let status = lock(&self.queue.shared).status.clone();
        Ok(status)
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `not being stored:` and the error with all its causes.
fn not_stored(error: &StoreError) -> String {
    format!("not being stored: {}", crate::one_line(error))
}
