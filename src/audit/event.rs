//! What is recorded, and who did it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::user;
use crate::exam::record::{Exam, Grade, ModelIdentity};

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The user that the program runs as.
    pub user: String,
    /// The user who logged in and started it, where that is known: `alice` under `sudo`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub login: Option<String>,
}

impl Actor {
    /// Whoever runs this process.
    pub fn of_process() -> Self {
        Self {
            user: user::effective(),
            login: user::login(),
        }
    }

    /// The person if one is known, the user of the program if not.
    pub fn name(&self) -> &str {
        self.login.as_deref().unwrap_or(&self.user)
    }
}

/// What happened. In JSON its name is `event`; members are only ever added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The daemon started.
    Started {
        /// This program and its version.
        software: String,
        /// SHA-256 of its config file; absent where there is none, as in a demo.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        config: Option<String>,
        /// SHA-256 of the model that grades.
        model: String,
    },
    /// The daemon stopped, as it was told to.
    Stopped,
    /// The config file is another than at the last start.
    ConfigChanged {
        /// SHA-256 of the one before.
        before: String,
        /// SHA-256 of the one now.
        now: String,
    },
    /// An exam began.
    ExamBegun {
        /// Its id in the store.
        exam: String,
        /// SHA-256 of the model that grades it.
        model: String,
    },
    /// An exam ended.
    ExamEnded {
        /// Its id in the store.
        exam: String,
        /// What it concluded.
        verdict: Option<Grade>,
        /// Its last frame.
        ended: Option<DateTime<Utc>>,
    },
    /// Another model grades from here on.
    ModelChanged {
        /// SHA-256 of the one before.
        before: String,
        /// SHA-256 of the one now.
        now: String,
        /// Its name and version.
        name: String,
    },
    /// A model package was installed, to grade from the next exam on.
    ModelInstalled {
        /// Name and version.
        name: String,
        /// SHA-256 of the model.
        model: String,
    },
    /// The model before was chosen again, to grade from the next exam on.
    ModelRolledBack {
        /// Its name and version.
        name: String,
    },
    /// An exam was copied out of the store.
    Exported {
        /// Its id in the store.
        exam: String,
        /// The folder it was copied to.
        to: String,
    },
    /// This trail was exported.
    TrailRead,
    /// The line before this one was never finished: the power went, or the disk was full.
    Unfinished {
        /// How many bytes of it there are.
        bytes: u64,
    },
    /// Records are missing at the end: the trail goes on where its head says that it was.
    Shortened {
        /// The last record that is there.
        found: u64,
        /// The last record that was written.
        head: u64,
    },
}

impl Event {
    /// `exam` begins.
    pub fn begun(exam: &Exam) -> Self {
        Self::ExamBegun {
            exam: exam.id.clone(),
            model: exam.provenance.model.sha256.clone(),
        }
    }

    /// `exam` has ended.
    pub fn ended(exam: &Exam) -> Self {
        Self::ExamEnded {
            exam: exam.id.clone(),
            verdict: exam.verdict.as_ref().map(|verdict| verdict.verdict),
            ended: exam.ended,
        }
    }

    /// `now` grades instead of `before`.
    pub fn model_changed(before: &ModelIdentity, now: &ModelIdentity) -> Self {
        Self::ModelChanged {
            before: before.sha256.clone(),
            now: now.sha256.clone(),
            name: format!("{} {}", now.name, now.version),
        }
    }
}
