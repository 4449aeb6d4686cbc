//! One frame through the stages that need no memory of the exam: cut out and scale, judge, score.
//!
//! Pure: the daemon's `infer` thread, `sonograde grade` and the benchmarks call the same [`Grader::grade`].

use crate::exam::record::{Graded, Quality};
use crate::frame::{Frame, Rect};
use crate::infer::{Model, ModelError};
use crate::preprocess::{PreprocessError, Preprocessor};
use crate::screen;

/// A model with the buffers that it needs.
pub struct Grader {
    model: Model,
    preprocessor: Preprocessor,
    input: Vec<u8>,
    /// The input made from the frame before.
    previous: Vec<u8>,
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
        let contract = model.contract();
        Self {
            preprocessor: Preprocessor::new(contract.width, contract.height),
            input: vec![0; model.input_bytes()],
            previous: Vec::new(),
            model,
        }
    }

    /// Scores the ROI of `frame`, unless it shows what the frame before showed or is not fit to be scored.
    ///
    /// # Errors
    /// [`GradeError`]; the next frame can still be graded.
    pub fn grade(&mut self, frame: &Frame, roi: Rect) -> Result<Graded, GradeError> {
        self.preprocessor.run(frame, roi, &mut self.input)?;
        let outcome = if self.input == self.previous {
            Err(Quality::Duplicate)
        } else if let Some(quality) = screen::unfit(&self.input) {
            Err(quality)
        } else {
            Ok(self.model.score(&self.input)?)
        };
        self.previous.clone_from(&self.input);
        let t_ms = u64::try_from(frame.t.as_millis()).unwrap_or(u64::MAX);
        Ok(Graded {
            seq: frame.seq,
            t_ms,
            outcome,
        })
    }

    /// Makes the next frame new, whatever it shows: it belongs to another clip.
    pub fn forget(&mut self) {
        self.previous.clear();
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }
}
