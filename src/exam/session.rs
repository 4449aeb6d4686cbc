//! When an exam begins and ends. Nobody has to press anything: it begins with the first frame that is scored and
//! ends when none was for a while, or when its source does.

use chrono::{DateTime, TimeDelta, Utc};

use super::record::{Exam, Graded, KeyReason, Provenance, Verdict};
use super::{Aggregate, KeyFrames};

/// Runs one exam after the other for one source.
pub struct Session {
    provenance: Provenance,
    idle: TimeDelta,
    key_every_ms: u64,
    running: Option<Running>,
}

struct Running {
    exam: Exam,
    last_scored: DateTime<Utc>,
    aggregate: Aggregate,
    keys: KeyFrames,
}

/// What a frame changes.
#[derive(Debug, PartialEq)]
pub struct Step {
    /// The exam that this frame begins.
    pub begun: Option<Exam>,
    /// Why this frame is kept as a picture.
    pub keep: Option<KeyReason>,
}

impl Session {
    /// Exams end `idle` after their last scored frame; a key frame is kept every `key_every_ms`.
    pub fn new(provenance: Provenance, idle: TimeDelta, key_every_ms: u64) -> Self {
        Self {
            provenance,
            idle,
            key_every_ms,
            running: None,
        }
    }

    /// Takes a graded frame, captured at `wall`.
    pub fn add(&mut self, graded: &Graded, wall: DateTime<Utc>) -> Step {
        let mut step = Step {
            begun: None,
            keep: None,
        };
        if self.running.is_none() && graded.outcome.is_ok() {
            step.begun = Some(self.begin(wall));
        }
        let Some(running) = &mut self.running else {
            return step;
        };
        running.aggregate.add(graded);
        if let Ok(scored) = &graded.outcome {
            running.last_scored = wall;
            step.keep = running.keys.consider(graded.t_ms, scored.score);
        }
        step
    }

    fn begin(&mut self, wall: DateTime<Utc>) -> Exam {
        let id = exam_id(wall, (wall.timestamp_subsec_nanos() / 1000 % 1000) as u16);
        let exam = Exam::begun(id, wall, self.provenance.clone());
        self.running = Some(Running {
            exam: exam.clone(),
            last_scored: wall,
            aggregate: Aggregate::new(self.provenance.band),
            keys: KeyFrames::new(self.key_every_ms),
        });
        exam
    }

    /// Ends the exam if nothing was scored for long enough at `now`.
    pub fn tick(&mut self, now: DateTime<Utc>) -> Option<Exam> {
        let idle = self
            .running
            .as_ref()
            .is_some_and(|r| now - r.last_scored >= self.idle);
        if idle { self.end() } else { None }
    }

    /// Ends the exam that runs, if any.
    pub fn end(&mut self) -> Option<Exam> {
        let running = self.running.take()?;
        Some(Exam {
            ended: Some(running.last_scored),
            verdict: Some(running.aggregate.verdict()),
            ..running.exam
        })
    }

    /// Whether an exam runs.
    pub fn is_open(&self) -> bool {
        self.running.is_some()
    }

    /// The running exam and its verdict so far.
    pub fn current(&self) -> Option<(&Exam, Verdict)> {
        self.running.as_ref().map(|r| (&r.exam, r.aggregate.verdict()))
    }
}

/// The id of an exam that started at `started`: sorts by time; `salt` keeps two of one millisecond apart.
pub fn exam_id(started: DateTime<Utc>, salt: u16) -> String {
    format!("{}-{salt:04x}", started.format("%Y%m%dT%H%M%S%.3fZ"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exam::record::{ActivationMap, Grade, ModelIdentity, Quality, Scored};
    use crate::frame::Rect;

    fn session() -> Session {
        let model = ModelIdentity {
            name: "m".into(),
            version: "1".into(),
            sha256: "00".into(),
            intended_use: "demonstration".into(),
        };
        let provenance = Provenance {
            model,
            engine: "e".into(),
            software: "s".into(),
            temperature: 1.0,
            band: [0.4, 0.6],
            preprocessing: "p".into(),
            source: "x".into(),
            pane: Rect::full(2, 2),
            roi: Rect::full(2, 2),
        };
        Session::new(provenance, TimeDelta::seconds(30), 5000)
    }

    fn frame(n: u64, scored: bool) -> (Graded, DateTime<Utc>) {
        let map = ActivationMap {
            width: 1,
            height: 1,
            values: vec![0.0],
        };
        let outcome = if scored {
            Ok(Scored { score: 0.9, map })
        } else {
            Err(Quality::Duplicate)
        };
        let wall = DateTime::from_timestamp_millis(1_700_000_000_000 + n as i64 * 100).expect("a time");
        (
            Graded {
                seq: n,
                t_ms: n * 100,
                roi: Rect::full(2, 2),
                outcome,
            },
            wall,
        )
    }

    #[test]
    fn the_first_scored_frame_begins_an_exam_and_idleness_ends_it() {
        let mut session = session();
        let mut begun = Vec::new();
        for n in 0..100 {
            let (graded, wall) = frame(n, n >= 10);
            begun.extend(session.add(&graded, wall).begun);
        }
        assert_eq!(begun.len(), 1);
        let (_, last) = frame(99, true);
        assert_eq!(begun[0].started, frame(10, true).1);
        assert_eq!(session.tick(last + TimeDelta::seconds(29)), None);
        let ended = session
            .tick(last + TimeDelta::seconds(30))
            .expect("the exam ends");
        assert_eq!(
            (ended.id.as_str(), ended.ended),
            (begun[0].id.as_str(), Some(last))
        );
        let verdict = ended.verdict.expect("a verdict");
        assert_eq!(
            (verdict.verdict, verdict.frames_scored, verdict.frames_seen),
            (Grade::High, 90, 90)
        );
        assert!(session.current().is_none() && session.end().is_none());
    }

    #[test]
    fn exam_ids_sort_by_time() {
        let ids: Vec<_> = [0, 1, 9, 10, 600]
            .iter()
            .map(|&n| exam_id(frame(n, true).1, 7))
            .collect();
        assert!(ids.is_sorted(), "{ids:?}");
        assert!(ids[0].starts_with("20231114T221320.000Z-"), "{}", ids[0]);
    }
}
