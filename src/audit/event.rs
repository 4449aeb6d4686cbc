//! What is recorded, and who did it.

use std::path::Path;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::user;
use crate::exam::record::{Exam, Grade, ModelIdentity, Order, Pathology};

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

    /// `person`, who logged in to the page of this process.
    pub fn named(person: &str) -> Self {
        Self {
            user: user::effective(),
            login: Some(person.to_owned()),
        }
    }

    /// The person if one is known, the user of the program if not.
    pub fn name(&self) -> &str {
        self.login.as_deref().unwrap_or(&self.user)
    }
}

/// Whose data an event touches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The exam's id in the store.
    pub exam: String,
    /// Study Instance UID, once it has one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub study: Option<String>,
    /// Patient ID, where that is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub patient_id: Option<String>,
    /// Patient's name, where that is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub patient_name: Option<String>,
}

impl Subject {
    fn of(exam: &Exam) -> Self {
        let order = exam.order.as_ref();
        let study = exam.uids.as_ref().map(|uids| uids.study.clone());
        Self {
            exam: exam.id.clone(),
            study: study.or_else(|| order?.study_instance_uid.clone()),
            patient_id: order.and_then(|order| order.patient_id.clone()),
            patient_name: order.and_then(|order| order.patient_name.clone()),
        }
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
    /// The config is another than at the last start, or was changed at the bedside.
    ConfigChanged {
        /// SHA-256 of the one before.
        before: String,
        /// SHA-256 of the one now.
        now: String,
        /// What is set at the bedside now, over the config's file; absent for a change of the file.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        set: Option<String>,
    },
    /// An exam began.
    ExamBegun {
        /// Which, and whose.
        #[serde(flatten)]
        subject: Subject,
        /// SHA-256 of the model that grades it.
        model: String,
    },
    /// An exam ended.
    ExamEnded {
        /// Which, and whose.
        #[serde(flatten)]
        subject: Subject,
        /// What it concluded.
        verdict: Option<Grade>,
        /// Its last frame.
        ended: Option<DateTime<Utc>>,
    },
    /// Somebody said whose exam it is: the one named, or the next one.
    PatientChosen {
        /// The exam's id in the store; absent where none runs yet.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        exam: Option<String>,
        /// Patient ID, where that is known.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        patient_id: Option<String>,
        /// Patient's name, where that is known.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        patient_name: Option<String>,
    },
    /// A physician accepted the verdict of an exam, or did not.
    VerdictJudged {
        /// Which, and whose.
        #[serde(flatten)]
        subject: Subject,
        /// Whether the verdict is accepted.
        accepted: bool,
    },
    /// What pathology found was joined to an exam.
    PathologyReported {
        /// Which, and whose.
        #[serde(flatten)]
        subject: Subject,
        /// The nuclear grade as reported.
        grade: String,
    },
    /// Somebody logged in to the page.
    LoggedIn {
        /// The machine that they did it from, as an address.
        from: String,
    },
    /// Somebody tried to log in to the page and was refused.
    LogInRefused {
        /// The machine that they tried it from, as an address.
        from: String,
        /// How many before this one were not recorded, because there were too many at once; absent if none.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        unrecorded: Option<u64>,
    },
    /// Somebody logged out of the page, or was logged out.
    LoggedOut {
        /// The machine that they were logged in from, as an address.
        from: String,
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
        /// Which, and whose.
        #[serde(flatten)]
        subject: Subject,
        /// The folder it was copied to.
        to: String,
    },
    /// An exam is removed from the store to make room, or for its age. Recorded twice if the power went meanwhile.
    Deleted {
        /// Which, and whose.
        #[serde(flatten)]
        subject: Subject,
    },
    /// Somebody gave up delivering an exam, or some of it: it may be removed to make room.
    DeliveryGivenUp {
        /// Which, and whose.
        #[serde(flatten)]
        subject: Subject,
        /// To this destination alone.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        destination: Option<String>,
        /// Why.
        reason: String,
    },
    /// The store was put under another key.
    KeyChanged,
    /// What a check found wrong with the store was put right.
    Repaired {
        /// How much was found.
        findings: u64,
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
            subject: Subject::of(exam),
            model: exam.provenance.model.sha256.clone(),
        }
    }

    /// `exam` has ended.
    pub fn ended(exam: &Exam) -> Self {
        Self::ExamEnded {
            subject: Subject::of(exam),
            verdict: exam.verdict.as_ref().map(|verdict| verdict.verdict),
            ended: exam.ended,
        }
    }

    /// `exam` was copied to the folder `to`.
    pub fn exported(exam: &Exam, to: &Path) -> Self {
        let to = std::path::absolute(to).unwrap_or_else(|_| to.into());
        Self::Exported {
            subject: Subject::of(exam),
            to: to.display().to_string(),
        }
    }

    /// `exam` is removed from the store.
    pub fn deleted(exam: &Exam) -> Self {
        Self::Deleted {
            subject: Subject::of(exam),
        }
    }

    /// What pathology found is joined to `exam`.
    pub fn reported(exam: &Exam, found: &Pathology) -> Self {
        Self::PathologyReported {
            subject: Subject::of(exam),
            grade: found.reported.clone(),
        }
    }

    /// Delivering `exam` was given up.
    pub fn given_up(exam: &Exam, destination: Option<&str>, reason: &str) -> Self {
        Self::DeliveryGivenUp {
            subject: Subject::of(exam),
            destination: destination.map(String::from),
            reason: reason.to_owned(),
        }
    }

    /// `order` says whose the exam named is, or the next one.
    pub fn chosen(exam: Option<&str>, order: &Order) -> Self {
        Self::PatientChosen {
            exam: exam.map(String::from),
            patient_id: order.patient_id.clone(),
            patient_name: order.patient_name.clone(),
        }
    }

    /// A physician says of the verdict of `exam` whether it is accepted.
    pub fn judged(exam: &Exam, accepted: bool) -> Self {
        Self::VerdictJudged {
            subject: Subject::of(exam),
            accepted,
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
