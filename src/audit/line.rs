//! A record as a line of text.
//!
//! ```text
//! {"seq":7,"time":"…","who":{"user":"root"},"event":"exam-begun",…,"prev":"<hash of record 6>","hash":"<hash>"}
//! ```
//!
//! `hash` is the SHA-256 of the line's own bytes up to `,"hash":`, so that it can be checked with `sha256sum` and without
//! this program. Pure.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Actor, AuditError, Event, LONGEST};

/// What stands between a record and its hash.
const HASH: &str = ",\"hash\":\"";
/// Hexadecimal digits of a hash.
const DIGITS: usize = 64;
/// A number that no trail reaches; one above it is no record's.
pub(super) const LAST: u64 = 1 << 53;

/// One record of the trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its number, from 1.
    pub seq: u64,
    /// When it happened.
    pub time: DateTime<Utc>,
    /// Who did it.
    pub who: Actor,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
    /// The hash of the record before; zeros in the first.
    pub prev: String,
}

/// What chains a line to the one before it, whatever its event is: a newer program may know more of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The record's number.
    pub seq: u64,
    /// When it happened.
    pub time: DateTime<Utc>,
    /// The hash of the record before.
    pub prev: String,
    /// The hash that the line says it has.
    pub hash: String,
    /// Whether it has this hash.
    pub whole: bool,
}

#[derive(Deserialize)]
struct Chained {
    seq: u64,
    time: DateTime<Utc>,
    prev: String,
}

/// What the first record follows.
pub(super) fn beginning() -> String {
    "0".repeat(DIGITS)
}

impl Record {
    /// The line without its end, and the record's hash.
    pub(super) fn encode(&self) -> Result<(String, String), AuditError> {
        let mut line = serde_json::to_string(self).expect("a record has only string keys");
        line.pop();
        let hash = crate::hex(&Sha256::digest(&line));
        line.push_str(HASH);
        line.push_str(&hash);
        line.push_str("\"}");
        match line.len() {
            length if length > LONGEST => Err(AuditError::TooLong {
                length,
                longest: LONGEST,
            }),
            _ => Ok((line, hash)),
        }
    }

    /// The record in a line, if it is whole and its event is known to this program.
    pub fn decode(line: &[u8]) -> Option<Self> {
        let (body, hash) = split(line)?;
        let hash_is = crate::hex(&Sha256::digest(body)) == hash;
        hash_is.then(|| serde_json::from_slice(&closed(body)).ok())?
    }
}

impl Line {
    /// Reads a line without its end; `None` if it is no record at all.
    pub fn decode(line: &[u8]) -> Option<Self> {
        let (body, hash) = split(line)?;
        let Chained { seq, time, prev } = serde_json::from_slice(&closed(body)).ok()?;
        (1..=LAST).contains(&seq).then(|| Self {
            seq,
            time,
            prev,
            whole: crate::hex(&Sha256::digest(body)) == hash,
            hash: hash.to_owned(),
        })
    }
}

/// The bytes that are hashed, and the hash.
fn split(line: &[u8]) -> Option<(&[u8], &str)> {
    let line = line.strip_suffix(b"\"}")?;
    let (body, hash) = line.split_at_checked(line.len().checked_sub(DIGITS)?)?;
    let hash = std::str::from_utf8(hash).ok()?;
    Some((body.strip_suffix(HASH.as_bytes())?, hash))
}

/// The hashed bytes as an object of their own.
fn closed(body: &[u8]) -> Vec<u8> {
    [body, b"}"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Subject;

    fn record(event: Event) -> Record {
        Record {
            seq: 7,
            time: DateTime::from_timestamp_millis(1_700_000_000_123).expect("a time"),
            who: Actor {
                user: "root".into(),
                login: Some("alice".into()),
            },
            event,
            prev: beginning(),
        }
    }

    fn exam(id: &str) -> Subject {
        Subject {
            exam: id.into(),
            study: None,
            patient_id: None,
            patient_name: None,
        }
    }

    #[test]
    fn a_line_is_as_documented_and_reads_back() {
        let exported = record(Event::Exported {
            subject: exam("e"),
            to: "/media/\"x\"\n".into(),
        });
        let (line, hash) = exported.encode().expect("a short record");
        let zeros = "0".repeat(64);
        let body = format!(
            "{{\"seq\":7,\"time\":\"2023-11-14T22:13:20.123Z\",\"who\":{{\"user\":\"root\",\"login\":\"alice\"}},\
             \"event\":\"exported\",\"exam\":\"e\",\"to\":\"/media/\\\"x\\\"\\n\",\"prev\":\"{zeros}\""
        );
        assert_eq!(hash, crate::hex(&Sha256::digest(&body)));
        assert_eq!(line, format!("{body},\"hash\":\"{hash}\"}}"));
        assert_eq!(Record::decode(line.as_bytes()), Some(exported));
        let read = Line::decode(line.as_bytes()).expect("it is a record");
        assert_eq!(
            (read.seq, read.prev, read.hash, read.whole),
            (7, zeros, hash, true)
        );
    }

    #[test]
    fn any_changed_byte_is_found() {
        let (line, _) = record(Event::Stopped).encode().expect("a short record");
        for at in 0..line.len() {
            let mut bytes = line.clone().into_bytes();
            bytes[at] ^= 1;
            assert!(Line::decode(&bytes).is_none_or(|line| !line.whole), "byte {at}");
            assert_eq!(Record::decode(&bytes), None, "byte {at}");
            assert_eq!(Line::decode(&line.as_bytes()[..at]), None, "cut to {at}");
        }
    }

    #[test]
    fn an_event_of_a_newer_program_keeps_its_place_in_the_chain() {
        let (line, _) = record(Event::Stopped).encode().expect("a short record");
        let body = line
            .split(HASH)
            .next()
            .expect("a body")
            .replace("stopped", "teleported");
        let line = format!("{body}{HASH}{}\"}}", crate::hex(&Sha256::digest(&body)));
        assert_eq!(Record::decode(line.as_bytes()), None);
        assert!(Line::decode(line.as_bytes()).is_some_and(|line| line.whole && line.seq == 7));
    }

    #[test]
    fn a_record_that_is_too_long_is_refused() {
        let to = "\u{1}".repeat(LONGEST / 6);
        let subject = exam("e");
        let error = record(Event::Exported { subject, to })
            .encode()
            .expect_err("too long");
        assert!(error.to_string().contains("longer than 32768"), "{error}");
    }
}
