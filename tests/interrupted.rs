//! The power is cut, or the daemon killed, in the middle of an exam.

#[allow(dead_code, reason = "the lost signal is another test's")]
#[path = "common/device.rs"]
mod device;

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use device::{Give, Rig};
use sonograde::exam::record::{Exam, Verdict};
use sonograde::store::{FrameRecord, Store};

/// Pictures before and after the interruption.
const PICTURES: u32 = 12;

/// Grades pictures one after the other.
fn grade(rig: &Rig, pictures: std::ops::Range<u32>) {
    for picture in pictures {
        rig.give(Give::Picture(picture));
        rig.until_scored(picture);
    }
}

fn stop(rig: Rig) {
    rig.pipeline.stopper()();
    rig.pipeline.join().expect("stored");
}

fn frames(store: &Store, exam: &Exam) -> Vec<FrameRecord> {
    let frames = store.frames(&exam.id).expect("an exam");
    frames.map(|frame| frame.expect("a frame")).collect()
}

/// A store with an exam whose last frame came at `last` and that nobody ended; with the verdict that it had when it was.
fn interrupted(folder: &Path, last: DateTime<Utc>) -> (Exam, Verdict) {
    let whole = tempfile::tempdir().expect("a folder");
    let rig = Rig::start(whole.path());
    grade(&rig, 0..PICTURES);
    stop(rig);
    let store = Store::open(whole.path()).expect("a store");
    let ended = store.exams().next().expect("an exam").expect("whole");
    let frames = frames(&store, &ended);
    let verdict = ended.verdict.clone().expect("it ended");
    let span = frames[frames.len() - 1].t_ms - frames[0].t_ms;
    let exam = Exam {
        started: last - TimeDelta::milliseconds(span as i64),
        ended: None,
        verdict: None,
        enhancement: None,
        uids: None,
        ..ended
    };
    let store = Store::open(folder).expect("a store");
    store.begin(&exam).expect("begun");
    for frame in frames {
        let graded = sonograde::exam::record::Graded {
            seq: frame.seq,
            t_ms: frame.t_ms,
            roi: exam.provenance.roi,
            outcome: Ok(sonograde::exam::record::Scored {
                score: frame.score,
                map: frame.map,
                fitness: frame.fitness,
            }),
        };
        store.append(&exam.id, &graded).expect("a frame");
    }
    store.commit().expect("durable");
    (exam, verdict)
}

#[test]
fn an_exam_goes_on_after_a_restart_with_every_frame_of_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let (exam, _) = interrupted(folder.path(), Utc::now());
    let last = frames(&Store::open(folder.path()).expect("a store"), &exam).pop();
    let mut rig = Rig::start(folder.path());
    rig.first = last.expect("a frame").seq as usize + 1;
    rig.give(Give::Picture(PICTURES));
    let id = |live: &sonograde::pipeline::Live| live.exam.as_ref().map(|exam| exam.id.clone());
    rig.until(|live| live.graded.is_some() && id(live).as_ref() == Some(&exam.id));
    grade(&rig, PICTURES + 1..2 * PICTURES);
    stop(rig);

    let store = Store::open(folder.path()).expect("a store");
    let exams: Vec<Exam> = store.exams().map(|exam| exam.expect("whole")).collect();
    let [now] = &exams[..] else {
        panic!("one exam and no other: {exams:?}");
    };
    assert_eq!((&now.id, now.started), (&exam.id, exam.started));
    let frames = frames(&store, now);
    assert!(frames.len() >= 2 * PICTURES as usize, "{} frames", frames.len());
    assert!(frames.is_sorted_by(|a, b| a.seq < b.seq && a.t_ms < b.t_ms));
    let verdict = now.verdict.as_ref().expect("it ended");
    assert_eq!(verdict.frames_scored, frames.len() as u64);
    assert!(now.enhancement.is_none(), "the curve of its beginning is lost");
}

#[test]
fn an_exam_of_the_day_before_yesterday_gets_its_verdict_and_another_begins() {
    let folder = tempfile::tempdir().expect("a folder");
    let (exam, before) = interrupted(folder.path(), Utc::now() - TimeDelta::days(2));
    let rig = Rig::start(folder.path());
    rig.give(Give::Picture(PICTURES));
    rig.until(|live| live.graded.is_some());
    stop(rig);

    let store = Store::open(folder.path()).expect("a store");
    assert_eq!(store.exams().count(), 2);
    let old = store.exam(&exam.id).expect("readable").expect("kept");
    let verdict = old.verdict.as_ref().expect("it was ended");
    assert_eq!(verdict.frames_scored, frames(&store, &exam).len() as u64);
    assert_eq!(
        (verdict.score, verdict.frames_counted),
        (before.score, before.frames_counted),
        "what is stored gives the verdict that the exam had"
    );
    assert!(verdict.frames_counted.is_some_and(|frames| frames > 0));
    assert!(
        old.ended
            .is_some_and(|ended| Utc::now() - ended > TimeDelta::days(1))
    );
    assert!(old.uids.is_some(), "it can be delivered");
}
