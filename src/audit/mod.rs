//! Who did what, when: an append-only trail beside the store that shows when it was tampered with.
//!
//! ```text
//! STORE/audit/2026.jsonl     one JSON record a line, each with the SHA-256 of the one before it; a file a year
//! STORE/audit/lock           held while a record is written
//! STORE/audit/forwarded      how far the trail was sent to the hospital's audit server
//! STORE/audit.head           number and hash of the last record, so that a trail cut off at its end is noticed
//! ```
//!
//! Any `sonograde` may append, one at a time; each record is synced before its head is. Nothing is ever
//! changed or removed: what a power cut left half written stays, and the next record says so. In a running daemon the
//! thread `audit` ([`Recorder`]) writes, so that nothing waits for it, and `audit-forward` ([`syslog`]) sends; its queue
//! is the trail itself.
//!
//! The chain shows damage, and tampering by whoever does not recompute all of it. Against one who may write these files
//! and does, only a copy elsewhere helps: every message to the audit server carries its record's hash.
//!
//! Records name users, exams and patients, as PS3.15 A.5 asks; never scores or pictures. They go to no log.

mod error;
mod event;
mod line;
mod message;
mod recorder;
pub mod syslog;
mod trail;
mod user;
mod verify;

pub use error::AuditError;
pub use event::{Actor, Event, Subject};
pub use line::{Line, Record};
pub use recorder::Recorder;
pub use trail::Trail;
pub use verify::{Fault, Report};

/// How long a record may be, in bytes. The longest that an event makes is a path of 4,096 bytes, escaped.
const LONGEST: usize = 32 << 10;
