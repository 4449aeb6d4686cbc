//! Exams of one session after another.

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
    let rules = Rules {
        begin: Begin::Contrast,
        idle: TimeDelta::seconds(30),
        key_every_ms: 5000,
    };
    let mut session = Session::new(provenance, rules, Carry::default());
    session.enhanced(0, BRIGHT);
    session
}

/// 40 dB: contrast.
const BRIGHT: f32 = 1e4;

fn frame(n: u64, scored: bool) -> (Graded, DateTime<Utc>) {
    let map = ActivationMap {
        width: 1,
        height: 1,
        values: vec![0.0],
    };
    let outcome = if scored {
        Ok(Scored {
            score: 0.9,
            map,
            fitness: None,
        })
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
fn with_contrast_the_first_scored_frame_begins_an_exam_and_idleness_ends_it() {
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

fn wall(n: u64) -> DateTime<Utc> {
    frame(n, true).1
}

fn injection(n: u64) -> Mark {
    Mark {
        kind: MarkKind::Injection,
        t_ms: n * 100,
    }
}

#[test]
fn an_exam_that_was_stopped_is_not_begun_again_by_the_same_contrast() {
    let mut session = session();
    let begins = |session: &mut Session, n| {
        let (graded, wall) = frame(n, true);
        session.tick(wall);
        session.enhanced(n * 100, BRIGHT);
        session.add(&graded, wall).begun.is_some()
    };
    assert!(begins(&mut session, 0));
    assert_eq!(session.start(wall(1)), Err(Refused::Running));
    assert!(session.stop(wall(1)).is_ok() && session.stop(wall(1)) == Err(Refused::NoExam));
    assert!(
        (2..500).all(|n| !begins(&mut session, n)),
        "50 s of the same contrast"
    );
    assert!(begins(&mut session, 500 + 300), "after 30 s without");
    session.stop(wall(801)).expect("it runs");
    assert!(session.start(wall(802)).is_ok(), "or when somebody says so");
}

#[test]
fn an_injection_begins_an_exam_that_waits_for_the_contrast() {
    let mut session = session();
    let flash = Mark {
        kind: MarkKind::Flash,
        ..injection(0)
    };
    assert_eq!(session.mark(flash, wall(0)).map(|_| ()), Err(Refused::NoExam));
    let (begun, exam) = session.mark(injection(5), wall(5)).expect("an exam");
    assert_eq!((begun.is_some(), &exam.marks[..]), (true, &[injection(5)][..]));
    assert_eq!(session.tick(wall(5) + TimeDelta::minutes(4)), None);
    let ended = session
        .tick(wall(5) + TimeDelta::minutes(5))
        .expect("for ever is too long");
    assert_eq!(ended.verdict.map(|v| v.frames_scored), Some(0));
}

#[test]
fn a_marked_picture_is_the_next_scored_frame() {
    let mut session = session();
    session.add(&frame(0, true).0, wall(0));
    let mark = Mark {
        kind: MarkKind::Picture,
        t_ms: 50,
    };
    session.mark(mark, wall(0)).expect("an exam runs");
    let kept: Vec<_> = [(1, false), (2, true), (3, true)]
        .map(|(n, scored)| session.add(&frame(n, scored).0, wall(n)).keep)
        .into();
    assert_eq!(kept, [None, Some(KeyReason::Marked), None]);
}

/// A result may never be filed under the patient before.
#[test]
fn the_patient_goes_with_one_exam_unless_it_is_cut_in_two() {
    let order = Order {
        patient_id: Some("7".into()),
        ..Order::default()
    };
    let mut session = session();
    assert_eq!(session.set_order(order.clone()), None, "said before the exam");
    session.mark(injection(0), wall(0)).expect("an exam");
    let (first, carry) = session.cut();
    assert_eq!(first.expect("it ran").order, Some(order.clone()));
    let mut next = Session {
        carry,
        ..self::session()
    };
    let second = next.start(wall(9)).expect("it begins");
    assert_eq!(
        (second.order, &second.marks[..]),
        (Some(order), &[injection(0)][..])
    );
    next.stop(wall(10)).expect("it ran");
    assert_eq!(next.start(wall(11)).expect("another").order, None);
}

#[test]
fn an_exam_begins_when_contrast_arrives_or_when_somebody_says_so() {
    let begins = |begin, press: Option<u64>| {
        let mut session = Session {
            carry: Carry::default(),
            ..session()
        };
        session.rules.begin = begin;
        (0..600).find(|n| {
            // Leakage for 40 s, then a wash-in of 12 dB a second.
            let level = 5.0 + (0.12 * (*n as f32 - 400.0)).clamp(0.0, 30.0);
            session.enhanced(n * 100, 10f32.powf(level / 10.0));
            if press == Some(*n) {
                session.start(wall(*n)).expect("none runs");
            }
            session.add(&frame(*n, true).0, wall(*n));
            session.is_open()
        })
    };
    let at = begins(Begin::Contrast, None).expect("it begins");
    assert!((400..520).contains(&at), "{at}");
    assert_eq!(begins(Begin::Contrast, Some(100)), Some(100));
    assert_eq!(begins(Begin::Picture, None), Some(0));
    assert_eq!(begins(Begin::Hand, None), None);
    assert_eq!(begins(Begin::Hand, Some(100)), Some(100));
}

/// A lesion that is drawn anew in the late phase, when nothing rises any more.
#[test]
fn an_exam_that_is_cut_goes_on_with_the_next_scored_frame() {
    let mut session = session();
    session.add(&frame(0, true).0, wall(0));
    let (exam, mut carry) = session.cut();
    assert!(exam.is_some());
    carry.forget();
    let mut next = Session {
        carry,
        ..self::session()
    };
    assert!(next.add(&frame(1, true).0, wall(1)).begun.is_some());
    next.stop(wall(2)).expect("it runs");
    assert!(next.add(&frame(3, true).0, wall(3)).begun.is_none());
}
