//! What is found of a box when it is looked at, in words for people: `sonograde doctor` prints it, the page shows it.
//!
//! [`machine`] is what can be looked at beside a running daemon, in a language of the page's catalogue; what needs the config is
//! `cmd/doctor`'s, for engineers, in English.

mod machine;

use serde::Serialize;

pub use machine::machine;
pub(crate) use machine::number;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// It cannot be told here.
    Unknown,
    /// As it should be.
    Ok,
    /// It works; someone should look.
    Warning,
    /// It does not work.
    Fault,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub check: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What was found.
    pub found: String,
    /// What to do; absent where there is nothing to do.
    pub advice: Option<String>,
}

impl Finding {
    /// As it should be.
    pub fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self {
            check,
            level: Level::Ok,
            found: found.into(),
            advice: None,
        }
    }

    /// Nothing that could be looked at; why.
    pub fn unknown(check: &'static str, found: impl Into<String>) -> Self {
        Self {
            level: Level::Unknown,
            ..Self::ok(check, found)
        }
    }

    /// It works, and someone should do as advised.
    pub fn warning(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            level: Level::Warning,
            advice: Some(advice.into()),
            ..Self::ok(check, found)
        }
    }

    /// It does not work until someone does as advised.
    pub fn fault(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            level: Level::Fault,
            ..Self::warning(check, found, advice)
        }
    }
}
