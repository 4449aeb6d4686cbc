//! The threads: `capture` owns the source, `infer` the model and the exam, `store` every write, `models` gets later
//! models ready, `panel` (where there is one) the pins. One frame goes
//! through [`Slot`] (the newest wins) to `infer`, its result through a bounded queue to `store` and through a
//! `watch` to whoever looks. Nothing here waits for the network, the page or tokio.
//!
//! `sonograde run` and `sonograde demo` are this, with different sources.

mod capture;
mod control;
mod infer;
mod live;
mod models;
mod panel;
mod rates;
mod stages;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::watch;

pub use control::{Change, Command, Control, Done, Drawing, Refusal};
pub use live::{
    Contrast, EnhancementView, ExamView, Live, ModelView, NextExam, PatientView, Rates, Site, StoreView,
};
pub use models::News;
#[cfg(test)]
pub(crate) use panel::asked;
pub use stages::{EDGES_MS, Histogram, Stages};

use crate::audit::Recorder;
use crate::capture::{CaptureError, FrameSource, Lost, Signal, Slot};
use crate::exam::record::{Exam, Graded, ModelIdentity};
use crate::exam::{Display, Rules};
use crate::frame::{Frame, Rect};
use crate::health::{self, Pulse};
use crate::package::InService;
use crate::panel::Settings;
use crate::screen::{Arrangement, Screen};
use crate::store::{Policy, Queue, Status, Store, StoreError, Writer};
use models::Ready;

/// Opens the source, again after each loss of a device.
pub type Opener = Box<dyn FnMut() -> Result<Box<dyn FrameSource>, CaptureError> + Send>;

/// How frames go from capture to inference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// A live picture: the newest frame wins, and a lost device is opened again.
    Device,
    /// A recording in real time: the newest frame wins, and its end is the end.
    Recording,
    /// A recording as fast as it can be graded: no frame is lost.
    Fast,
}

/// What a pipeline is made of.
pub struct Parts {
    /// Where frames come from.
    pub open: Opener,
    /// How they are handed over.
    pub pace: Pace,
    /// Where pane and lesion are.
    pub screen: Screen,
    /// How the scanner shows echo power.
    pub display: Display,
    /// What scores first.
    pub model: InService,
    /// Where later models come from, if from anywhere.
    pub news: Option<News>,
    /// Where results go.
    pub store: Arc<Store>,
    /// Who did what.
    pub audit: Recorder,
    /// What the store does of itself.
    pub policy: Policy,
    /// Words for the source in records.
    pub source: String,
    /// When exams begin and end, and what they keep.
    pub rules: Rules,
    /// Lamps and switches, if there are any.
    pub panel: Option<Settings>,
    /// Takes every graded frame and every ended exam; the pipeline waits for its reader.
    pub events: Option<SyncSender<Event>>,
}

/// What happened, for JSON lines.
pub enum Event {
    /// A frame was graded.
    Frame(Arc<Graded>),
    /// An exam ended.
    Ended(Box<Exam>),
}

/// What is left when everything has ended.
#[derive(Debug)]
pub struct Summary {
    /// The last exam that ended.
    pub exam: Option<Exam>,
    /// The model that ran last.
    pub model: ModelIdentity,
    /// Frames that came from the source.
    pub captured: u64,
    /// Frames that were replaced by newer ones before they were graded.
    pub dropped: u64,
    /// How storing went.
    pub store: Status,
}

/// Running threads.
pub struct Pipeline {
    shared: Arc<Shared>,
    live: watch::Receiver<Live>,
    control: Control,
    queue: Queue,
    capture: JoinHandle<()>,
    infer: JoinHandle<Result<Summary, StoreError>>,
    models: Option<JoinHandle<()>>,
    panel: Option<JoinHandle<()>>,
    pulses: Vec<Pulse>,
    /// Its other end goes with `infer`.
    over: Receiver<()>,
}

/// What the threads share.
struct Shared {
    /// Another model, for `infer` to take.
    next: Mutex<Option<Ready>>,
    slot: Slot<(Instant, Frame)>,
    presence: Mutex<Presence>,
    captured: std::sync::atomic::AtomicU64,
    lost: Mutex<Lost>,
    stop: AtomicBool,
    /// Why there is no panel.
    panel_fault: Mutex<Option<String>>,
}

/// What the source is giving.
#[derive(Clone)]
struct Presence {
    signal: Signal,
    /// When it was live last and ceased to be: no score of a picture from before is shown.
    lost_at: Option<Instant>,
}

impl Shared {
    fn stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Whether the signal was another one before.
    fn set_signal(&self, signal: &Signal) -> bool {
        let mut presence = self.presence.lock().unwrap_or_else(PoisonError::into_inner);
        if presence.signal == *signal {
            return false;
        }
        presence.signal = signal.clone();
        if *signal != Signal::Live {
            presence.lost_at = Some(Instant::now());
        }
        true
    }

    fn presence(&self) -> Presence {
        let presence = self.presence.lock().unwrap_or_else(PoisonError::into_inner);
        presence.clone()
    }

    fn set_lost(&self, lost: Lost) {
        *self.lost.lock().unwrap_or_else(PoisonError::into_inner) = lost;
    }

    fn lost(&self) -> Lost {
        *self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pipeline {
    /// Starts the threads.
    ///
    /// # Errors
    /// [`StoreError`] if the store's writer cannot start.
    pub fn start(parts: Parts) -> Result<Self, StoreError> {
        let reason = "starting".to_owned();
        let shared = Arc::new(Shared {
            slot: Slot::default(),
            presence: Mutex::new(Presence {
                signal: Signal::Absent {
                    reason: reason.clone(),
                },
                lost_at: None,
            }),
            captured: std::sync::atomic::AtomicU64::new(0),
            lost: Mutex::new(Lost::default()),
            stop: AtomicBool::new(false),
            next: Mutex::new(None),
            panel_fault: Mutex::new(None),
        });
        let nowhere = Rect::full(1, 1);
        let ready = Ready::from(parts.model);
        let starting = Live::starting(nowhere, nowhere, reason, Arc::clone(&ready.view));
        let (publish, live) = watch::channel(starting);
        let writer = Writer::start(Arc::clone(&parts.store), parts.policy)?;
        let queue = writer.queue();
        let mut interrupted = infer::interrupted::of(&parts.store);
        // A recording begins anew, a scanner's picture goes on.
        let continues = parts.pace == Pace::Device && !interrupted.is_empty();
        let goes_on = continues.then(|| interrupted.remove(0));
        let numbering = goes_on
            .as_ref()
            .map(capture::Numbering::after)
            .unwrap_or_default();
        let (control, asked) = Control::new();
        let Parts { open, pace, .. } = parts;
        let (capture_heart, capture_pulse) = health::heart("capture");
        let (heart, infer_pulse) = health::heart("infer");
        let pulses = vec![capture_pulse, infer_pulse, writer.pulse()];
        let stage = infer::Stage {
            shared: Arc::clone(&shared),
            arrangement: Arrangement::new(parts.screen),
            grader: ready.grader,
            writer,
            audit: parts.audit,
            kept: parts.store,
            interrupted,
            goes_on,
            asked,
            display: parts.display,
            source: parts.source,
            rules: parts.rules,
            events: parts.events,
            publish: publish.clone(),
            heart,
        };
        let (running, over) = channel::<()>();
        let (for_capture, for_models) = (Arc::clone(&shared), Arc::clone(&shared));
        let panel = parts.panel.map(|settings| {
            let live = live.clone();
            let notes = panel::Pressed::new(Arc::clone(&shared), control.clone(), live.clone());
            spawn("panel", move || crate::panel::run(&settings, live, &notes))
        });
        let models = parts
            .news
            .map(|news| spawn("models", move || models::run(news, &for_models)));
        Ok(Self {
            shared,
            live,
            control,
            queue,
            capture: spawn("capture", move || {
                capture::run(open, pace, &for_capture, &publish, &capture_heart, numbering);
            }),
            infer: spawn("infer", move || {
                let _running = running;
                stage.run()
            }),
            models,
            panel,
            pulses,
            over,
        })
    }

    /// The newest state.
    pub fn live(&self) -> watch::Receiver<Live> {
        self.live.clone()
    }

    /// Whether the stages still turn.
    pub fn pulses(&self) -> Vec<Pulse> {
        self.pulses.clone()
    }

    /// The way to ask the pipeline for something.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// The way to the `store` thread.
    pub fn store_queue(&self) -> Queue {
        self.queue.clone()
    }

    /// Something that stops the threads when called, from any thread, as often as it likes.
    pub fn stopper(&self) -> impl Fn() + Send + Sync + 'static {
        let shared = Arc::clone(&self.shared);
        let capture = self.capture.thread().clone();
        move || {
            shared.stop.store(true, Ordering::Relaxed);
            capture.unpark();
        }
    }

    /// Waits until the source is over and every result was handed to the store; false if that takes longer.
    pub fn over_within(&self, wait: Duration) -> bool {
        self.over.recv_timeout(wait) == Err(RecvTimeoutError::Disconnected)
    }

    /// Waits for the threads to end: the source is over or the stopper was called.
    ///
    /// # Errors
    /// [`StoreError`] if the last results could not be stored.
    pub fn join(self) -> Result<Summary, StoreError> {
        join(self.capture);
        let summary = join(self.infer);
        self.shared.stop.store(true, Ordering::Relaxed);
        self.models.map(join);
        self.panel.map(join);
        summary
    }
}

fn spawn<T: Send + 'static>(name: &str, work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    let thread = std::thread::Builder::new().name(name.into()).spawn(work);
    thread.expect("the system starts three threads")
}

fn join<T>(thread: JoinHandle<T>) -> T {
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
