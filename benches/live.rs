//! From a driver's filled buffer to the published score: 1080p at 60 a second through the daemon's own threads, on recorded
//! buffers, every one with new content. `taskset -c 0 cargo bench --bench live` for one core. With `--test` it is short.
//!
//! A driver of the same rate hands the buffers over; the time runs from there, through the copy out of the buffer, the
//! hand-over, preprocessing and the network, until whoever watches the state has the score.

use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use chrono::TimeDelta;
use sonograde::audit::{Recorder, Trail};
use sonograde::capture::phantom::{Grade, Phantom};
use sonograde::capture::{CaptureError, Captured, FrameSource};
use sonograde::exam::{Begin, Display, Rules};
use sonograde::frame::{BufferPool, Frame, FrameFormat, PixelFormat, Rect};
use sonograde::infer::Runtime;
use sonograde::package::InService;
use sonograde::pipeline::{Event, Pace, Parts, Pipeline};
use sonograde::screen::Screen;
use sonograde::store::{Policy, Store};

/// Different pictures, shown in turn.
const PICTURES: usize = 30;
const INTERVAL: Duration = Duration::from_nanos(1_000_000_000 / 60);

/// Buffers in memory, handed over at the times of a driver.
struct Recorded {
    format: FrameFormat,
    buffers: Arc<Vec<Vec<u8>>>,
    /// How many are handed over.
    frames: u64,
    began: Instant,
    /// When each buffer was handed over.
    given: Arc<Mutex<Vec<Instant>>>,
}

impl FrameSource for Recorded {
    fn next(&mut self, pool: &BufferPool, _: Duration) -> Result<Captured, CaptureError> {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let seq = given.len() as u64;
        if seq == self.frames {
            return Ok(Captured::End);
        }
        let t = INTERVAL * seq as u32;
        std::thread::sleep(t.saturating_sub(self.began.elapsed()));
        given.push(Instant::now());
        Ok(Captured::Frame(Frame {
            seq,
            t,
            wall: SystemTime::now(),
            format: self.format,
            bytes: pool.copy_of(&self.buffers[seq as usize % self.buffers.len()]),
        }))
    }

    fn describe(&self) -> String {
        "recorded buffers".into()
    }
}

/// New pictures of the phantom, 1920×1080 YUYV, and its contrast pane.
fn recorded() -> (Vec<Vec<u8>>, Rect) {
    let mut phantom = Phantom::new(1, Grade::High, 3600.0);
    let (pane, pool) = (phantom.pane(), BufferPool::default());
    let mut pictures: Vec<Vec<u8>> = Vec::new();
    let mut last = None;
    while pictures.len() < PICTURES {
        let Ok(Captured::Frame(frame)) = phantom.next(&pool, Duration::ZERO) else {
            panic!("the phantom goes on for an hour");
        };
        // After the bolus has come: what is dark is not scored. The clock beside the pane makes no new picture.
        let shown = sonograde::preprocess::crop(&frame, pane).ok();
        if frame.t > Duration::from_secs(20) && shown != last {
            pictures.push(frame.bytes.to_vec());
            last = shown;
        }
    }
    (pictures, pane)
}

/// The same pictures with the chroma of every other line.
fn nv12(yuyv: &[u8], width: usize) -> Vec<u8> {
    let mut out: Vec<u8> = yuyv.iter().step_by(2).copied().collect();
    for row in yuyv.chunks(width * 2).step_by(2) {
        out.extend(row.iter().skip(1).step_by(2));
    }
    out
}

fn live(name: &str, pixels: PixelFormat, buffers: Vec<Vec<u8>>, pane: Rect) {
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = Runtime {
        threads: Some(std::num::NonZeroUsize::MIN),
        ..Runtime::default()
    };
    let given = Arc::new(Mutex::new(Vec::new()));
    let source = (Arc::clone(&given), Arc::new(buffers));
    let frames = if std::env::args().any(|arg| arg == "--test") {
        90
    } else {
        1800
    };
    let (events, graded) = sync_channel(frames as usize + 1);
    let pipeline = Pipeline::start(Parts {
        open: Box::new(move || {
            Ok(Box::new(Recorded {
                format: FrameFormat::packed(pixels, 1920, 1080),
                buffers: Arc::clone(&source.1),
                frames,
                began: Instant::now(),
                given: Arc::clone(&source.0),
            }))
        }),
        pace: Pace::Recording,
        screen: Screen {
            pane: Some(sonograde::screen::PanePreset::Rect(pane)),
            roi: None,
        },
        model: InService::shipped(runtime).expect("the shipped model"),
        news: None,
        store: Arc::new(Store::open(folder.path()).expect("a store")),
        audit: Recorder::start(Trail::of_store(folder.path())).0,
        policy: Policy::default(),
        panel: None,
        display: Display::default(),
        source: name.into(),
        rules: Rules {
            begin: Begin::Picture,
            idle: TimeDelta::seconds(60),
            key_every_ms: 5000,
        },
        events: Some(events),
    })
    .expect("threads");
    let mut state = pipeline.live();
    let watch = std::thread::spawn(move || {
        let mut published: Vec<(u64, Instant)> = Vec::new();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        while runtime.block_on(state.changed()).is_ok() {
            let seq = state.borrow_and_update().graded.as_ref().map(|graded| graded.seq);
            if let Some(seq) = seq
                && published.last().is_none_or(|(last, _)| *last != seq)
            {
                published.push((seq, Instant::now()));
            }
        }
        published
    });
    let summary = pipeline.join().expect("stored");
    let published = watch.join().expect("the watcher ends");
    let given = given.lock().unwrap_or_else(PoisonError::into_inner);
    let mut times: Vec<f64> = published
        .iter()
        .map(|(seq, at)| at.duration_since(given[*seq as usize]).as_secs_f64() * 1e3)
        .collect();
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    let outcomes = graded.iter().filter_map(|event| match event {
        Event::Frame(graded) => Some(
            graded
                .outcome
                .as_ref()
                .map_or_else(|why| format!("{why:?}"), |_| "scored".into()),
        ),
        _ => None,
    });
    let mut counts = std::collections::BTreeMap::new();
    outcomes.for_each(|outcome| *counts.entry(outcome).or_insert(0) += 1);
    println!(
        "{name}: handed over to published: median {:.2} ms, p99 {:.2} ms, longest {:.2} ms; {} given, {counts:?}, {} replaced",
        at(0.5),
        at(0.99),
        at(1.0),
        summary.captured,
        summary.dropped
    );
}

fn main() {
    let (yuyv, pane) = recorded();
    let planar = yuyv.iter().map(|picture| nv12(picture, 1920)).collect();
    live("1080p60 YUYV", PixelFormat::Yuyv, yuyv, pane);
    live("1080p60 NV12", PixelFormat::Nv12, planar, pane);
}
