//! Verdicts of made-up scores.

use super::*;
use crate::exam::record::{ActivationMap, Quality, Scored};
use crate::frame::Rect;

const BAND: [f32; 2] = [0.4, 0.6];

fn graded(seq: u64, score: f32, fitness: Option<Fitness>) -> Graded {
    let map = ActivationMap {
        width: 1,
        height: 1,
        values: vec![0.0],
    };
    Graded {
        seq,
        t_ms: seq * 100,
        roi: Rect::full(2, 2),
        outcome: Ok(Scored { score, map, fitness }),
    }
}

fn verdict(scores: impl Iterator<Item = f32>) -> Verdict {
    of(scores.map(|score| (score, None)), &[])
}

/// Of frames 100 ms apart.
fn of(frames: impl Iterator<Item = (f32, Option<Fitness>)>, marks: &[Mark]) -> Verdict {
    let mut aggregate = Aggregate::new(BAND);
    for (n, (score, fitness)) in (0..).zip(frames) {
        aggregate.add(&graded(n, score, fitness));
    }
    aggregate.verdict(marks)
}

fn bright(brightness: u8) -> Option<Fitness> {
    Some(Fitness {
        brightness,
        clarity: 255,
    })
}

fn injection(t_ms: u64) -> Mark {
    Mark {
        kind: MarkKind::Injection,
        t_ms,
    }
}

#[test]
fn the_band_divides_low_from_high() {
    let constant = |s| verdict(std::iter::repeat_n(s, 100));
    assert_eq!(constant(0.7).verdict, Grade::High);
    assert_eq!(constant(0.3).verdict, Grade::Low);
    assert_eq!(constant(0.5).verdict, Grade::Indeterminate);
    assert_eq!(constant(0.7).ci95, Some([0.7, 0.7]));
}

#[test]
fn few_frames_give_no_verdict_and_no_interval() {
    let few = verdict(std::iter::repeat_n(0.9, 29));
    assert_eq!((few.verdict, few.ci95), (Grade::Indeterminate, None));
    let none = verdict(std::iter::empty());
    assert_eq!((none.score, none.frames_seen), (None, 0));
}

#[test]
fn unscored_frames_count_as_seen_only() {
    let mut aggregate = Aggregate::new(BAND);
    aggregate.add(&graded(0, 0.9, None));
    aggregate.add(&Graded {
        seq: 1,
        t_ms: 100,
        roi: Rect::full(2, 2),
        outcome: Err(Quality::Duplicate),
    });
    let verdict = aggregate.verdict(&[]);
    assert_eq!(
        (verdict.frames_seen, verdict.frames_scored, verdict.score),
        (2, 1, Some(0.9))
    );
}

#[test]
fn correlated_frames_widen_the_interval() {
    // The same scores: once shuffled over the exam, once constant within each second.
    let shuffled = verdict((0..600).map(|n| if n % 2 == 0 { 0.9 } else { 0.5 }));
    let blocks = verdict((0..600).map(|n| if n / 10 % 2 == 0 { 0.9 } else { 0.5 }));
    let width = |v: &Verdict| v.ci95.map(|[a, b]| b - a).expect("an interval");
    assert!(width(&blocks) > 3.0 * width(&shuffled), "{blocks:?} {shuffled:?}");
}

/// 20 s of leakage before the contrast, 20 s with it, 10 s after a flash, and what the network makes of each.
fn exam() -> impl Iterator<Item = (f32, Option<Fitness>)> {
    let part =
        |seconds: usize, score, brightness| std::iter::repeat_n((score, bright(brightness)), 10 * seconds);
    part(20, 0.1, 12)
        .chain(part(20, 0.9, 80))
        .chain(part(1, 0.1, 250))
        .chain(part(9, 0.1, 15))
}

#[test]
fn what_shows_no_contrast_does_not_count() {
    let whole = of(exam(), &[]);
    // The flash itself is one second of twenty-one.
    assert_eq!((whole.frames_scored, whole.frames_counted), (500, Some(210)));
    assert!((whole.score.expect("a score") - (0.9 * 20.0 + 0.1) / 21.0).abs() < 1e-6);
    assert_eq!(whole.verdict, Grade::High);
    let dim = of(exam().take(200), &[]);
    assert_eq!(dim.frames_counted, Some(200), "without better ones all count");
}

#[test]
fn between_a_quarter_and_a_half_of_the_bright_seconds_frames_count_in_part() {
    let half = |brightness| {
        of(
            (0..200).map(|n| {
                if n < 100 {
                    (1.0, bright(80))
                } else {
                    (0.0, bright(brightness))
                }
            }),
            &[],
        )
    };
    for (brightness, enhanced) in [(20, 0.0), (30, 0.5), (40, 1.0), (80, 1.0)] {
        let score = half(brightness).score.expect("a score");
        assert!(
            (score - 1.0 / (1.0 + enhanced)).abs() < 1e-6,
            "{brightness}: {score}"
        );
    }
}

#[test]
fn seconds_before_the_first_injection_do_not_count() {
    let frames = || (0..200).map(|n| (if n < 100 { 0.1 } else { 0.9 }, bright(80)));
    let unmarked = of(frames(), &[]).score.expect("a score");
    assert!((unmarked - 0.5).abs() < 1e-6, "{unmarked}");
    let flash = Mark {
        kind: MarkKind::Flash,
        t_ms: 19_000,
    };
    let marked = of(frames(), &[injection(10_050), flash, injection(15_000)]);
    assert_eq!((marked.score, marked.frames_counted), (Some(0.9), Some(100)));
    let all_before = of(frames(), &[injection(60_000)]);
    assert_eq!(
        (all_before.score, all_before.verdict),
        (None, Grade::Indeterminate)
    );
}

#[test]
fn a_frame_weighs_as_much_as_it_is_clear() {
    let clarity = |clarity| {
        Some(Fitness {
            brightness: 80,
            clarity,
        })
    };
    let score = of(
        (0..200).map(|n| {
            if n % 2 == 0 {
                (1.0, clarity(255))
            } else {
                (0.0, clarity(51))
            }
        }),
        &[],
    );
    assert!(
        (score.score.expect("a score") - 1.0 / 1.2).abs() < 1e-6,
        "{score:?}"
    );
}
