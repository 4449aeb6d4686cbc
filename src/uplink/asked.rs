//! Which commitments an archive was asked for and has not reported on.
//!
//! Some archives report within a second, some in the night. So an object is asked for again after a while, later each time, and
//! a late report on an earlier transaction counts as well.

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

use super::parcel::Target;

/// Objects in one request.
pub(super) const MOST_OBJECTS: usize = 500;
/// Transactions that are remembered.
const MOST_TRANSACTIONS: usize = 100;
/// A report is asked for again after this long, twice as long each time that none came.
const FIRST: Duration = Duration::from_secs(20);
const LONGEST: Duration = Duration::from_secs(600);

struct Transaction {
    uid: String,
    /// SOP Instance UIDs.
    objects: HashSet<String>,
    asked: Instant,
    /// A report is still expected soon.
    fresh: bool,
}

/// The transactions, oldest first.
pub(super) struct Asked {
    transactions: VecDeque<Transaction>,
    patience: Duration,
}

impl Default for Asked {
    fn default() -> Self {
        Self {
            transactions: VecDeque::new(),
            patience: FIRST,
        }
    }
}

impl Asked {
    /// Those of `targets` that have to be asked for now.
    pub fn choose<'a>(&mut self, targets: &'a [Target]) -> Vec<&'a Target> {
        let mut late = false;
        for transaction in &mut self.transactions {
            if transaction.fresh && transaction.asked.elapsed() > self.patience {
                (transaction.fresh, late) = (false, true);
            }
        }
        if late {
            self.patience = (self.patience * 2).min(LONGEST);
        }
        let fresh = self.transactions.iter().filter(|transaction| transaction.fresh);
        let waiting: HashSet<&String> = fresh.flat_map(|transaction| &transaction.objects).collect();
        let new = targets
            .iter()
            .filter(|target| !waiting.contains(&target.instance));
        new.take(MOST_OBJECTS).collect()
    }

    /// Notes that a transaction asks for `targets`.
    pub fn add(&mut self, uid: &str, targets: &[&Target]) {
        if self.transactions.len() >= MOST_TRANSACTIONS {
            self.transactions.pop_front();
        }
        self.transactions.push_back(Transaction {
            uid: uid.to_owned(),
            objects: targets.iter().map(|target| target.instance.clone()).collect(),
            asked: Instant::now(),
            fresh: true,
        });
    }

    /// The objects of a transaction that is over; none if it is not ours.
    pub fn take(&mut self, uid: &str) -> Option<HashSet<String>> {
        let at = self.transactions.iter().position(|known| known.uid == uid)?;
        self.patience = FIRST;
        self.transactions.remove(at).map(|known| known.objects)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_asked_for_once_until_it_is_late_and_a_late_report_still_counts() {
        let target = |n: u32| Target::in_archive(n.to_string());
        let targets: Vec<Target> = (0..600).map(target).collect();
        let mut asked = Asked::default();
        let first = asked.choose(&targets);
        assert_eq!(first.len(), MOST_OBJECTS);
        asked.add("a", &first);
        let second = asked.choose(&targets);
        assert_eq!(second.len(), 100);
        asked.add("b", &second);
        assert!(asked.choose(&targets).is_empty());
        asked.transactions[0].asked -= FIRST * 2;
        assert_eq!(asked.choose(&targets).len(), MOST_OBJECTS);
        assert_eq!(asked.patience, FIRST * 2);
        assert!(asked.take("a").is_some_and(|objects| objects.contains("7")));
        assert_eq!((asked.patience, asked.take("a")), (FIRST, None));
    }
}
