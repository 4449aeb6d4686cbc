//! The served page over real sockets, and what a client is shown.

mod client;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::follow::{Follower, Withheld};
use crate::capture::Signal;
use crate::exam::record::{ActivationMap, Grade, Graded, ModelIdentity, Quality, Scored, Verdict};
use crate::frame::{Frame, FrameFormat, PixelFormat, Rect};
use crate::pipeline::{ExamView, Live, ModelView, Site};
use client::{Client, Said};
use serde_json::Value;
use tokio::sync::{oneshot, watch};

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
        outcome: Ok(Scored { score, map }),
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
            },
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
        serde_json::json!({"saved": 0, "waiting": 0, "fault": null})
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

/// A server on a port of its own, and the pipeline's end of its `watch`.
struct Server {
    runtime: tokio::runtime::Runtime,
    address: std::net::SocketAddr,
    live: watch::Sender<Live>,
    stop: oneshot::Sender<()>,
    served: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Server {
    fn start() -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let (live, receiver) = watch::channel(starting());
        let (stop, stopped) = oneshot::channel::<()>();
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .expect("a free port");
        let address = listener.local_addr().expect("its address");
        let served = runtime.spawn(super::serve(listener, site(), receiver, async {
            let _ = stopped.await;
        }));
        Self {
            runtime,
            address,
            live,
            stop,
            served,
        }
    }
}

#[test]
fn every_answer_carries_the_strict_headers() {
    let server = Server::start();
    for (path, status, media) in [
        ("/", 200, "text/html"),
        ("/app.js", 200, "text/javascript"),
        ("/style.css", 200, "text/css"),
        ("/api/v1/state", 200, "application/json"),
        ("/healthz", 200, "text/plain"),
        ("/../Cargo.toml", 404, ""),
        ("/page/index.html", 404, ""),
    ] {
        let answer = client::get(server.address, path, &[("Host", "localhost")]);
        assert!(
            answer.starts_with(&format!("http/1.1 {status} ")),
            "{path}: {answer}"
        );
        assert!(
            answer.contains("content-security-policy: default-src 'self';"),
            "{path}"
        );
        assert!(answer.contains("x-content-type-options: nosniff"), "{path}");
        assert!(answer.contains("cache-control: no-store"), "{path}");
        assert!(answer.contains(media), "{path}: {answer}");
    }
}

#[test]
fn foreign_names_and_foreign_pages_are_refused() {
    let server = Server::start();
    let status =
        |path: &str, headers: &[(&str, &str)]| client::get(server.address, path, headers)[9..12].to_owned();
    assert_eq!(status("/", &[("Host", "evil.example")]), "421");
    assert_eq!(status("/api/v1/state", &[("Host", "evil.example:8390")]), "421");
    let host = server.address.to_string();
    let upgrade = |origin: &str| {
        let mut headers = client::UPGRADE.to_vec();
        headers.extend([("Host", host.as_str()), ("Origin", origin)]);
        status("/api/v1/live", &headers)
    };
    assert_eq!(upgrade("http://evil.example"), "403");
    assert_eq!(upgrade(&format!("http://{host}")), "101");
}

#[test]
fn a_client_gets_the_trend_the_state_and_a_picture_of_the_pane_alone() {
    let server = Server::start();
    server.live.send_replace(scored(1, 0.75));
    let mut client = Client::connect(server.address);
    let (mut pictures, mut trends, mut scores) = (Vec::new(), Vec::new(), Vec::new());
    let start = Instant::now();
    for seq in 2.. {
        server.live.send_replace(scored(seq, 0.75));
        for said in client.batch() {
            match said {
                Said::Text(text) if text["type"] == "trend" => trends.push(text),
                Said::Text(text) => scores.push(text["score"].clone()),
                Said::Binary(bytes) => pictures.push(bytes),
            }
        }
        client.answer();
        if !pictures.is_empty() && !trends.is_empty() && scores.contains(&0.75.into()) {
            break;
        }
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "no picture, trend or score"
        );
    }
    assert_eq!(trends[0]["restart"], true);
    assert_eq!(trends[0]["points"][0][1], 0.75);
    let picture = image::load_from_memory(&pictures[0]).expect("a JPEG").to_rgb8();
    assert_eq!(picture.dimensions(), (640, 426), "900 × 600, scaled");
    let grey = |pixel: &image::Rgb<u8>| pixel.0.iter().all(|c| c.abs_diff(130) < 4);
    assert!(picture.pixels().all(grey), "nothing from outside the pane");
}

#[test]
fn a_stalled_client_does_not_hold_up_another_and_is_hung_up_on() {
    let server = Server::start();
    let mut stalled = Client::connect(server.address);
    let mut other = Client::connect(server.address);
    let start = Instant::now();
    for seq in 0..40 {
        server.live.send_replace(scored(seq, 0.5));
        other.batch();
        other.answer();
    }
    assert!(
        start.elapsed() < Duration::from_secs(8),
        "40 batches at 5 a second or more"
    );
    assert!(stalled.is_hung_up());
}

#[test]
fn a_silent_pipeline_is_said_within_the_time_limit() {
    let server = Server::start();
    let mut client = Client::connect(server.address);
    server.live.send_replace(scored(1, 0.5));
    let start = Instant::now();
    let mut shown = false;
    while start.elapsed() < Duration::from_secs(5) {
        let heard = Instant::now();
        for said in client.batch() {
            let Said::Text(text) = said else { continue };
            shown |= text["score"] == 0.5;
            if shown && text["withheld"] == "stale" {
                return;
            }
        }
        assert!(heard.elapsed() < Duration::from_secs(1), "silent for too long");
        client.answer();
    }
    panic!("the last score is still shown, or never was: {shown}");
}

#[test]
fn the_page_outlives_the_pipeline() {
    let Server {
        runtime: _runtime,
        address,
        live,
        stop: _stop,
        ..
    } = Server::start();
    let mut client = Client::connect(address);
    drop(live);
    for _ in 0..5 {
        let batch = client.batch();
        assert!(matches!(&batch[..], [Said::Text(text)] if text["withheld"] == "signal"));
        client.answer();
    }
    Client::connect(address).batch();
}

#[test]
fn stopping_hangs_up_on_clients() {
    let server = Server::start();
    let mut client = Client::connect(server.address);
    client.batch();
    let start = Instant::now();
    server.stop.send(()).expect("the server runs");
    let served = server.runtime.block_on(server.served).expect("no panic");
    served.expect("no error");
    assert!(client.is_hung_up());
    assert!(start.elapsed() < super::GRACE + Duration::from_secs(1));
}
