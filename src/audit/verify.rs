//! Is the trail what was written? Every record against its own hash, the one before it, and the head beside the trail.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use super::line::{Line, Record};
use super::trail::Place;
use super::{AuditError, Event, Trail};

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file's name in the trail's folder, or the head's beside it.
    pub file: String,
    /// The line, from 1; 0 for a file as a whole.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.what),
            line => write!(f, "{}:{line}: {}", self.file, self.what),
        }
    }
}

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    /// Records that are whole.
    pub records: u64,
    /// The hash of the last one: note it elsewhere, to compare with later.
    pub hash: String,
    /// Lines that a power cut or a full disk left unfinished, which the trail itself says.
    pub unfinished: u64,
    /// What is wrong.
    pub faults: Vec<Fault>,
}

/// The chain as far as it was followed.
struct Chain {
    report: Report,
    place: Place,
    head: Option<Place>,
    /// Numbers of all records that are somewhere.
    seqs: BTreeSet<u64>,
    /// A line that is no record: only right if the next record says that it was never finished.
    unread: Option<(Fault, u64)>,
}

impl Trail {
    /// Reads the whole trail. Nobody appends meanwhile.
    ///
    /// # Errors
    /// [`AuditError`] if there is none or it cannot be read; what is wrong with it is in the report.
    pub fn verify(&self) -> Result<Report, AuditError> {
        if !self.folder().is_dir() && !self.head_path().exists() {
            return Err(AuditError::None(self.folder()));
        }
        let _lock = self.folder().is_dir().then(|| self.lock()).transpose()?;
        let head = self.head()?;
        let mut seqs = BTreeSet::new();
        self.lines(|_, _, line, _| {
            seqs.extend(Line::decode(line).filter(|line| line.whole).map(|line| line.seq));
            Ok(())
        })?;
        let mut chain = Chain {
            report: Report::default(),
            place: Place::beginning(),
            head,
            seqs,
            unread: None,
        };
        self.lines(|path, number, line, ended| {
            chain.follow(&name(path), number, line, ended);
            Ok(())
        })?;
        Ok(chain.end(&self.head_path()))
    }
}

impl Chain {
    fn follow(&mut self, file: &str, number: usize, bytes: &[u8], ended: bool) {
        let at = |what: String| Fault {
            file: file.into(),
            line: number,
            what,
        };
        let unread = self.unread.take();
        let Some(line) = Line::decode(bytes) else {
            self.report.faults.extend(unread.map(|(fault, _)| fault));
            let words = if ended {
                "this is no record: it was changed"
            } else {
                "this record was never finished; the next start of the daemon says so in the trail"
            };
            self.unread = Some((at(words.into()), bytes.len() as u64));
            return;
        };
        if let Some((fault, length)) = unread {
            let said = Record::decode(bytes).map(|record| record.event);
            match said {
                Some(Event::Unfinished { bytes }) if bytes == length => self.report.unfinished += 1,
                _ => self.report.faults.push(fault),
            }
        }
        let Line { seq, prev, hash, .. } = line;
        let expected = self.place.seq + 1;
        if !line.whole {
            // Nothing in it can be relied on but what the next record says of it.
            self.report
                .faults
                .push(at(format!("record {expected} was changed")));
            self.place = Place { seq: expected, hash };
            return;
        }
        self.report.records += 1;
        if self
            .head
            .as_ref()
            .is_some_and(|head| head.seq == seq && head.hash != hash)
        {
            let words = format!("record {seq} is not the one that the trail's head knows: it was replaced");
            self.report.faults.push(at(words));
        }
        if seq < expected {
            let words = format!(
                "record {seq} stands after record {}: reordered or repeated",
                self.place.seq
            );
            self.report.faults.push(at(words));
            return;
        }
        let what = if seq > expected && self.seqs.range(expected..seq).next().is_some() {
            Some(format!("record {seq} stands before record {expected}: reordered"))
        } else if seq == expected + 1 {
            Some(format!("record {expected} is missing"))
        } else if seq > expected {
            Some(format!("records {expected} to {} are missing", seq - 1))
        } else if prev != self.place.hash {
            Some(format!(
                "record {seq} does not follow the record before it: one of the two was replaced"
            ))
        } else {
            None
        };
        self.report.faults.extend(what.map(at));
        self.place = Place { seq, hash };
    }

    fn end(mut self, head: &Path) -> Report {
        self.report.faults.extend(self.unread.map(|(fault, _)| fault));
        let last = self.place.seq;
        let what = match &self.head {
            None => {
                Some("the trail's head is missing or damaged: records may be missing at the end".to_owned())
            }
            Some(head) if head.seq == last + 1 => Some(format!("record {} was cut off at the end", head.seq)),
            Some(head) if head.seq > last => Some(format!(
                "records {} to {} were cut off at the end",
                last + 1,
                head.seq
            )),
            Some(_) => None,
        };
        let at_head = |what| Fault {
            file: name(head),
            line: 0,
            what,
        };
        self.report.faults.extend(what.map(at_head));
        self.report.hash = self.place.hash;
        self.report
    }
}

fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

#[cfg(test)]
pub(super) mod tests {
    use std::fs;

    use sha2::{Digest, Sha256};

    use super::*;
    use crate::audit::trail::tests::{alice, at, trail};

    /// What `verify` finds.
    pub fn faults(trail: &Trail) -> Vec<String> {
        let report = trail.verify().expect("the trail can be read");
        report.faults.iter().map(Fault::to_string).collect()
    }

    /// What `verify` finds in a trail of six records after `change`.
    fn after(change: impl Fn(&mut Vec<String>)) -> Vec<String> {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let trail = trail(dir.path(), 6);
        let (_, path) = trail.files().expect("a folder").pop().expect("a file");
        let text = fs::read_to_string(&path).expect("a file");
        let mut lines = text.lines().map(str::to_owned).collect();
        change(&mut lines);
        fs::write(
            &path,
            lines.iter().map(|line| format!("{line}\n")).collect::<String>(),
        )
        .expect("a file");
        faults(&trail)
    }

    #[test]
    fn nothing_is_wrong_with_what_was_written() {
        assert_eq!(after(|_| ()), [""; 0]);
    }

    #[test]
    fn each_kind_of_tampering_is_named_with_its_line() {
        assert_eq!(
            after(|lines| lines[2] = lines[2].replace("alice", "bob")),
            ["2023.jsonl:3: record 3 was changed"]
        );
        assert_eq!(
            after(|lines| lines[2].clear()),
            [
                "2023.jsonl:3: this is no record: it was changed",
                "2023.jsonl:4: record 3 is missing"
            ]
        );
        assert_eq!(
            after(|lines| drop(lines.remove(0))),
            ["2023.jsonl:1: record 1 is missing"]
        );
        assert_eq!(
            after(|lines| drop(lines.drain(1..4))),
            ["2023.jsonl:2: records 2 to 4 are missing"]
        );
        assert_eq!(
            after(|lines| lines.swap(1, 2)),
            [
                "2023.jsonl:2: record 3 stands before record 2: reordered",
                "2023.jsonl:3: record 2 stands after record 3: reordered or repeated",
            ]
        );
        assert_eq!(
            after(|lines| drop(lines.pop())),
            ["audit.head: record 6 was cut off at the end"]
        );
        assert_eq!(
            after(|lines| lines.clear()),
            ["audit.head: records 1 to 6 were cut off at the end"]
        );
    }

    #[test]
    fn a_record_that_was_replaced_with_a_good_hash_does_not_fit_its_neighbours() {
        let forge = |line: &String| {
            let body = line
                .split(",\"hash\"")
                .next()
                .expect("a body")
                .replace("alice", "bob");
            format!("{body},\"hash\":\"{}\"}}", crate::hex(&Sha256::digest(&body)))
        };
        assert_eq!(
            after(|lines| lines[2] = forge(&lines[2])),
            ["2023.jsonl:4: record 4 does not follow the record before it: one of the two was replaced"]
        );
        assert_eq!(
            after(|lines| lines[5] = forge(&lines[5])),
            ["2023.jsonl:6: record 6 is not the one that the trail's head knows: it was replaced"]
        );
    }

    #[test]
    fn a_whole_year_or_the_head_that_is_gone_is_missed() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let trail = trail(dir.path(), 60);
        let head = fs::read(trail.head_path()).expect("a head");
        fs::remove_file(trail.head_path()).expect("a head");
        let missing = "audit.head: the trail's head is missing or damaged: records may be missing at the end";
        assert_eq!(faults(&trail), [missing]);
        fs::write(trail.head_path(), head).expect("a head");
        fs::remove_file(trail.folder().join("2023.jsonl")).expect("a file");
        assert_eq!(faults(&trail), ["2024.jsonl:1: records 1 to 48 are missing"]);
    }

    #[test]
    fn a_changed_record_cannot_be_passed_off_as_never_finished() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let trail = trail(dir.path(), 3);
        let (_, path) = trail.files().expect("a folder").pop().expect("a file");
        let text = fs::read(&path).expect("a file");
        fs::write(&path, &text[..text.len() - 20]).expect("a file");
        trail
            .append(&alice(), Event::Stopped, at(3))
            .expect("a writable folder");
        assert_eq!(faults(&trail), ["2023.jsonl:4: record 3 is missing"]);
    }

    #[test]
    fn no_trail_at_all_is_said() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let error = Trail::of_store(dir.path()).verify().expect_err("there is none");
        assert!(matches!(error, AuditError::None(_)));
    }
}
