//! What a client is shown.

mod client;
mod served;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use super::follow::{Follower, Withheld};
use crate::capture::Signal;
use crate::exam::record::{ActivationMap, Grade, Graded, ModelIdentity, Quality, Scored, Verdict};
use crate::frame::{Frame, FrameFormat, PixelFormat, Rect};
use crate::pipeline::{ExamView, Live, ModelView, PatientView, Site};

const PANE: Rect = Rect {
    x: 960,
    y: 40,
    w: 900,
    h: 600,
};
const ROI: Rect = Rect {
    x: 1000,
    y: 100,
    w: 200,
    h: 200,
};

fn site() -> Site {
    Site {
        source: "test".to_owned(),
        version: "0.0.0",
    }
}

fn starting() -> Live {
    let model = ModelView {
        model: ModelIdentity {
            name: "test".to_owned(),
            version: "1".to_owned(),
            sha256: "00".repeat(32),
            intended_use: "demonstration".to_owned(),
        },
        model_from: "shipped".to_owned(),
        model_notice: None,
        band: [0.4, 0.6],
        label: "DEMONSTRATION MODEL.".to_owned(),
        card: None,
    };
    Live::starting(PANE, ROI, "not yet", Arc::new(model))
}

fn graded(seq: u64, score: f32) -> Option<Arc<Graded>> {
    let map = ActivationMap {
        width: 2,
        height: 1,
        values: vec![-1.0, 2.5],
    };
    Some(Arc::new(Graded {
        seq,
        t_ms: seq * 66,
        roi: ROI,
        outcome: Ok(Scored {
            score,
            map,
            fitness: None,
        }),
    }))
}

/// A screen that is white outside the pane and grey inside it.
fn screen(format: FrameFormat) -> Vec<u8> {
    let mut bytes = [235, 128].repeat(format.bytes() / 2);
    for row in bytes
        .chunks_exact_mut(format.places[0].stride)
        .skip(PANE.y as usize)
        .take(PANE.h as usize)
    {
        for luma in row[2 * PANE.x as usize..][..2 * PANE.w as usize]
            .iter_mut()
            .step_by(2)
        {
            *luma = 128;
        }
    }
    bytes
}

/// A scored frame of a running exam.
fn scored(seq: u64, score: f32) -> Live {
    let format = FrameFormat::packed(PixelFormat::Yuyv, 1920, 1080);
    Live {
        signal: Signal::Live,
        frame: Some(Arc::new(Frame {
            seq,
            t: Duration::from_millis(seq * 66),
            wall: SystemTime::now(),
            bytes: screen(format).into(),
            format,
        })),
        graded: graded(seq, score),
        exam: Some(ExamView {
            id: "20261123T120000.000Z-0001".to_owned(),
            started: chrono::DateTime::UNIX_EPOCH,
            ended: false,
            verdict: Verdict {
                verdict: Grade::High,
                score: Some(0.8),
                ci95: Some([0.7, 0.9]),
                frames_scored: seq,
                frames_seen: 4 * seq,
                frames_counted: None,
            },
            patient: PatientView::Unknown,
            marks: Vec::new(),
            accepted: None,
        }),
        ..starting()
    }
}

#[test]
fn a_score_is_shown_only_while_the_signal_is_live() {
    let now = Instant::now();
    let reason = || "cable".to_owned();
    let shown = |live: Live| Follower::new(live, now).shown(now).map(|s| s.score);
    assert_eq!(shown(scored(1, 0.7)), Ok(0.7));
    for signal in [
        Signal::Absent { reason: reason() },
        Signal::NoSignal { reason: reason() },
        Signal::Unsupported { reason: reason() },
        Signal::Frozen { reason: reason() },
    ] {
        let live = Live {
            signal,
            ..scored(1, 0.7)
        };
        assert_eq!(shown(live), Err(Withheld::Signal));
    }
    let first = Live {
        graded: None,
        ..scored(1, 0.7)
    };
    assert_eq!(shown(first), Err(Withheld::Waiting));
}

#[test]
fn a_score_that_nothing_renews_disappears() {
    let start = Instant::now();
    let first = scored(1, 0.7);
    let result = first.graded.clone();
    let mut follower = Follower::new(first, start);
    let later = start + Duration::from_millis(1001);
    assert_eq!(follower.shown(later), Err(Withheld::Stale));
    // Frames keep coming, none of them is scored.
    let repeat = Live {
        quality: Some(Quality::Duplicate),
        ..with(&result, 2)
    };
    follower.note(repeat, later);
    assert_eq!(follower.shown(later), Err(Withheld::Stale));
    follower.note(scored(3, 0.6), later);
    assert_eq!(follower.shown(later).map(|s| s.score), Ok(0.6));
}

/// A frame that brings no new result.
fn with(graded: &Option<Arc<Graded>>, seq: u64) -> Live {
    Live {
        graded: graded.clone(),
        ..scored(seq, 0.0)
    }
}

#[test]
fn a_repeat_of_a_picture_that_was_not_scored_does_not_bring_the_old_score_back() {
    let now = Instant::now();
    let first = scored(1, 0.7);
    let result = first.graded.clone();
    let mut follower = Follower::new(first, now);
    for (seq, quality, shown) in [
        (2, Quality::Duplicate, Ok(0.7)),
        (3, Quality::TooDark, Err(Withheld::Quality(Quality::TooDark))),
        (4, Quality::Duplicate, Err(Withheld::Quality(Quality::TooDark))),
    ] {
        let live = Live {
            quality: Some(quality),
            ..with(&result, seq)
        };
        follower.note(live, now);
        assert_eq!(follower.shown(now).map(|s| s.score), shown, "frame {seq}");
    }
}

#[test]
fn the_state_has_the_documented_shape() {
    let now = Instant::now();
    let state =
        |live| -> Value { serde_json::from_str(&Follower::new(live, now).json(&site(), now)).expect("JSON") };
    let live = state(scored(3, 0.5));
    assert_eq!(live["type"], "state");
    assert_eq!(live["signal"], serde_json::json!({"state": "live"}));
    assert_eq!((&live["score"], &live["withheld"]), (&0.5.into(), &Value::Null));
    assert_eq!(live["map"], serde_json::json!([[-1.0, 2.5]]));
    assert_eq!(live["exam"]["verdict"]["verdict"], "high");
    assert_eq!(live["exam"]["verdict"]["frames_scored"], 3);
    assert_eq!(
        live["pane"],
        serde_json::json!({"x": 960, "y": 40, "w": 900, "h": 600})
    );
    assert_eq!(live["roi"]["w"], 200);
    assert_eq!(live["rates"]["captured_fps"], 0.0);
    assert_eq!(
        live["store"],
        serde_json::json!({"saved": 0, "waiting": 0, "fault": null, "notice": null, "space": null})
    );
    assert!(live["label"] == "DEMONSTRATION MODEL." && live["model"]["name"] == "test");
    let nothing_else = live["model_notice"].is_null() && live["model_next"].is_null();
    assert!(live["model_from"] == "shipped" && nothing_else);
    let dark = state(Live {
        quality: Some(Quality::TooDark),
        ..scored(3, 0.5)
    });
    assert_eq!((&dark["score"], &dark["map"]), (&Value::Null, &Value::Null));
    assert_eq!(dark["withheld"], "too-dark");
    let absent = state(starting());
    assert_eq!(absent["withheld"], "signal");
    assert_eq!(absent["signal"]["reason"], "not yet");
}
