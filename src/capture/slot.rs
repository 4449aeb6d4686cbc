//! The hand-off between capture and inference: one place, the newest frame wins.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// One slot. The writer never waits unless it asks to; a value that is replaced before it was taken is counted.
#[derive(Debug)]
pub struct Slot<T> {
    inner: Mutex<Inner<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct Inner<T> {
    value: Option<T>,
    replaced: u64,
    closed: bool,
}

/// What [`Slot::take`] found.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken<T> {
    /// The newest value.
    Value(T),
    /// Nothing came in time.
    Nothing,
    /// Nothing will come any more.
    Closed,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self {
            inner: Mutex::new(Inner {
                value: None,
                replaced: 0,
                closed: false,
            }),
            changed: Condvar::new(),
        }
    }
}

impl<T> Slot<T> {
    /// Puts a value, replacing (and counting) one that nobody took.
    pub fn put(&self, value: T) {
        let mut inner = self.lock();
        if inner.value.replace(value).is_some() {
            inner.replaced += 1;
        }
        self.changed.notify_all();
    }

    /// Puts a value once the last one was taken: for recordings, where no frame may be lost. Gives the value
    /// back if the slot stays full for `wait`.
    pub fn put_when_empty(&self, value: T, wait: Duration) -> Option<T> {
        let (mut inner, _) = self
            .changed
            .wait_timeout_while(self.lock(), wait, |i| i.value.is_some())
            .unwrap_or_else(PoisonError::into_inner);
        if inner.value.is_some() {
            return Some(value);
        }
        inner.value = Some(value);
        self.changed.notify_all();
        None
    }

    /// Takes the value, waiting at most `wait` for one.
    pub fn take(&self, wait: Duration) -> Taken<T> {
        let (mut inner, _) = self
            .changed
            .wait_timeout_while(self.lock(), wait, |i| i.value.is_none() && !i.closed)
            .unwrap_or_else(PoisonError::into_inner);
        match inner.value.take() {
            Some(value) => {
                self.changed.notify_all();
                Taken::Value(value)
            }
            None if inner.closed => Taken::Closed,
            None => Taken::Nothing,
        }
    }

    /// Says that no further value will come; one that waits can still be taken.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// How many values were replaced before anyone took them.
    pub fn replaced(&self) -> u64 {
        self.lock().replaced
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(1);

    #[test]
    fn the_newest_value_wins_and_the_lost_ones_are_counted() {
        let slot = Slot::default();
        for n in 0..5 {
            slot.put(n);
        }
        assert_eq!(slot.take(SOON), Taken::Value(4));
        assert_eq!(slot.replaced(), 4);
        assert_eq!(slot.take(SOON), Taken::Nothing);
    }

    #[test]
    fn a_recording_loses_nothing() {
        let slot = Slot::default();
        assert_eq!(slot.put_when_empty(1, SOON), None);
        assert_eq!(slot.put_when_empty(2, SOON), Some(2));
        assert_eq!(slot.take(SOON), Taken::Value(1));
        assert_eq!(slot.put_when_empty(2, SOON), None);
        slot.close();
        assert_eq!(slot.take(SOON), Taken::Value(2));
        assert_eq!(slot.take(SOON), Taken::Closed);
        assert_eq!(slot.replaced(), 0);
    }
}
