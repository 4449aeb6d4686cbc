//! More pictures than can be graded: the newest wins, every other one is counted; and no score outlives its signal.

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use chrono::TimeDelta;
use sonograde::audit::{Recorder, Trail};
use sonograde::capture::{CaptureError, Captured, FrameSource, Signal};
use sonograde::exam::Display;
use sonograde::frame::{BufferPool, Frame, FrameFormat, PixelFormat};
use sonograde::infer::Runtime;
use sonograde::package::InService;
use sonograde::pipeline::{Event, Live, Pace, Parts, Pipeline};
use sonograde::screen::Screen;
use sonograde::store::{Policy, Store};

/// What a device is to give from now on.
enum Give {
    /// A picture, again and again, 60 a second.
    Picture(u32),
    /// No picture at its input.
    Lost(Signal),
    /// Nothing at all.
    Silence,
}

/// A device that does what it is told.
struct Told {
    orders: Receiver<Give>,
    now: Give,
    /// The picture of each frame it gave, by number.
    given: Arc<Mutex<Vec<u32>>>,
}

impl FrameSource for Told {
    fn next(&mut self, _: &BufferPool, _: Duration) -> Result<Captured, CaptureError> {
        if let Ok(order) = self.orders.recv_timeout(Duration::from_millis(16)) {
            self.now = order;
        }
        Ok(match &self.now {
            Give::Picture(picture) => {
                let mut given = self.given.lock().expect("no panic");
                given.push(*picture);
                Captured::Frame(speckle(given.len() as u64 - 1, *picture))
            }
            Give::Lost(signal) => Captured::NoPicture(signal.clone()),
            Give::Silence => Captured::Nothing,
        })
    }

    fn describe(&self) -> String {
        "a test".into()
    }
}

/// The frame number `seq`; it looks different for each `picture`.
fn speckle(seq: u64, picture: u32) -> Frame {
    let mut bytes = vec![0u8; 320 * 240];
    for (n, byte) in bytes.iter_mut().enumerate() {
        let mixed = (n as u32 + 1 + picture * 320 * 240).wrapping_mul(2_654_435_761);
        let mixed = (mixed ^ mixed >> 15).wrapping_mul(2_246_822_519);
        *byte = 30 + (mixed >> 16) as u8 % 170;
    }
    Frame {
        seq,
        t: Duration::from_millis(16 * seq),
        wall: SystemTime::now(),
        format: FrameFormat::packed(PixelFormat::Grey, 320, 240),
        bytes: bytes.into(),
    }
}

struct Rig {
    pipeline: Pipeline,
    orders: Sender<Give>,
    graded: Receiver<Event>,
    given: Arc<Mutex<Vec<u32>>>,
}

impl Rig {
    fn start(store: &Path) -> Self {
        let (orders, receive) = channel();
        let (events, graded) = sync_channel(10_000);
        let given = Arc::new(Mutex::new(Vec::new()));
        let mut source = Some(Told {
            orders: receive,
            now: Give::Silence,
            given: Arc::clone(&given),
        });
        let pipeline = Pipeline::start(Parts {
            open: Box::new(move || Ok(Box::new(source.take().expect("opened once")))),
            pace: Pace::Device,
            screen: Screen {
                pane: None,
                roi: None,
            },
            model: InService::shipped(Runtime::default()).expect("the shipped model"),
            news: None,
            store: Arc::new(Store::open(store).expect("a store")),
            policy: Policy::default(),
            audit: Recorder::start(Trail::of_store(store)).0,
            display: Display::default(),
            source: "a test".into(),
            idle: TimeDelta::days(1),
            key_every_ms: 5000,
            panel: None,
            events: Some(events),
        });
        Self {
            pipeline: pipeline.expect("threads"),
            orders,
            graded,
            given,
        }
    }

    fn give(&self, what: Give) {
        self.orders.send(what).expect("the pipeline runs");
    }

    /// How long until the state is as `wanted`.
    fn until(&self, wanted: impl Fn(&Live) -> bool) -> Duration {
        let (live, began) = (self.pipeline.live(), Instant::now());
        while !wanted(&live.borrow()) {
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "{:?}",
                live.borrow().signal
            );
            std::thread::sleep(Duration::from_millis(1));
        }
        began.elapsed()
    }

    /// Until the score shown is of this picture.
    fn until_scored(&self, picture: u32) {
        self.until(|live| {
            let seq = live.graded.as_ref().map(|graded| graded.seq as usize);
            seq.is_some_and(|seq| self.given.lock().expect("no panic")[seq] == picture)
        });
    }
}

#[test]
fn under_overload_the_newest_picture_is_graded_and_every_other_one_is_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let rig = Rig::start(folder.path());
    for picture in 0..300 {
        rig.give(Give::Picture(picture));
    }
    rig.until_scored(299);
    rig.pipeline.stopper()();
    let summary = rig.pipeline.join().expect("stored");
    let seen: Vec<u64> = rig
        .graded
        .try_iter()
        .filter_map(|event| match event {
            Event::Frame(graded) => Some(graded.seq),
            Event::Ended(_) => None,
        })
        .collect();
    assert!(seen.is_sorted_by(|a, b| a < b), "never an older one: {seen:?}");
    assert!(seen.len() < 250, "it was overloaded");
    assert_eq!(summary.captured, rig.given.lock().expect("no panic").len() as u64);
    assert_eq!(summary.captured, summary.dropped + seen.len() as u64, "{seen:?}");
}

#[test]
fn a_lost_signal_takes_the_score_away_and_its_return_does_not_bring_the_old_one_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let rig = Rig::start(folder.path());
    rig.give(Give::Picture(0));
    rig.until_scored(0);
    let lost = Signal::NoSignal {
        reason: "no signal: a test".into(),
    };
    rig.give(Give::Lost(lost.clone()));
    let took = rig.until(|live| live.signal == lost && live.graded.is_none());
    assert!(took < Duration::from_millis(500), "{took:?}");
    // The signal is back with the same picture: a repeat, which has no score of its own.
    rig.give(Give::Picture(0));
    rig.until(|live| live.signal == Signal::Live);
    assert!(
        rig.pipeline.live().borrow().graded.is_none(),
        "the score is of before"
    );
    rig.give(Give::Picture(1));
    rig.until_scored(1);
    rig.give(Give::Silence);
    let took = rig.until(|live| live.signal != Signal::Live && live.graded.is_none());
    assert!(took < Duration::from_millis(500), "{took:?}");
    rig.pipeline.stopper()();
    rig.pipeline.join().expect("stored");
}
