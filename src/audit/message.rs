//! A record as a DICOM audit message (PS3.15 A.5): XML by the schema of A.5.1, filled in as A.5.3 says for each kind. Pure.

use std::borrow::Cow;
use std::io;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event as Xml};

use super::{Event, Record, Subject};

/// Where messages come from.
pub(super) struct Source {
    /// AuditSourceID: which machine.
    pub id: String,
    /// The process's number, the AlternativeUserID of everyone in it.
    pub process: u32,
    /// The trail as a URI.
    pub trail: String,
}

/// A coded value: code, system, meaning.
type Code = (&'static str, &'static str, &'static str);

const URI: Code = ("12", "RFC-3881", "URI");
const REPORT: Code = ("9", "RFC-3881", "Report Number");
const STUDY: Code = ("110180", "DCM", "Study Instance UID");
const PATIENT: Code = ("2", "RFC-3881", "Patient Number");
const APPLICATION: Code = ("110150", "DCM", "Application");
const LAUNCHER: Code = ("110151", "DCM", "Application Launcher");
const SOURCE_ROLE: Code = ("110153", "DCM", "Source Role ID");
const DESTINATION_MEDIA: Code = ("110154", "DCM", "Destination Media");
const MEDIA_URI: Code = ("110037", "DCM", "URI");

/// What a message says beside who, when and where.
struct Kind {
    id: Code,
    kind: Option<Code>,
    action: &'static str,
    /// 0 is success, 4 a minor and 8 a serious failure.
    outcome: &'static str,
    object: Object,
    /// Where to something was exported.
    media: Option<String>,
}

/// What the event is about, beside the trail itself.
enum Object {
    Nothing,
    /// An exam: by its study, by its id while it has none; and its patient.
    Exam(Subject),
    /// A patient alone: ID and name.
    Patient(Option<String>, Option<String>),
    /// What a security alert is about: a URI, and words.
    Alert(String, String),
}

impl Kind {
    fn of(event: &Event) -> Self {
        let application = ("110100", "DCM", "Application Activity");
        let accessed = ("110103", "DCM", "DICOM Instances Accessed");
        let software = ("110131", "DCM", "Software Configuration");
        let authentication = ("110114", "DCM", "User Authentication");
        let stopped = ("110133", "DCM", "Audit Recording Stopped");
        let plain = |id, kind, action| Self {
            id,
            kind,
            action,
            outcome: "0",
            object: Object::Nothing,
            media: None,
        };
        let exam = |action, subject: &Subject| Self {
            object: Object::Exam(subject.clone()),
            ..plain(accessed, None, action)
        };
        let alert = |kind, outcome, about: &str, words: String| Self {
            outcome,
            object: Object::Alert(about.into(), words),
            ..plain(("110113", "DCM", "Security Alert"), Some(kind), "E")
        };
        match event {
            Event::Started { .. } => plain(application, Some(("110120", "DCM", "Application Start")), "E"),
            Event::Stopped => plain(application, Some(("110121", "DCM", "Application Stop")), "E"),
            Event::ExamBegun { subject, .. } => exam("C", subject),
            Event::ExamEnded { subject, .. } => exam("U", subject),
            Event::PatientChosen {
                patient_id,
                patient_name,
                ..
            } => Self {
                object: Object::Patient(patient_id.clone(), patient_name.clone()),
                ..plain(("110110", "DCM", "Patient Record"), None, "R")
            },
            Event::VerdictJudged { subject, .. }
            | Event::PathologyReported { subject, .. }
            | Event::DeliveryGivenUp { subject, .. } => exam("U", subject),
            Event::LoggedIn { .. } => plain(authentication, Some(("110122", "DCM", "Login")), "E"),
            Event::LogInRefused { .. } => Self {
                outcome: "4",
                ..plain(authentication, Some(("110122", "DCM", "Login")), "E")
            },
            Event::LoggedOut { .. } => plain(authentication, Some(("110123", "DCM", "Logout")), "E"),
            Event::Exported { subject, to } => Self {
                id: ("110106", "DCM", "Export"),
                media: Some(to.clone()),
                ..exam("R", subject)
            },
            Event::Deleted { subject } => Self {
                id: ("110105", "DCM", "DICOM Study Deleted"),
                ..exam("D", subject)
            },
            Event::KeyChanged => {
                let words = String::from("the store was put under another key");
                alert(software, "0", "urn:sonograde:key", words)
            }
            Event::Repaired { findings } => {
                let words = format!("the store was repaired: {findings} findings");
                alert(software, "0", "urn:sonograde:store", words)
            }
            Event::TrailRead => plain(("110101", "DCM", "Audit Log Used"), None, "R"),
            Event::ConfigChanged { before, now, set } => {
                let set = set
                    .as_ref()
                    .map_or(String::new(), |set| format!("; at the bedside: {set}"));
                let words = format!("the config was changed from SHA-256 {before} to {now}{set}");
                alert(software, "0", "urn:sonograde:config", words)
            }
            Event::ModelChanged { before, now, name } => {
                let words = format!("model {name} grades: SHA-256 {now} instead of {before}");
                alert(software, "0", "urn:sonograde:model", words)
            }
            Event::ModelInstalled { name, model } => {
                let words = format!("model {name} was installed: SHA-256 {model}");
                alert(software, "0", "urn:sonograde:model", words)
            }
            Event::ModelRolledBack { name } => alert(
                software,
                "0",
                "urn:sonograde:model",
                format!("rolled back to model {name}"),
            ),
            Event::Unfinished { bytes } => {
                let words = format!("a record of which {bytes} bytes are there was never finished");
                alert(stopped, "4", "urn:sonograde:audit", words)
            }
            Event::Shortened { found, head } => {
                let words =
                    format!("the audit trail was cut off: it ended at record {found}, {head} were written");
                alert(stopped, "8", "urn:sonograde:audit", words)
            }
        }
    }
}

/// The message for a record whose hash is `hash`.
pub(super) fn xml(record: &Record, hash: &str, source: &Source) -> String {
    let mut out = Out(Writer::new(Vec::new()));
    out.message(record, hash, source).expect("memory takes it");
    String::from_utf8(out.0.into_inner()).expect("XML of strings is UTF-8")
}

struct Out(Writer<Vec<u8>>);

impl Out {
    fn message(&mut self, record: &Record, hash: &str, source: &Source) -> io::Result<()> {
        let kind = Kind::of(&record.event);
        self.0
            .write_event(Xml::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        let time = record.time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        let event = [
            ("EventActionCode", kind.action),
            ("EventDateTime", &time),
            ("EventOutcomeIndicator", kind.outcome),
        ];
        self.within("AuditMessage", &[], |out| {
            out.within("EventIdentification", &event, |out| {
                out.code("EventID", kind.id)?;
                kind.kind.map_or(Ok(()), |code| out.code("EventTypeCode", code))
            })?;
            out.participants(record, &kind, source)?;
            let id = [("AuditSourceID", source.id.as_str())];
            out.within("AuditSourceIdentification", &id, |out| {
                // 2: data acquisition device or instrument.
                out.within("AuditSourceTypeCode", &[("csd-code", "2")], |_| Ok(()))
            })?;
            out.object(&kind.object)?;
            let trail = format!("{}#seq={}&sha256={hash}", source.trail, record.seq);
            out.about(&trail, "2", "13", URI, "Security Audit Log", |_| Ok(()))
        })
    }

    fn participants(&mut self, record: &Record, kind: &Kind, source: &Source) -> io::Result<()> {
        let process = source.process.to_string();
        let person = record.who.name();
        let mut participant = |user: &str, requests, role: Option<Code>, media: bool| {
            let who = [
                ("UserID", user),
                ("AlternativeUserID", &process),
                ("UserIsRequestor", requests),
            ];
            // A place is nobody's process.
            let who = if media { vec![who[0], who[2]] } else { who.to_vec() };
            self.within("ActiveParticipant", &who, |out| {
                role.map_or(Ok(()), |code| out.code("RoleIDCode", code))?;
                if media {
                    let media = |out: &mut Self| out.code("MediaType", MEDIA_URI);
                    out.within("MediaIdentifier", &[], media)?;
                }
                Ok(())
            })
        };
        match (&record.event, &kind.media) {
            (Event::Started { .. } | Event::Stopped, _) => {
                participant("sonograde", "false", Some(APPLICATION), false)?;
                participant(person, "true", Some(LAUNCHER), false)
            }
            // Who, and from which machine.
            (Event::LoggedIn { from } | Event::LogInRefused { from, .. } | Event::LoggedOut { from }, _) => {
                participant(person, "true", None, false)?;
                participant(from, "false", None, false)
            }
            (_, Some(to)) => {
                participant(person, "true", Some(SOURCE_ROLE), false)?;
                participant(to, "false", Some(DESTINATION_MEDIA), true)
            }
            _ => participant(person, "true", None, false),
        }
    }

    fn object(&mut self, object: &Object) -> io::Result<()> {
        match object {
            Object::Nothing => Ok(()),
            Object::Exam(subject) => {
                match &subject.study {
                    Some(study) => self.about(study, "2", "3", STUDY, &subject.exam, |_| Ok(()))?,
                    None => self.about(&subject.exam, "2", "3", REPORT, &subject.exam, |_| Ok(()))?,
                }
                let (id, name) = (&subject.patient_id, &subject.patient_name);
                if id.is_none() && name.is_none() {
                    return Ok(());
                }
                self.patient(id, name)
            }
            Object::Patient(id, name) => self.patient(id, name),
            Object::Alert(uri, words) => self.about(uri, "2", "13", URI, uri, |out| {
                let value = BASE64_STANDARD.encode(words);
                let detail = [("type", "Alert Description"), ("value", &value)];
                out.within("ParticipantObjectDetail", &detail, |_| Ok(()))
            }),
        }
    }

    fn patient(&mut self, id: &Option<String>, name: &Option<String>) -> io::Result<()> {
        let or_unknown = |text: &Option<String>| text.clone().unwrap_or_else(|| "unknown".into());
        self.about(&or_unknown(id), "1", "1", PATIENT, &or_unknown(name), |_| Ok(()))
    }

    fn about(
        &mut self,
        id: &str,
        kind: &str,
        role: &str,
        id_kind: Code,
        name: &str,
        more: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> io::Result<()> {
        let object = [
            ("ParticipantObjectID", id),
            ("ParticipantObjectTypeCode", kind),
            ("ParticipantObjectTypeCodeRole", role),
        ];
        self.within("ParticipantObjectIdentification", &object, |out| {
            out.code("ParticipantObjectIDTypeCode", id_kind)?;
            let name = plain(name);
            let text = BytesText::new(&name);
            out.0
                .create_element("ParticipantObjectName")
                .write_text_content(text)?;
            more(out)
        })
    }

    fn code(&mut self, name: &str, (code, system, meaning): Code) -> io::Result<()> {
        let code = [
            ("csd-code", code),
            ("codeSystemName", system),
            ("originalText", meaning),
        ];
        self.within(name, &code, |_| Ok(()))
    }

    fn within(
        &mut self,
        name: &str,
        attributes: &[(&str, &str)],
        content: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> io::Result<()> {
        let attributes: Vec<_> = attributes
            .iter()
            .map(|(name, value)| (*name, plain(value)))
            .collect();
        let attributes = attributes.iter().map(|(name, value)| (*name, value.as_ref()));
        let start = quick_xml::events::BytesStart::new(name).with_attributes(attributes);
        let end = start.to_end().into_owned();
        self.0.write_event(Xml::Start(start))?;
        content(self)?;
        self.0.write_event(Xml::End(end))
    }
}

/// Text without the characters that XML 1.0 cannot hold, however they are escaped.
fn plain(text: &str) -> Cow<'_, str> {
    let allowed = |c: char| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}');
    if text.chars().all(allowed) {
        return text.into();
    }
    text.chars()
        .map(|c| if allowed(c) { c } else { '\u{fffd}' })
        .collect()
}

#[cfg(test)]
mod tests;
