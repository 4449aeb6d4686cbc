//! What people ask of the pipeline, and the way to it: a short queue to the `infer` thread, which answers each in turn.
//!
//! Nobody waits for the asker: the answer goes into a `oneshot`, and a full queue is an answer too.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use tokio::sync::oneshot;

use crate::audit::Actor;
use crate::exam::Refused;
use crate::exam::record::{Mark, Opinion, Order, Pathology};
use crate::frame::Rect;
use crate::screen::LayoutError;
use crate::store::StoreError;

/// Requests that may wait.
const QUEUE: usize = 16;

/// The smallest rectangle that can be drawn, in pixels of the screen.
pub(super) const LEAST_PX: u32 = 16;

/// What can be asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Begin an exam.
    Start,
    /// End the exam that runs.
    Stop,
    /// Mark what happens now.
    Mark(crate::exam::record::MarkKind),
    /// Look at other parts of the screen from here on. Another pane or lesion ends the exam that runs.
    Draw(Drawing),
    /// Whose exam it is: the one that runs, or the next.
    Order(Order),
    /// Add to the exam of this name, running or over.
    Amend(String, Change),
}

/// Rectangles in pixels of the screen. What is absent stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drawing {
    /// The contrast pane. Alone it makes the whole pane the lesion until that is drawn.
    pub pane: Option<Rect>,
    /// The lesion, inside the pane.
    pub roi: Option<Rect>,
    /// Tissue to compare it with, inside the pane.
    pub reference: Option<Rect>,
}

/// What is added to an exam.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Whose it is, for example once an emergency has a name.
    Order(Order),
    /// Notes, in place of those before.
    Notes(String),
    /// What the physician says of the verdict.
    Opinion(Opinion),
    /// What pathology found.
    Pathology(Pathology),
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Done {
    /// The exam that it was done to; none while none runs.
    pub exam: Option<String>,
    /// The mark that was made.
    pub mark: Option<Mark>,
}

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The exam is not in the right state.
    #[error(transparent)]
    Exam(#[from] Refused),
    /// There is no picture to draw on or to mark, or nobody knows yet where its contrast pane is.
    #[error("there is no picture yet whose contrast pane is known; look at signal and layout first")]
    NoPicture,
    /// A rectangle does not fit.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A rectangle that holds no picture.
    #[error("the rectangle {0} is too small; expected at least {LEAST_PX} pixels each way")]
    TooSmall(Rect),
    /// No exam has that name.
    #[error("there is no exam {0}; take a name from the list of exams")]
    Unknown(String),
    /// An opinion on a verdict that is not there yet, or pathology of it.
    #[error("exam {0} has no verdict yet; end it first")]
    NoVerdict(String),
    /// The store failed.
    #[error("the exam cannot be read")]
    Store(#[from] StoreError),
    /// Too many requests wait.
    #[error("busy; ask again")]
    Busy,
    /// The pipeline has ended.
    #[error("the source is over and nothing runs any more")]
    Over,
}

/// A request on its way.
pub(crate) struct Asked {
    /// Who asks, where that is known.
    pub who: Option<Actor>,
    pub command: Command,
    pub answer: oneshot::Sender<Result<Done, Refusal>>,
}

/// Asks.
#[derive(Clone, Debug)]
pub struct Control(SyncSender<Asked>);

impl Control {
    /// The two ends.
    pub(crate) fn new() -> (Self, Receiver<Asked>) {
        let (send, receive) = sync_channel(QUEUE);
        (Self(send), receive)
    }

    /// Asks for `who`, if that is known, and waits for the answer: up to a tenth of a second while no frames come.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn ask(&self, who: Option<Actor>, command: Command) -> Result<Done, Refusal> {
        use std::sync::mpsc::TrySendError;
        let (answer, answered) = oneshot::channel();
        self.0
            .try_send(Asked { who, command, answer })
            .map_err(|error| match error {
                TrySendError::Full(_) => Refusal::Busy,
                TrySendError::Disconnected(_) => Refusal::Over,
            })?;
        answered.await.unwrap_or(Err(Refusal::Over))
    }

    /// Asks and does not wait: a refusal is in the log.
    pub fn tell(&self, command: Command) {
        let (answer, _) = oneshot::channel();
        let who = None;
        if self.0.try_send(Asked { who, command, answer }).is_err() {
            tracing::warn!("refused: {}", Refusal::Busy);
        }
    }
}
