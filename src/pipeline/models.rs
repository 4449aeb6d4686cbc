//! The `models` thread: looks for another model, gets it ready, and leaves it for `infer`, which takes it between exams.
//!
//! Loading and the self-test happen here, so that grading never waits for them. Of two models that wait the newer wins.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::{ModelView, Shared};
use crate::grader::Grader;
use crate::package::{InService, PackageError};

/// Gives another model when there is one. Called about once a second.
pub type News = Box<dyn FnMut() -> Option<Result<InService, PackageError>> + Send>;

/// How often to look.
const EVERY: Duration = Duration::from_secs(1);
/// How soon the thread ends when it is told to.
const NAP: Duration = Duration::from_millis(100);

/// A model with its buffers, and what is said of it.
pub(super) struct Ready {
    pub grader: Grader,
    pub view: Arc<ModelView>,
}

impl From<InService> for Ready {
    fn from(in_service: InService) -> Self {
        Self {
            view: Arc::new(ModelView::from(&in_service)),
            grader: Grader::new(in_service.model),
        }
    }
}

pub(super) fn run(mut news: News, shared: &Shared) {
    let mut next = Instant::now() + EVERY;
    while !shared.stopping() {
        std::thread::sleep(NAP);
        if Instant::now() < next {
            continue;
        }
        match news() {
            Some(Ok(in_service)) => {
                let identity = in_service.model.identity();
                tracing::info!(
                    sha256 = identity.sha256,
                    "model {} {} is ready and runs from the next exam on",
                    identity.name,
                    identity.version
                );
                shared.leave(Ready::from(in_service));
            }
            // Not even the shipped model passes: this box is broken, and asking once a second does not mend it.
            Some(Err(error)) => {
                tracing::error!("no other model is looked for: {}", crate::one_line(&error));
                return;
            }
            None => {}
        }
        next = Instant::now() + EVERY;
    }
}

impl Shared {
    /// Leaves a model for `infer`.
    fn leave(&self, ready: Ready) {
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = Some(ready);
    }

    /// The model that was left, once.
    pub(super) fn next_model(&self) -> Option<Ready> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
