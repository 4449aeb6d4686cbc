//! The worklist: asked for on a schedule and on demand, kept for when there is no network.
//!
//! Owning thread: `worklist`. What is kept is a copy: an order that was chosen is in the exam and never read from here again.
//! An order that is no longer on the list, or is another than before, stays on it for a day and says so.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use chrono::{DateTime, Days, Local, TimeDelta, Utc};
use dicom_dictionary_std::uids;
use serde::{Deserialize, Serialize};

use super::dimse::{Channel, Peer, find};
use super::trouble::Trouble;
use crate::dicom::worklist::{Filter, Step, question, step};
use crate::exam::record::Order;
use crate::store::Store;

/// How long what is gone is still shown.
const GONE_SHOWN: TimeDelta = TimeDelta::hours(24);

/// One line of the list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listed {
    /// What the server said last.
    #[serde(flatten)]
    pub step: Step,
    /// When it was seen to be another than before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<DateTime<Utc>>,
    /// Since when it is cancelled or no longer on the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone: Option<DateTime<Utc>>,
}

/// The list as it was last seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct List {
    /// When the server answered last.
    pub asked: Option<DateTime<Utc>>,
    /// Its steps by time, and what was there within a day.
    pub steps: Vec<Listed>,
    /// Why the last question was not answered; none if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

impl List {
    /// Takes over what the server says at `now`.
    fn answered(&mut self, steps: Vec<Step>, now: DateTime<Utc>) {
        let before = std::mem::take(&mut self.steps);
        let mut before: HashMap<String, Listed> =
            before.into_iter().map(|old| (old.step.id.clone(), old)).collect();
        for step in steps {
            let old = before.remove(&step.id);
            let is_off = ["CANCELLED", "CANCELED", "DISCONTINUED"].contains(&step.status.as_str());
            let gone = old.as_ref().and_then(|old| old.gone).unwrap_or(now);
            let changed = match &old {
                Some(old) if old.step != step => Some(now),
                Some(old) => old.changed,
                None => None,
            };
            let gone = is_off.then_some(gone);
            self.steps.push(Listed { step, changed, gone });
        }
        let gone = before.into_values().map(|old| Listed {
            gone: old.gone.or(Some(now)),
            ..old
        });
        self.steps
            .extend(gone.filter(|old| old.gone.is_some_and(|at| now - at < GONE_SHOWN)));
        self.steps
            .sort_by(|a, b| (&a.step.scheduled, &a.step.id).cmp(&(&b.step.scheduled, &b.step.id)));
        (self.asked, self.trouble) = (Some(now), None);
    }
}

/// Whoever looks at the worklist or has it asked for.
#[derive(Clone, Default)]
pub struct Worklist {
    list: Arc<Mutex<List>>,
    /// None where the config names no worklist.
    ask: Option<Sender<()>>,
}

impl Worklist {
    fn lock(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The list; none where the config names no worklist.
    pub fn list(&self) -> Option<List> {
        self.ask.as_ref().map(|_| self.lock().clone())
    }

    /// The order of a step.
    pub fn order(&self, id: &str) -> Option<Order> {
        let list = self.lock();
        let found = list.steps.iter().find(|listed| listed.step.id == id)?;
        Some(found.step.order.clone())
    }

    /// Has the server asked now.
    pub fn refresh(&self) {
        if let Some(ask) = &self.ask {
            // A thread that is gone asks no more.
            let _ = ask.send(());
        }
    }
}

/// What the thread works with.
pub(super) struct Asker {
    pub peer: Peer,
    pub modality: String,
    pub station_ae: Option<String>,
    pub every: Duration,
}

impl Asker {
    /// What there is to look at, with what was kept in the store, and the thread's work.
    pub fn prepare(self, store: &Arc<Store>) -> (Worklist, impl FnOnce() + Send + 'static) {
        let kept = store.kept_worklist().unwrap_or_else(|error| {
            tracing::error!("{}", crate::one_line(&error));
            None
        });
        let kept: Option<List> = kept.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let (ask, asked) = std::sync::mpsc::channel();
        let worklist = Worklist {
            list: Arc::new(Mutex::new(kept.unwrap_or_default())),
            ask: Some(ask),
        };
        // It ends when nobody can ask it any more.
        let (list, store) = (Arc::downgrade(&worklist.list), Arc::downgrade(store));
        (worklist, move || self.run(&list, &store, &asked))
    }

    fn run(&self, list: &Weak<Mutex<List>>, store: &Weak<Store>, asked: &Receiver<()>) {
        loop {
            let steps = self.ask();
            let (Some(list), Some(store)) = (list.upgrade(), store.upgrade()) else {
                return;
            };
            heard(&list, &store, steps);
            drop((list, store));
            match asked.recv_timeout(self.every) {
                Ok(()) => while asked.try_recv().is_ok() {},
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn ask(&self) -> Result<Vec<Step>, Trouble> {
        const CLASS: &str = uids::MODALITY_WORKLIST_INFORMATION_MODEL_FIND;
        let today = Local::now().date_naive();
        let day = |day: Option<chrono::NaiveDate>| day.unwrap_or(today).format("%Y%m%d");
        let (from, to) = (
            day(today.checked_sub_days(Days::new(1))),
            day(today.checked_add_days(Days::new(1))),
        );
        let filter = Filter {
            modality: self.modality.clone(),
            station_ae: self.station_ae.clone(),
            days: format!("{from}-{to}"),
        };
        let mut channel = Channel::open(&self.peer, &[CLASS])?;
        let found = find(&mut channel, CLASS, &question(&filter));
        if !matches!(found, Err(Trouble::Link(_))) {
            channel.release();
        }
        Ok(found?.iter().filter_map(step).collect())
    }
}

/// Takes over an answer, or why there is none. The lock is held for no longer than that.
fn heard(list: &Mutex<List>, store: &Store, steps: Result<Vec<Step>, Trouble>) {
    let mut list = list.lock().unwrap_or_else(PoisonError::into_inner);
    match steps {
        Ok(steps) => {
            if list.trouble.take().is_some() {
                tracing::info!("the worklist is answered again");
            }
            list.answered(steps, Utc::now());
            let bytes = serde_json::to_vec(&*list).unwrap_or_default();
            drop(list);
            if let Err(error) = store.keep_worklist(&bytes) {
                tracing::error!("{}", crate::one_line(&error));
            }
        }
        Err(Trouble::Link(words) | Trouble::Later(words) | Trouble::Refused(words)) => {
            if list.trouble.replace(words.clone()).is_none() {
                tracing::warn!("the worklist is as old as its last answer: {words}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cancelled_changed_or_gone_is_noticed_and_forgotten_after_a_day() {
        let step = |id: &str, status: &str| Step {
            id: id.into(),
            order: Order::default(),
            scheduled: "20260131 0900".into(),
            description: String::new(),
            status: status.into(),
        };
        let first: DateTime<Utc> = "2026-01-31T08:00:00Z".parse().expect("a time");
        let later = first + TimeDelta::hours(1);
        let mut list = List::default();
        let all = ["a", "b", "c", "d"].map(|id| step(id, "SCHEDULED"));
        list.answered(all.to_vec(), first);
        assert!(list.steps.iter().all(|s| s.changed.is_none() && s.gone.is_none()));
        list.answered(
            vec![
                step("a", "SCHEDULED"),
                step("b", "ARRIVED"),
                step("c", "CANCELLED"),
            ],
            later,
        );
        let seen: Vec<_> = list
            .steps
            .iter()
            .map(|s| (s.step.id.as_str(), s.changed, s.gone))
            .collect();
        let at = Some(later);
        assert_eq!(
            seen,
            [("a", None, None), ("b", at, None), ("c", at, at), ("d", None, at)]
        );
        list.answered(vec![step("a", "SCHEDULED")], later + TimeDelta::hours(24));
        let left: Vec<_> = list.steps.iter().map(|s| s.step.id.as_str()).collect();
        assert_eq!(left, ["a", "b"], "b went just now");
    }
}
