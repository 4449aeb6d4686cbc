//! What one destination is still owed, as the worker sees it: a copy of its part of the outbox, in the order of sending.
//!
//! The store is the truth. What the worker changed and the store has not written yet wins until the store has it, or has
//! another object in its place.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};

use super::parcel::Target;
use super::state::Selection;
use crate::store::{Delivery, DeliveryState};

/// Grades go before maps and frames, those before pictures; old exams before new ones.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    rank: u8,
    pub exam: String,
    pub object: String,
}

impl Key {
    pub fn of(delivery: &Delivery) -> Self {
        let object = delivery.address.object.clone();
        let rank = match object.as_str() {
            "report" | "exam" => 0,
            "map" | "frames" => 1,
            _ => 2,
        };
        Self {
            rank,
            exam: delivery.exam.clone(),
            object,
        }
    }
}

/// What is owed.
#[derive(Default)]
pub(super) struct Agenda {
    pending: BTreeMap<Key, Delivery>,
    /// With the identifiers, once they were looked up.
    sent: BTreeMap<Key, (Delivery, Option<Target>)>,
    /// What was changed here and may not be in the store yet.
    unwritten: HashMap<Key, Delivery>,
}

impl Agenda {
    /// Takes over what the store has for this destination.
    pub fn refresh(&mut self, outbox: impl Iterator<Item = Delivery>) {
        for delivery in outbox {
            let key = Key::of(&delivery);
            match self.unwritten.get(&key) {
                Some(ours) if *ours != delivery && ours.instance == delivery.instance => continue,
                _ => self.unwritten.remove(&key),
            };
            let known = self
                .pending
                .get(&key)
                .or(self.sent.get(&key).map(|(known, _)| known));
            // One that is known may be postponed, which the store is not told.
            if known.is_some_and(|known| known.instance == delivery.instance && known.state == delivery.state)
            {
                continue;
            }
            self.forget(&key);
            match delivery.state {
                DeliveryState::Pending => drop(self.pending.insert(key, delivery)),
                DeliveryState::Sent => drop(self.sent.insert(key, (delivery, None))),
                DeliveryState::Committed | DeliveryState::Rejected => {}
            }
        }
    }

    /// The next to send at `now`.
    pub fn next(&self, now: DateTime<Utc>) -> Option<(Key, Delivery)> {
        let due = |(_, delivery): &(&Key, &Delivery)| delivery.next_try.is_none_or(|at| at <= now);
        let (key, delivery) = self.pending.iter().find(due)?;
        Some((key.clone(), delivery.clone()))
    }

    /// What is next at `now` once `key` was sent.
    pub fn after(&self, key: &Key, now: DateTime<Utc>) -> Option<Key> {
        let due = |(_, delivery): &(&Key, &Delivery)| delivery.next_try.is_none_or(|at| at <= now);
        let mut others = self.pending.iter().filter(due).map(|(other, _)| other);
        others.find(|other| *other != key).cloned()
    }

    /// Everything that was sent and is not known to be kept.
    pub fn sent(&mut self) -> impl Iterator<Item = (&Key, &mut Option<Target>)> {
        self.sent.iter_mut().map(|(key, (_, target))| (key, target))
    }

    pub fn count_pending(&self) -> usize {
        self.pending.len()
    }

    pub fn count_sent(&self) -> usize {
        self.sent.len()
    }

    /// What was sent and is not known to be kept, by SOP Instance UID.
    pub fn by_instance(&self) -> HashMap<String, (Key, Delivery)> {
        let all = self.sent.iter().filter_map(|(key, (delivery, _))| {
            let instance = delivery.instance.clone()?;
            Some((instance, (key.clone(), delivery.clone())))
        });
        all.collect()
    }

    /// Tried again at once, whatever the last attempts said.
    pub fn hurry(&mut self) {
        for delivery in self.pending.values_mut() {
            delivery.next_try = None;
        }
    }

    /// Takes a changed delivery.
    pub fn put(&mut self, key: Key, delivery: Delivery, target: Option<Target>) {
        self.pending.remove(&key);
        self.sent.remove(&key);
        self.unwritten.insert(key.clone(), delivery.clone());
        match delivery.state {
            DeliveryState::Pending => drop(self.pending.insert(key, delivery)),
            DeliveryState::Sent => drop(self.sent.insert(key, (delivery, target))),
            DeliveryState::Committed | DeliveryState::Rejected => {}
        }
    }

    /// Waits until later without a word to the store.
    pub fn postpone(&mut self, key: &Key, until: DateTime<Utc>) {
        if let Some(delivery) = self.pending.get_mut(key) {
            delivery.next_try = Some(until);
        }
    }

    /// Forgets what was given up.
    pub fn drop(&mut self, which: &Selection) {
        self.pending.retain(|_, delivery| !which.holds(delivery));
        self.sent.retain(|_, (delivery, _)| !which.holds(delivery));
    }

    /// Forgets what is no longer in the store.
    pub fn forget(&mut self, key: &Key) {
        self.pending.remove(key);
        self.sent.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Address;

    fn delivery(exam: &str, object: &str, state: DeliveryState) -> Delivery {
        let address = Address {
            object: object.into(),
            destination: "pacs".into(),
        };
        Delivery {
            state,
            instance: Some("1.2.3".into()),
            ..Delivery::pending(exam, &address)
        }
    }

    #[test]
    fn grades_go_before_pictures_and_old_exams_before_new_ones() {
        use DeliveryState::Pending;
        let mut agenda = Agenda::default();
        let all = ["20260102", "20260101"]
            .into_iter()
            .flat_map(|exam| ["capture", "map", "report"].map(|object| delivery(exam, object, Pending)));
        agenda.refresh(all);
        let mut order = Vec::new();
        while let Some((key, mut delivery)) = agenda.next(Utc::now()) {
            order.push(format!("{} {}", key.object, key.exam));
            delivery.state = DeliveryState::Sent;
            agenda.put(key, delivery, None);
        }
        let wanted = [
            "report 20260101",
            "report 20260102",
            "map 20260101",
            "map 20260102",
            "capture 20260101",
            "capture 20260102",
        ];
        assert_eq!(order, wanted);
    }

    #[test]
    fn what_the_store_has_not_written_yet_is_not_sent_twice() {
        let mut agenda = Agenda::default();
        let old = delivery("20260101", "report", DeliveryState::Pending);
        agenda.refresh([old.clone()].into_iter());
        let (key, mut delivery) = agenda.next(Utc::now()).expect("one is owed");
        delivery.state = DeliveryState::Committed;
        agenda.put(key, delivery.clone(), None);
        agenda.refresh([old.clone()].into_iter());
        assert_eq!(agenda.next(Utc::now()), None, "the store is behind");
        agenda.refresh([delivery].into_iter());
        assert_eq!(agenda.next(Utc::now()), None);
    }

    /// It once was not: what had been written down of the old object stood in the way for good.
    #[test]
    fn an_exam_that_was_given_to_another_patient_is_owed_again() {
        let mut agenda = Agenda::default();
        let old = delivery("20260101", "report", DeliveryState::Pending);
        agenda.refresh([old.clone()].into_iter());
        let (key, mut done) = agenda.next(Utc::now()).expect("one is owed");
        done.state = DeliveryState::Committed;
        agenda.put(key, done, None);
        let new = Delivery {
            instance: Some("1.2.4".into()),
            ..old
        };
        agenda.refresh([new.clone()].into_iter());
        assert_eq!(agenda.next(Utc::now()).map(|(_, owed)| owed), Some(new));
    }
}
