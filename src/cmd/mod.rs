//! One file for each subcommand, and what they have in common: how they fail.

mod ask;
pub mod audit;
pub mod bench;
pub mod capture;
pub mod check;
pub mod config;
mod daemon;
pub mod demo;
pub mod doctor;
pub mod evaluate;
pub mod exams;
pub mod generate;
pub mod grade;
pub mod model;
pub mod panel;
pub mod pathology;
pub mod phantom;
pub mod run;
mod self_check;
mod service;
pub mod store;
pub mod uplink;
pub mod web;
pub mod worklist;

use std::error::Error;

use crate::audit::AuditError;
use crate::capture::{CaptureError, RecordError};
use crate::config::ConfigError;
use crate::evaluate::EvaluateError;
use crate::evaluate::report::ReportError;
use crate::export::ExportError;
use crate::grader::GradeError;
use crate::infer::ModelError;
use crate::package::PackageError;
use crate::screen::LayoutError;
use crate::store::StoreError;
use crate::uplink::UplinkError;

/// Where the daemon's config is if nobody says.
pub(crate) const CONFIG: &str = "/etc/sonograde.toml";

/// Where the store is if nobody says.
const STORE: &str = "/var/lib/sonograde/store";

/// What a process says with its exit status. Numbers are kept stable; 2 is a wrong command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    /// Anything that has no number of its own.
    Other = 1,
    /// The config cannot be used.
    Config = 3,
    /// The model cannot be used.
    Model = 4,
    /// A picture or clip cannot be read.
    Input = 5,
    /// A pane or ROI lies outside the picture.
    Rectangle = 6,
    /// The store cannot be used.
    Store = 7,
    /// The page's address cannot be used.
    Listen = 8,
    /// Results cannot be written where they were asked for.
    Output = 9,
    /// `doctor` found a fault.
    Fault = 10,
}

/// Why a command failed, and with which exit status.
#[derive(Debug)]
pub struct Failure {
    /// The exit status.
    pub code: Code,
    /// What went wrong, for people.
    pub error: Box<dyn Error + Send + Sync>,
}

impl Failure {
    fn new(code: Code, error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            code,
            error: error.into(),
        }
    }
}

/// An error type that always ends in one exit status.
macro_rules! fails_with {
    ($($error:ty => $code:ident),* $(,)?) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::new(Code::$code, error)
            }
        }
    )*};
}

fails_with! {
    ConfigError => Config,
    UplinkError => Config,
    ModelError => Model,
    PackageError => Model,
    CaptureError => Input,
    LayoutError => Rectangle,
    StoreError => Store,
    AuditError => Store,
    phantom::Error => Output,
    ReportError => Output,
}

impl From<exams::Error> for Failure {
    fn from(error: exams::Error) -> Self {
        match error {
            exams::Error::Store(error) | exams::Error::Export(ExportError::Store(error)) => error.into(),
            exams::Error::Audit(error) => error.into(),
            error => Self::new(Code::Output, error),
        }
    }
}

impl From<RecordError> for Failure {
    fn from(error: RecordError) -> Self {
        let code = match error {
            RecordError::Pane(_) => Code::Rectangle,
            RecordError::Picture(_) | RecordError::Changed { .. } => Code::Input,
            RecordError::Exists(_) | RecordError::Io { .. } => Code::Output,
        };
        Self::new(code, error)
    }
}

impl From<EvaluateError> for Failure {
    fn from(error: EvaluateError) -> Self {
        match error {
            EvaluateError::Model(error) => error.into(),
            error => Self::new(Code::Input, error),
        }
    }
}

impl From<GradeError> for Failure {
    fn from(error: GradeError) -> Self {
        let code = match error {
            GradeError::Preprocess(_) => Code::Input,
            GradeError::Model(_) => Code::Model,
        };
        Self::new(code, error)
    }
}

/// A length of time on the command line.
fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(s) if s > 0.0 && s <= 86_400.0 => Ok(s),
        _ => Err("expected a number of seconds above 0, at most a day".into()),
    }
}
