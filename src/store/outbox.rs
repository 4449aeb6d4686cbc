//! Deliveries not yet done: one entry for each object of an exam and destination, stored with the end of the exam.
//!
//! `pending` → `sent` → `committed`, or `rejected`. The outbox is the truth; whoever delivers reads it again whenever it
//! wakes up, and tells the store what became of each entry.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::key::ExamKey;
use super::seal::Seal;
use super::{Store, StoreError, read, schema};

/// What goes where: one object of every exam, to one destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Which object: `report`, `capture`, `map` for archives; `exam`, `frames` for object stores.
    pub object: String,
    /// The destination's name in the config.
    pub destination: String,
}

/// How far a delivery is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    /// To be sent.
    #[default]
    Pending,
    /// The destination has it, and has not said yet that it keeps it.
    Sent,
    /// The destination keeps it.
    Committed,
    /// The destination will not have it, or it was given up: somebody has to look.
    Rejected,
}

impl DeliveryState {
    /// Nothing more will be tried.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Committed | Self::Rejected)
    }
}

/// One entry of the outbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The exam's id.
    pub exam: String,
    /// What goes where.
    #[serde(flatten)]
    pub address: Address,
    /// How far it is.
    pub state: DeliveryState,
    /// How often it was tried.
    #[serde(default)]
    pub attempts: u32,
    /// Not to be tried again before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_try: Option<DateTime<Utc>>,
    /// Since when the destination answers and does not keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<DateTime<Utc>>,
    /// What the last attempt ended with, where it failed; for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Which object all this is about ([`Exam::instance`](crate::exam::record::Exam::instance)). An exam that was given to another
    /// patient has other objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Somebody said that it will not be delivered: it keeps the exam on the cart no longer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub given_up: bool,
}

impl Delivery {
    /// A delivery that nobody has tried yet.
    pub fn pending(exam: &str, address: &Address) -> Self {
        Self {
            exam: exam.to_owned(),
            address: address.clone(),
            state: DeliveryState::Pending,
            attempts: 0,
            next_try: None,
            failing_since: None,
            error: None,
            instance: None,
            given_up: false,
        }
    }

    /// Its key: the exam's, the object, a zero, the destination.
    pub(super) fn key(&self, exam: &ExamKey) -> Vec<u8> {
        let mut key = exam.bytes().to_vec();
        key.extend_from_slice(self.address.object.as_bytes());
        key.push(0);
        key.extend_from_slice(self.address.destination.as_bytes());
        key
    }
}

impl Store {
    /// Owes what of an exam that has ended was never owed to one of `addresses`. Not durable until [`Store::commit`].
    pub fn owe(&self, exam_id: &str, addresses: &[Address]) -> Result<(), StoreError> {
        let Some(exam) = self.exam(exam_id)?.filter(|exam| exam.uids.is_some()) else {
            return Ok(());
        };
        let missing = self.never_owed(exam_id, addresses)?;
        if missing.is_empty() {
            Ok(())
        } else {
            self.put(&exam, &missing)
        }
    }

    /// Those of `addresses` that nothing of the exam was ever owed to.
    pub fn never_owed(&self, exam_id: &str, addresses: &[Address]) -> Result<Vec<Address>, StoreError> {
        let known = self.deliveries_of(exam_id)?;
        let missing = addresses
            .iter()
            .filter(|at| known.iter().all(|d| d.address != **at));
        Ok(missing.cloned().collect())
    }

    /// Stores what became of a delivery; one that is over is noted in the exam's folder too. Not durable until
    /// [`Store::commit`].
    pub fn update(&self, delivery: &Delivery) -> Result<(), StoreError> {
        let key = ExamKey::of(&delivery.exam)?;
        let (at, entry) = seal_delivery(&self.seal, &key, delivery);
        let db = &self.opened()?.db;
        let Some(bytes) = db.call("look for a delivery", || db.outbox.get(&at))? else {
            return Err(StoreError::NoDelivery(Box::new(delivery.clone())));
        };
        // A damaged entry is written over.
        let owed = read::read_delivery(&self.seal, &at, &bytes)
            .ok()
            .and_then(|owed| owed.instance);
        if owed.is_some() && owed != delivery.instance {
            return Ok(()); // of an object that the exam no longer has
        }
        let note = self.seal.record("todo", key.bytes(), schema::TO_FILE);
        db.transaction("store a delivery", |(_, outbox, todo)| {
            outbox.insert(at.as_slice(), entry.as_slice())?;
            if delivery.state.is_final() {
                todo.insert(key.bytes(), note.as_slice())?;
            }
            Ok(())
        })
    }
}

/// A delivery's key and its record.
pub(super) fn seal_delivery(seal: &Seal, key: &ExamKey, delivery: &Delivery) -> (Vec<u8>, Vec<u8>) {
    let at = delivery.key(key);
    let body = serde_json::to_vec(delivery).expect("texts and numbers are JSON");
    let entry = seal.record("outbox", &at, &body);
    (at, entry)
}
