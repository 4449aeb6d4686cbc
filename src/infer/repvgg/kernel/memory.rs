//! Bytes that begin on a cache line: weights, which many read, and activations, which tiles of many threads write.

use std::cell::UnsafeCell;

/// A run of whole cache lines.
pub struct Lines(Vec<Line>);

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; 64]);

impl Lines {
    /// At least `length` bytes, each `value`.
    pub fn filled(length: usize, value: u8) -> Self {
        Self(vec![Line([value; 64]); length.div_ceil(64)])
    }

    /// All of it.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: a `Line` is 64 bytes without padding, and the vector's lines lie side by side.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr().cast(), self.0.len() * 64) }
    }

    /// All of it, to be written.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`; any byte is a valid byte of a `Line`.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), self.0.len() * 64) }
    }
}

/// Activations of one layer, written tile by tile from several threads at once.
pub struct Shared {
    lines: UnsafeCell<Lines>,
    length: usize,
}

// SAFETY: all access goes through `start`, whose users (`super::net`) never let two threads at one byte while one writes.
unsafe impl Sync for Shared {}

impl Shared {
    /// At least `length` bytes, each `value`.
    pub fn filled(length: usize, value: u8) -> Self {
        let lines = Lines::filled(length, value);
        Self {
            length: lines.bytes().len(),
            lines: UnsafeCell::new(lines),
        }
    }

    /// Where the bytes begin.
    pub fn start(&self) -> *mut u8 {
        // SAFETY: the pointer is not followed here, and nobody holds a reference to the lines.
        unsafe { (*self.lines.get()).0.as_mut_ptr().cast() }
    }

    /// How many there are.
    pub fn length(&self) -> usize {
        self.length
    }
}
