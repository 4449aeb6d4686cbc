//! Deliveries not yet done: one entry for each object of an exam and destination, stored with the end of the exam.
//!
//! `pending` → `sent` → `committed`, or `rejected`. The outbox is the truth; whoever delivers reads it again whenever it
//! wakes up, and tells the store what became of each entry.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::key::ExamKey;

/// What goes where: one object of every exam, to one destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Which object: `report`, `capture`, `map`.
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
    /// The destination will not have it: somebody has to look.
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
    /// SOP Instance UID of the object that all this is about, if it has one. An exam that was given to another patient has
    /// other objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
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
