//! Which exams go when there is no more room, and how an exam is removed.
//!
//! What was delivered goes first, oldest first, and what somebody gave up delivering. An exam that is pinned, runs, or is to be
//! delivered and has not been goes never; one that nobody wants delivered goes for its age alone, if the config has one.

use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};

use super::crash::point;
use super::key::ExamKey;
use super::schema::TO_REMOVE;
use super::{Delivery, DeliveryState, Store, StoreError, files};
use crate::exam::record::Exam;

/// How long and how much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Exams that are older go; none does for its age if absent.
    pub keep_days: Option<u32>,
    /// While less than this is free, delivered exams go.
    pub free_mb: u64,
    /// While less than this is free, no more pictures are kept; scores still are.
    pub reserve_mb: u64,
}

impl Default for Keep {
    fn default() -> Self {
        Self {
            keep_days: None,
            free_mb: 1024,
            reserve_mb: 256,
        }
    }
}

impl Store {
    /// The exam that has to go next at `now`, if one has to and may; without `destinations`, what has never been delivered
    /// may too, once it is too old.
    pub fn next_to_go(
        &self,
        keep: &Keep,
        destinations: bool,
        now: DateTime<Utc>,
    ) -> Result<Option<String>, StoreError> {
        let full = self.free_bytes()? < keep.free_mb << 20;
        let too_old = keep
            .keep_days
            .and_then(|days| now.checked_sub_signed(TimeDelta::days(days.into())));
        let mut second = None;
        for row in self.scan(|opened| opened.db.exams.iter()) {
            let (key, bytes) = row?;
            let Ok(exam) = super::read::read_exam(&self.seal, &key, &bytes) else {
                continue; // `check` finds it
            };
            let old = too_old.is_some_and(|limit| exam.started < limit);
            if !full && !old {
                break;
            }
            match self.may_go(&exam, destinations)? {
                Some(Order::First) => return Ok(Some(exam.id)),
                Some(Order::Second) if old => second = second.or(Some(exam.id)),
                _ => {}
            }
        }
        Ok(second)
    }

    /// Whether an exam that does not run may be removed.
    fn may_go(&self, exam: &Exam, destinations: bool) -> Result<Option<Order>, StoreError> {
        if exam.pinned {
            return Ok(None);
        }
        let deliveries = self.deliveries_of(&exam.id)?;
        let done = |d: &Delivery| d.state == DeliveryState::Committed || d.given_up;
        let all = deliveries.iter().all(done);
        Ok(match (deliveries.is_empty(), all) {
            (false, true) => Some(Order::First),
            (true, _) if !destinations => Some(Order::Second),
            _ => None,
        })
    }

    /// Removes an exam with its folder, durably. Interrupted, it is finished when the store is opened.
    pub fn remove(&self, exam_id: &str) -> Result<(), StoreError> {
        let key = ExamKey::of(exam_id)?;
        let note = self.seal.record("todo", key.bytes(), TO_REMOVE);
        let opened = self.opened()?;
        let db = &opened.db;
        db.call("note a removal", || db.todo.insert(key.bytes(), note))?;
        self.commit()?;
        point("remove-noted");
        let (folder, away) = (self.exam_folder(exam_id), self.away());
        if folder.exists() {
            files::create_folder(&away)?;
            files::remove_folder(&away.join(exam_id))?;
            files::rename(&folder, &away.join(exam_id))?;
        }
        point("remove-away");
        let frames: Result<Vec<_>, _> = db.frames.scan_prefix(key.bytes()).keys().collect();
        for at in db.call("read records", || frames)? {
            db.call("remove a frame", || db.frames.remove(at))?;
        }
        let deliveries = self.deliveries_of(exam_id)?;
        let deliveries: Vec<_> = deliveries.iter().map(|d| d.key(&key)).collect();
        db.transaction("remove an exam", |(exams, outbox, todo)| {
            for at in &deliveries {
                outbox.remove(at.as_slice())?;
            }
            exams.remove(key.bytes())?;
            todo.remove(key.bytes())?;
            Ok(())
        })?;
        self.commit()?;
        point("remove-forgotten");
        files::remove_folder(&away.join(exam_id))
    }

    /// Finishes what a power cut interrupted.
    pub(super) fn finish_removals(&self) -> Result<(), StoreError> {
        let begun: Result<Vec<String>, _> = self.noted(TO_REMOVE).collect();
        for id in begun? {
            self.remove(&id)?;
        }
        files::remove_folder(&self.away())
    }

    fn away(&self) -> PathBuf {
        self.dir.join("removed")
    }
}

/// What goes before what.
enum Order {
    First,
    Second,
}
