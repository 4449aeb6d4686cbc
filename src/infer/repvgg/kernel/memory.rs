//! Bytes that begin on a cache line: weights, which many read, and activations, which tiles of many threads write.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::NonNull;

/// A page that one entry of a processor's address cache covers. A frame reads all weights once: found page by page of 4 KiB, they
/// take longer to find than to multiply after some idleness.
const HUGE: usize = 2 << 20;

/// Bytes of a cache line.
pub const LINE: usize = 64;

/// Asks for the cache line at `from`, which need not exist, where there is an instruction for that.
#[inline(always)]
pub fn fetch(from: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: it does nothing but bring a line nearer, whatever the address.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T1>(from.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = from;
}

/// Bytes that threads read and write through pointers, as [`super::net`] allots them.
pub struct Bytes {
    start: NonNull<u8>,
    layout: Layout,
}

// SAFETY: the bytes are owned; all access goes through `start`, whose users (`super::net`) never let two threads at one byte
// while one writes.
unsafe impl Send for Bytes {}
// SAFETY: as above.
unsafe impl Sync for Bytes {}

impl Bytes {
    /// At least `length` bytes, each `value`, in huge pages if they fill half of one.
    pub fn filled(length: usize, value: u8) -> Self {
        let unit = if length < HUGE / 2 { LINE } else { HUGE };
        let length = length.max(1).next_multiple_of(unit);
        let layout = Layout::from_size_align(length, unit).expect("bytes that fit into memory");
        // SAFETY: the length is not 0.
        let Some(start) = NonNull::new(unsafe { alloc(layout) }) else {
            handle_alloc_error(layout)
        };
        if unit == HUGE {
            // SAFETY: the range is what was allocated, and the advice changes no byte of it.
            let advised = unsafe {
                rustix::mm::madvise(start.as_ptr().cast(), length, rustix::mm::Advice::LinuxHugepage)
            };
            // A system without huge pages: the same bytes, found more slowly.
            let _ = advised;
        }
        // SAFETY: nobody else has the allocation yet.
        unsafe { start.as_ptr().write_bytes(value, length) };
        Self { start, layout }
    }

    /// Where the bytes begin.
    pub fn start(&self) -> *mut u8 {
        self.start.as_ptr()
    }

    /// How many there are.
    pub fn length(&self) -> usize {
        self.layout.size()
    }
}

impl From<&[u8]> for Bytes {
    /// A copy.
    fn from(bytes: &[u8]) -> Self {
        let copy = Self::filled(bytes.len(), 0);
        // SAFETY: the copy has at least as many bytes, and nobody else has it yet.
        unsafe { copy.start().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        copy
    }
}

impl Drop for Bytes {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout.
        unsafe { dealloc(self.start.as_ptr(), self.layout) };
    }
}
