//! Labelled pictures → scores, on all cores; and what is wrong with a picture or mask.
//!
//! Reads files and starts threads for as long as [`all`] runs. Each worker holds one picture at a time. Pictures are prepared
//! and judged for fitness as the daemon does; every one counts as new.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::labels::{Labels, Problem, Row};
use super::maps::{self, Placed};
use super::{EvaluateError, one_line};
use crate::capture::{Captured, FrameSource, clip};
use crate::exam::record::{Quality, Scored};
use crate::frame::{BufferPool, Frame};
use crate::infer::{Model, ModelError};
use crate::preprocess::Preprocessor;
use crate::screen::{self, PanePreset, Screen};

/// What became of one labelled picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// Its score and map, or why the daemon would not score it.
    pub outcome: Result<Scored, Quality>,
    /// How the map lies, if it is scored and has a mask.
    pub placed: Option<Placed>,
}

/// Why a row came to nothing.
enum Fault {
    Row(String),
    Model(ModelError),
}

impl From<ModelError> for Fault {
    fn from(error: ModelError) -> Self {
        Self::Model(error)
    }
}

/// Judges the picture of each row of `labels`, in their order; `tick` is called after each.
///
/// From the first bad row on pictures are only checked, not scored.
///
/// # Errors
/// [`EvaluateError::Refused`] with every problem of `labels` and of its pictures; [`EvaluateError::Model`].
pub fn all(labels: &Labels, model: &Model, tick: impl Fn() + Sync) -> Result<Vec<Judged>, EvaluateError> {
    let next = AtomicUsize::new(0);
    let refused = AtomicBool::new(!labels.problems.is_empty());
    let work = || {
        let mut worker = Worker::new(model);
        let mut done = Vec::new();
        while let Some((at, row)) = {
            let at = next.fetch_add(1, Ordering::Relaxed);
            labels.rows.get(at).map(|row| (at, row))
        } {
            let judged = worker.judge(row, !refused.load(Ordering::Relaxed));
            if judged.is_err() {
                refused.store(true, Ordering::Relaxed);
            }
            done.push((at, judged));
            tick();
        }
        done
    };
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let mut done: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, _>| {
            thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        threads.into_iter().flat_map(join).collect()
    });
    done.sort_by_key(|(at, _)| *at);

    let mut problems = labels.problems.clone();
    let mut all = Vec::with_capacity(done.len());
    for ((_, judged), row) in done.into_iter().zip(&labels.rows) {
        match judged {
            Ok(judged) => all.extend(judged),
            Err(Fault::Model(error)) => return Err(error.into()),
            Err(Fault::Row(words)) => problems.push(Problem {
                line: row.line,
                words,
            }),
        }
    }
    if problems.is_empty() {
        return Ok(all);
    }
    problems.sort_by_key(|problem| problem.line);
    Err(EvaluateError::Refused {
        path: labels.path.clone(),
        problems,
    })
}

/// One thread's buffers.
struct Worker<'a> {
    model: &'a Model,
    preprocessor: Preprocessor,
    input: Vec<u8>,
    pool: BufferPool,
}

impl<'a> Worker<'a> {
    fn new(model: &'a Model) -> Self {
        let contract = model.contract();
        Self {
            model,
            preprocessor: Preprocessor::new(contract.width, contract.height),
            input: vec![0; model.input_bytes()],
            pool: BufferPool::default(),
        }
    }

    /// Checks a row's picture and mask and, with `score`, scores it.
    fn judge(&mut self, row: &Row, score: bool) -> Result<Option<Judged>, Fault> {
        let picture = still(&row.path, &self.pool).map_err(Fault::Row)?;
        let screen = Screen {
            pane: Some(PanePreset::Rect(row.pane)),
            roi: Some(row.roi),
        };
        screen
            .layout(picture.format.width, picture.format.height)
            .map_err(|e| Fault::Row(e.to_string()))?;
        let mask = match &row.mask {
            Some(path) => Some(mask(path, &picture, &self.pool).map_err(Fault::Row)?),
            None => None,
        };
        let prepared = self.preprocessor.run(&picture, row.roi, &mut self.input);
        prepared.map_err(|e| Fault::Row(one_line(&e)))?;
        if !score {
            return Ok(None);
        }
        let outcome = match screen::fitness(&self.input, self.model.contract().width) {
            Err(quality) => Err(quality),
            Ok(fitness) => Ok(Scored {
                fitness: Some(fitness),
                ..self.score()?
            }),
        };
        let placed = match (&outcome, mask) {
            (Ok(scored), Some(mask)) => Some(maps::place(&scored.map, &mask, row.roi)),
            _ => None,
        };
        let placed = placed.transpose().map_err(|e| Fault::Row(one_line(&e)))?;
        Ok(Some(Judged { outcome, placed }))
    }

    fn score(&self) -> Result<Scored, ModelError> {
        let scored = self.model.score(&self.input)?;
        if scored.score.is_finite() && scored.map.values.iter().all(|value| value.is_finite()) {
            return Ok(scored);
        }
        Err(ModelError::Run {
            name: self.model.identity().name.clone(),
            reason: "its score or map is not a number".into(),
        })
    }
}

/// The only picture of a file.
pub(super) fn still(path: &Path, pool: &BufferPool) -> Result<Frame, String> {
    let mut clip = clip::open(path).map_err(|e| one_line(&e))?;
    match clip.len_hint() {
        Some(1) => {}
        Some(n) => return Err(format!("{}: {n} pictures; expected a single one", path.display())),
        None => return Err(format!("{}: a video; expected a single picture", path.display())),
    }
    match clip.next(pool, Duration::ZERO) {
        Ok(Captured::Frame(frame)) => Ok(frame),
        Ok(_) => Err(format!("{}: no picture in it", path.display())),
        Err(error) => Err(one_line(&error)),
    }
}

fn mask(path: &Path, picture: &Frame, pool: &BufferPool) -> Result<Frame, String> {
    let mask = still(path, pool)?;
    let size = |frame: &Frame| (frame.format.width, frame.format.height);
    let ((w, h), (wanted_w, wanted_h)) = (size(&mask), size(picture));
    if (w, h) != (wanted_w, wanted_h) {
        return Err(format!(
            "{}: a mask of {w}x{h} pixels; expected {wanted_w}x{wanted_h} as its picture",
            path.display()
        ));
    }
    if !maps::marks_anything(&mask) {
        return Err(format!(
            "{}: the mask marks nothing; expected 255 inside the lesion and 0 outside",
            path.display()
        ));
    }
    Ok(mask)
}
