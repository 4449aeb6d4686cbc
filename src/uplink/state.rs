//! What is known of a destination, for people; and what people tell it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::store::Delivery;

/// How a destination is doing.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Condition {
    /// Its name in the config.
    pub name: String,
    /// `dimse` or `dicomweb`; empty where the config does not say.
    pub kind: &'static str,
    /// Where it is.
    pub address: String,
    /// Somebody stopped it.
    pub paused: bool,
    /// Objects to be sent.
    pub pending: usize,
    /// Objects that were sent and are not known to be kept yet.
    pub sent: usize,
    /// Why it cannot be reached; none while it can.
    pub down: Option<String>,
    /// The last trouble with an object.
    pub trouble: Option<String>,
    /// When it last took an object.
    pub last_sent: Option<DateTime<Utc>>,
    /// Objects that it took since the program started.
    pub objects: u64,
    /// Bytes of them.
    pub bytes: u64,
}

/// Which deliveries are meant; all if nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Selection {
    /// Of this exam.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exam: Option<String>,
    /// To this destination.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    /// `report`, `capture` or `map`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
}

impl Selection {
    /// Whether a delivery is meant.
    pub(super) fn holds(&self, delivery: &Delivery) -> bool {
        let is =
            |wanted: &Option<String>, value: &String| wanted.as_ref().is_none_or(|wanted| wanted == value);
        is(&self.exam, &delivery.exam)
            && is(&self.destination, &delivery.address.destination)
            && is(&self.object, &delivery.address.object)
    }
}

/// What the worker and others share.
pub(super) struct Shared {
    condition: Mutex<Condition>,
    stop: AtomicBool,
}

impl Shared {
    pub fn new(condition: Condition) -> Self {
        Self {
            condition: Mutex::new(condition),
            stop: AtomicBool::new(false),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Condition> {
        self.condition.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn condition(&self) -> Condition {
        self.lock().clone()
    }

    pub fn stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    pub fn paused(&self) -> bool {
        self.lock().paused
    }

    pub fn pause(&self, paused: bool) {
        self.lock().paused = paused;
    }

    pub fn owed(&self, pending: usize, sent: usize) {
        let mut condition = self.lock();
        (condition.pending, condition.sent) = (pending, sent);
    }

    /// It cannot be reached; says whether that is news.
    pub fn down(&self, words: &str) -> bool {
        self.lock().down.replace(words.to_owned()).is_none()
    }

    pub fn troubled(&self, words: &str) {
        self.lock().trouble = Some(words.to_owned());
    }

    /// It answered, and took so many bytes; says whether it had been down.
    pub fn works(&self, bytes: usize) -> bool {
        let mut condition = self.lock();
        if bytes > 0 {
            condition.objects += 1;
            condition.bytes += bytes as u64;
            condition.last_sent = Some(Utc::now());
            condition.trouble = None;
        }
        condition.down.take().is_some()
    }
}
