//! One frame through the stages that need no memory of the exam: cut out and scale, judge and follow, score.
//!
//! Pure: the daemon's `infer` thread, `sonograde grade` and the benchmarks call the same [`Grader::grade`].

use crate::exam::record::{Graded, Scored};
use crate::frame::Frame;
use crate::infer::{Model, ModelError};
use crate::preprocess::PreprocessError;
use crate::screen::{Following, Layout, Watch};

/// A model and the stream that it grades.
pub struct Grader {
    model: Model,
    /// The pictures before, of the layout that was graded last.
    watch: Option<Watch>,
}

/// Why a frame could not be graded.
#[derive(Debug, thiserror::Error)]
pub enum GradeError {
    /// The frame cannot be prepared.
    #[error("cannot prepare the picture")]
    Preprocess(#[from] PreprocessError),
    /// The network failed.
    #[error("cannot score the picture")]
    Model(#[from] ModelError),
}

impl Grader {
    /// Grades with `model`.
    pub fn new(model: Model) -> Self {
        Self { model, watch: None }
    }

    /// Scores the lesion in `frame`, unless it shows what the frame before showed or is not fit to be scored. Pictures are
    /// compared for as long as `layout` stays the same.
    ///
    /// # Errors
    /// [`GradeError`]; the next frame can still be graded.
    pub fn grade(&mut self, frame: &Frame, layout: Layout) -> Result<Graded, GradeError> {
        let watch = match self.watch.take() {
            Some(watch) if watch.layout() == layout => watch,
            _ => Watch::new(layout, self.model.contract().width, self.model.contract().height),
        };
        let watch = self.watch.insert(watch);
        let outcome = match watch.look(frame)? {
            Err(quality) => Err(quality),
            Ok(fitness) => Ok(Scored {
                fitness: Some(fitness),
                ..self.model.score(watch.input())?
            }),
        };
        Ok(Graded {
            seq: frame.seq,
            t_ms: u64::try_from(frame.t.as_millis()).unwrap_or(u64::MAX),
            roi: watch.roi(),
            outcome,
        })
    }

    /// Makes the next frame new, whatever it shows: it belongs to another clip.
    pub fn forget(&mut self) {
        self.watch = None;
    }

    /// Whether the ROI follows the lesion.
    pub fn following(&self) -> Following {
        self.watch.as_ref().map_or(Following::Off, Watch::following)
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }
}
