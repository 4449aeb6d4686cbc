//! What the pipeline tells the page: the newest state of everything, through a `watch`.
//!
//! Written by the `infer` thread, which never waits: a value that nobody read in time is replaced. Holds no
//! history; the page keeps what it needs of it.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Stages;
use crate::capture::Signal;
use crate::evaluate::phase::Phase;
use crate::exam::Carry;
use crate::exam::record::{Graded, Mark, ModelIdentity, Order, Quality, Verdict};
use crate::frame::{Frame, Rect};
use crate::package::InService;
use crate::screen::{Arranged, Following};
use crate::store::{Space, Status};

/// What the pipeline publishes after every frame and at every change of the signal.
#[derive(Clone, Debug)]
pub struct Live {
    /// What the capture device is giving.
    pub signal: Signal,
    /// The newest captured frame, the whole screen. The page is sent its pane alone.
    pub frame: Option<Arc<Frame>>,
    /// The newest scored frame's result: a new [`Arc`] for each, so that its age can be told.
    pub graded: Option<Arc<Graded>>,
    /// Why the newest frame is not scored; absent when it is.
    pub quality: Option<Quality>,
    /// The running exam, or the last one until the next begins.
    pub exam: Option<ExamView>,
    /// The contrast pane in pixels of the screen.
    pub pane: Rect,
    /// The lesion ROI in pixels of the screen, inside the pane: where it is now.
    pub roi: Rect,
    /// What is known of the layout of the screen.
    pub arranged: Arranged,
    /// Whether the ROI follows the lesion.
    pub following: Following,
    /// Tissue that the lesion is compared with, in pixels of the screen, inside the pane; absent until it is drawn.
    pub reference: Option<Rect>,
    /// How much contrast there is; absent until a frame was measured.
    pub enhancement: Option<EnhancementView>,
    /// Time since the injection that was marked in the running exam.
    pub contrast: Option<Contrast>,
    /// What is known of the next exam; absent while one runs.
    pub next_exam: Option<NextExam>,
    /// How fast everything runs.
    pub rates: Rates,
    /// How long the stages take.
    pub stages: Arc<Stages>,
    /// How storing goes.
    pub store: StoreView,
    /// Why there is no panel, for people; absent while it works, and where there is to be none.
    pub panel_fault: Option<String>,
    /// What scores. Everything above is of this model.
    pub model: Arc<ModelView>,
    /// The model that the next exam begins with, if it is another.
    pub model_next: Option<ModelIdentity>,
}

impl Live {
    /// Before anything was captured; `reason` is for people.
    pub fn starting(pane: Rect, roi: Rect, reason: impl Into<String>, model: Arc<ModelView>) -> Self {
        Self {
            model,
            model_next: None,
            signal: Signal::Absent {
                reason: reason.into(),
            },
            frame: None,
            graded: None,
            quality: None,
            exam: None,
            pane,
            roi,
            arranged: Arranged::Searching,
            following: Following::Off,
            reference: None,
            enhancement: None,
            contrast: None,
            next_exam: None,
            rates: Rates::default(),
            stages: Arc::default(),
            store: StoreView::default(),
            panel_fault: None,
        }
    }
}

/// An exam as the page shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExamView {
    /// The exam's id in the store.
    pub id: String,
    /// First scored frame.
    pub started: DateTime<Utc>,
    /// Whether it has ended: the verdict is its last.
    pub ended: bool,
    /// The verdict so far.
    pub verdict: Verdict,
    /// Whether it is known whose exam it is.
    pub patient: PatientView,
    /// What was marked.
    pub marks: Vec<Mark>,
    /// Whether the physician accepts the verdict; absent until they say.
    pub accepted: Option<bool>,
}

/// Whether it is known whose exam it is. Who it is, is no part of the state: that may be looked at from afar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PatientView {
    /// Nobody has said.
    Unknown,
    /// Somebody said that it is an emergency: the name comes later.
    Emergency,
    /// An order or a patient ID was given.
    Known,
}

impl PatientView {
    /// Of an exam's order. An emergency is an order that names nobody.
    pub fn of(order: Option<&Order>) -> Self {
        match order {
            None => Self::Unknown,
            Some(order) if order.patient_id.is_none() && order.patient_name.is_none() => Self::Emergency,
            Some(_) => Self::Known,
        }
    }
}

/// Mean echo powers of the newest sample; 1 is the brightest that the display shows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct EnhancementView {
    /// Of the lesion.
    pub lesion: f32,
    /// Of the reference, once there is one.
    pub reference: Option<f32>,
}

/// Where the contrast is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Contrast {
    /// Milliseconds since the injection.
    pub since_ms: u64,
    /// The phase of the kidney's enhancement.
    pub phase: Phase,
}

impl Contrast {
    /// At `t_ms` after the source was opened.
    pub fn new(t_ms: u64, injection: &Mark) -> Self {
        let since_ms = t_ms.saturating_sub(injection.t_ms);
        Self {
            since_ms,
            phase: Phase::of(i64::try_from(since_ms).ok()),
        }
    }
}

/// What is known of the exam that comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct NextExam {
    /// Whether it is known whose it is.
    pub patient: PatientView,
    /// Whether somebody has to start it: the last one was ended while there still was contrast.
    pub by_hand: bool,
}

impl From<&Carry> for NextExam {
    fn from(carry: &Carry) -> Self {
        Self {
            patient: PatientView::of(carry.order.as_ref()),
            by_hand: carry.holds(),
        }
    }
}

/// How fast the pipeline runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Rates {
    /// Frames a second from the source.
    pub captured_fps: f32,
    /// Frames a second that were new and scored.
    pub new_fps: f32,
    /// Milliseconds from capture until the result was published.
    pub latency_ms: f32,
    /// Frames that were replaced by newer ones before anyone looked at them.
    pub dropped: u64,
    /// Frames that the capture device's driver dropped.
    pub missed: u64,
    /// Frames that came damaged or too short from the capture device.
    pub damaged: u64,
}

/// How storing goes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct StoreView {
    /// Results that are durable.
    pub saved: u64,
    /// Results that are not durable yet.
    pub waiting: u64,
    /// Why results are not being stored, for people; absent while they are.
    pub fault: Option<String>,
    /// What whoever looks after the cart has to know of the store; absent if there is nothing.
    pub notice: Option<String>,
    /// How much room there is; absent before it was looked.
    pub space: Option<Space>,
}

impl From<&Status> for StoreView {
    fn from(status: &Status) -> Self {
        Self {
            saved: status.saved,
            waiting: status.waiting,
            fault: status.fault.clone(),
            notice: status.notice.clone(),
            space: status.space,
        }
    }
}

/// The model that scores. It changes with the beginning of an exam, or before the first, and never inside one: the last
/// verdict is shown until then, beside the model that gave it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelView {
    /// Name, version, hash.
    pub model: ModelIdentity,
    /// Where it is from: `shipped`, `installed`, or a file.
    pub model_from: String,
    /// What people must know about why it is this one; absent if there is nothing.
    pub model_notice: Option<String>,
    /// Scores from the first to the second are indeterminate.
    pub band: [f32; 2],
    /// What must be said wherever this model's scores are shown.
    pub label: String,
    /// The model card, markdown; absent where there is none. Too long for a state that is sent all the time.
    #[serde(skip)]
    pub card: Option<Arc<str>>,
}

impl From<&InService> for ModelView {
    fn from(in_service: &InService) -> Self {
        let identity = in_service.model.identity();
        Self {
            model: identity.clone(),
            model_from: in_service.from.clone(),
            model_notice: in_service.notice.clone(),
            band: in_service.model.contract().band,
            label: identity.label().into(),
            card: in_service.card.clone(),
        }
    }
}

/// What stays the same while the process runs.
#[derive(Clone, Debug, Serialize)]
pub struct Site {
    /// Where the frames come from, for people.
    pub source: String,
    /// This program's version.
    pub version: &'static str,
}
