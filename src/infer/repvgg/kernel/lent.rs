//! Bytes that are lent to other threads for the time of a call.

use std::ptr::NonNull;
use std::sync::{PoisonError, RwLock};

/// What is lent at the moment; nothing has no bytes.
pub struct Lent(RwLock<NonNull<[u8]>>);

// SAFETY: bytes are all that is behind the pointer, and nobody writes them: they are borrowed.
unsafe impl Send for Lent {}
// SAFETY: as above.
unsafe impl Sync for Lent {}

impl Lent {
    /// Nothing yet.
    pub fn new() -> Self {
        Self(RwLock::new(NonNull::from(&[])))
    }

    /// Lends `bytes` while `work` lasts.
    pub fn during<T>(&self, bytes: &[u8], work: impl FnOnce() -> T) -> T {
        self.set(bytes);
        let _end = End(self);
        work()
    }

    /// Reads what is lent.
    pub fn read<T>(&self, read: impl FnOnce(&[u8]) -> T) -> T {
        let bytes = self.0.read().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: `during`, which borrows the bytes, does not end, not even by a panic, before it has set something else, for which it
        // waits until nobody reads.
        read(unsafe { bytes.as_ref() })
    }

    fn set(&self, bytes: &[u8]) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = NonNull::from(bytes);
    }
}

/// Takes back what was lent.
struct End<'a>(&'a Lent);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.set(&[]);
    }
}
