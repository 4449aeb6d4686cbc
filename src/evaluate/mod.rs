//! How good a model is on labelled pictures that it has not seen: the figures of `sonograde evaluate`.
//!
//! [`labels`] and [`judge`] read files, and [`judge`] starts threads while it runs; everything else is pure: the same scores
//! give the same figures, the random draws of the intervals included. It fits nothing: thresholds chosen here are chosen on
//! the very cases that they are then judged by, and the words say so.
//!
//! A picture is scored as the daemon scores it, and left out where the daemon would not. An exam's score is the mean of its
//! pictures' scores, as in [`crate::exam`]'s verdict, from however few pictures there are.

pub mod auc;
pub mod binary;
pub mod bootstrap;
pub mod calibration;
pub mod cases;
pub mod judge;
pub mod labels;
pub mod level;
pub mod maps;
pub mod phase;
pub mod report;
pub mod summary;
pub mod table;
pub mod threshold;

use std::error::Error;
use std::fmt::Write;
use std::path::PathBuf;

use crate::infer::ModelError;
use crate::one_line;
use labels::Problem;

/// The 97.5th percentile of the normal distribution.
const Z95: f64 = 1.959_963_984_540_054;

/// Why a set could not be evaluated.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// The file of labels cannot be read at all.
    #[error("cannot read the labels {}; check the path and its permissions", .path.display())]
    Labels {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// Some rows are bad; nothing was evaluated.
    #[error("{}: {} bad {}; correct or remove them, nothing was evaluated{}", .path.display(), .problems.len(),
        if .problems.len() == 1 { "row" } else { "rows" }, list(.problems))]
    Refused {
        /// The file.
        path: PathBuf,
        /// Every problem, by line.
        problems: Vec<Problem>,
    },
    /// The model failed.
    #[error("cannot score a picture")]
    Model(#[from] ModelError),
}

fn list(problems: &[Problem]) -> String {
    problems.iter().fold(String::new(), |mut list, problem| {
        let _ = write!(list, "\n  line {}: {}", problem.line, problem.words);
        list
    })
}
