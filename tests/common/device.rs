//! A device that does what a test tells it to, and a pipeline on it.

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use chrono::TimeDelta;
use sonograde::audit::{Recorder, Trail};
use sonograde::capture::{CaptureError, Captured, FrameSource, Signal};
use sonograde::exam::{Begin, Display, Rules};
use sonograde::frame::{BufferPool, Frame, FrameFormat, PixelFormat};
use sonograde::infer::Runtime;
use sonograde::package::InService;
use sonograde::pipeline::{Event, Live, Pace, Parts, Pipeline};
use sonograde::screen::Screen;
use sonograde::store::{Policy, Store};

/// What a device is to give from now on.
pub enum Give {
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

/// A pipeline on such a device.
pub struct Rig {
    pub pipeline: Pipeline,
    orders: Sender<Give>,
    pub graded: Receiver<Event>,
    pub given: Arc<Mutex<Vec<u32>>>,
    /// The pipeline's number of the device's first frame.
    pub first: usize,
}

impl Rig {
    /// On the store in a folder; an exam ends a day after its last score.
    pub fn start(store: &Path) -> Self {
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
            rules: Rules {
                begin: Begin::Contrast,
                idle: TimeDelta::days(1),
                key_every_ms: 5000,
            },
            panel: None,
            events: Some(events),
        });
        Self {
            pipeline: pipeline.expect("threads"),
            orders,
            graded,
            given,
            first: 0,
        }
    }

    /// Another order for the device.
    pub fn give(&self, what: Give) {
        self.orders.send(what).expect("the pipeline runs");
    }

    /// How long until the state is as `wanted`.
    pub fn until(&self, wanted: impl Fn(&Live) -> bool) -> Duration {
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
    pub fn until_scored(&self, picture: u32) {
        self.until(|live| {
            let seq = live.graded.as_ref().map(|graded| graded.seq as usize);
            seq.is_some_and(|seq| self.given.lock().expect("no panic")[seq - self.first] == picture)
        });
    }
}
