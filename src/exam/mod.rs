//! From scores to a verdict: when an exam begins and ends, which frames are kept as pictures, and how sure we are.
//!
//! Pure: no I/O, no clock, no threads. The same frames give the same verdict, live and on replay.

mod arrival;
mod curve;
mod key_frames;
mod kinetics;
mod order;
mod pathology;
pub mod record;
mod session;
mod settings;
mod shared;
mod verdict;

pub use curve::{Curve, Display, Enhancement, Linear, Point, Sample};
pub use key_frames::KeyFrames;
pub use kinetics::{Fit, Kinetics};
pub use session::{Carry, Interrupted, Refused, Session, Step, exam_id};
pub use settings::{Begin, Rules, Settings};
pub use verdict::Aggregate;
