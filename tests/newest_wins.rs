//! More pictures than can be graded: the newest wins, every other one is counted; and no score outlives its signal.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::time::{Duration, Instant, SystemTime};

use chrono::TimeDelta;
use sonograde::capture::{CaptureError, Captured, FrameSource, Signal};
use sonograde::frame::{BufferPool, Frame, FrameFormat, PixelFormat};
use sonograde::infer::Runtime;
use sonograde::package::InService;
use sonograde::pipeline::{Event, Live, Pace, Parts, Pipeline};
use sonograde::screen::Screen;
use sonograde::store::Store;

/// A device that gives what it is sent.
struct Fed(Receiver<Captured>);

impl FrameSource for Fed {
    fn next(&mut self, _: &BufferPool, wait: Duration) -> Result<Captured, CaptureError> {
        Ok(self.0.recv_timeout(wait).unwrap_or(Captured::Nothing))
    }

    fn describe(&self) -> String {
        "a test".into()
    }
}

/// Speckle that differs from picture to picture.
fn frame(seq: u64) -> Captured {
    let mut random = oorandom::Rand32::new(seq);
    let speckle: Vec<u8> = (0..640 * 480).map(|_| random.rand_range(30..200) as u8).collect();
    Captured::Frame(Frame {
        seq,
        t: Duration::from_millis(16 * seq),
        wall: SystemTime::now(),
        format: FrameFormat::packed(PixelFormat::Grey, 640, 480),
        bytes: speckle.into(),
    })
}

/// A pipeline that is fed, and everything that it grades.
fn fed(store: &std::path::Path) -> (Pipeline, Sender<Captured>, Receiver<Event>) {
    let (send, receive) = channel();
    let (events, graded) = sync_channel(1000);
    let mut source = Some(receive);
    let pipeline = Pipeline::start(Parts {
        open: Box::new(move || Ok(Box::new(Fed(source.take().expect("opened once"))))),
        pace: Pace::Device,
        screen: Screen {
            pane: None,
            roi: None,
        },
        model: InService::shipped(Runtime::default()).expect("the shipped model"),
        news: None,
        store: Arc::new(Store::open(store).expect("a store")),
        source: "a test".into(),
        idle: TimeDelta::days(1),
        key_every_ms: 5000,
        events: Some(events),
    });
    (pipeline.expect("threads"), send, graded)
}

fn until(pipeline: &Pipeline, wanted: impl Fn(&Live) -> bool) -> Duration {
    let (live, began) = (pipeline.live(), Instant::now());
    while !wanted(&live.borrow()) {
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", live.borrow());
        std::thread::sleep(Duration::from_millis(1));
    }
    began.elapsed()
}

#[test]
fn under_overload_the_newest_picture_is_graded_and_every_other_one_is_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let (pipeline, send, graded) = fed(folder.path());
    let frames: Vec<_> = (0..200).map(frame).collect();
    for frame in frames {
        send.send(frame).expect("the pipeline runs");
    }
    until(&pipeline, |live| {
        live.graded.as_ref().is_some_and(|g| g.seq == 199)
    });
    pipeline.stopper()();
    let summary = pipeline.join().expect("stored");
    let seen: Vec<u64> = graded
        .try_iter()
        .filter_map(|event| match event {
            Event::Frame(graded) => Some(graded.seq),
            Event::Ended(_) => None,
        })
        .collect();
    assert!(seen.is_sorted_by(|a, b| a < b), "never an older one: {seen:?}");
    assert!(seen.len() < 200, "it was overloaded");
    assert_eq!(summary.captured, 200);
    assert_eq!(summary.dropped + seen.len() as u64, 200, "{seen:?}");
}

#[test]
fn a_lost_signal_takes_the_score_away_and_its_return_does_not_bring_the_old_one_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let (pipeline, send, _graded) = fed(folder.path());
    let put = |captured| send.send(captured).expect("the pipeline runs");
    put(frame(0));
    until(&pipeline, |live| {
        live.signal == Signal::Live && live.graded.is_some()
    });
    let lost = Signal::NoSignal {
        reason: "no signal: a test".into(),
    };
    put(Captured::NoPicture(lost.clone()));
    let took = until(&pipeline, |live| live.signal == lost && live.graded.is_none());
    assert!(took < Duration::from_millis(500), "{took:?}");
    // The signal is back, with the picture of before: a repeat, which has no score of its own.
    put(frame(0));
    until(&pipeline, |live| live.signal == Signal::Live);
    assert!(
        pipeline.live().borrow().graded.is_none(),
        "the score is of before"
    );
    put(frame(1));
    until(&pipeline, |live| live.graded.as_ref().is_some_and(|g| g.seq == 1));
    // And a device that falls silent.
    let took = until(&pipeline, |live| {
        live.signal != Signal::Live && live.graded.is_none()
    });
    assert!(took < Duration::from_millis(500), "{took:?}");
    pipeline.stopper()();
    pipeline.join().expect("stored");
}
