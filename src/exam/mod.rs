//! From scores to a verdict: what an exam is, which frames are kept as pictures, and how sure we are.
//!
//! Pure: no I/O, no clock, no threads. The same frames give the same verdict, live and on replay.

pub mod record;
