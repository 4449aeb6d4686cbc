//! What people add to an exam: whose it is, what they marked, what they think of it; and the names of its DICOM objects.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Whose exam it is and who wants it, as chosen from a worklist or typed. Each attribute is optional (DICOM type 2).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Order {
    /// Patient ID (0010,0020).
    pub patient_id: Option<String>,
    /// Patient's Name (0010,0010) as DICOM writes it: `Family^Given^Middle^Prefix^Suffix`.
    pub patient_name: Option<String>,
    /// Patient's Birth Date (0010,0030): `YYYYMMDD`.
    pub birth_date: Option<String>,
    /// Patient's Sex (0010,0040): `M`, `F` or `O`.
    pub sex: Option<String>,
    /// Accession Number (0008,0050).
    pub accession_number: Option<String>,
    /// Study Instance UID (0020,000D) that the worklist gives.
    pub study_instance_uid: Option<String>,
    /// Requested Procedure Description (0032,1060).
    pub requested_procedure: Option<String>,
    /// Referring Physician's Name (0008,0090), written like the patient's.
    pub referring_physician: Option<String>,
}

/// Something that the sonographer marked while it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// What it is.
    pub kind: MarkKind,
    /// Milliseconds since the source was opened, as in the records of the frames.
    pub t_ms: u64,
}

/// What can be marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MarkKind {
    /// The contrast agent is injected.
    Injection,
    /// A flash of high power destroys the agent's bubbles.
    Flash,
    /// This picture is to be kept.
    Picture,
}

/// What the physician says of the verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opinion {
    /// Whether the verdict is accepted.
    pub accepted: bool,
    /// Why, if they say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// Identifiers of an exam's DICOM objects: given once, so that an object that is made or sent again is the same one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uids {
    /// The study: the order's, or one of our own.
    pub study: String,
    /// The structured report.
    pub report: ObjectUids,
    /// The pictures with their maps, as secondary capture.
    pub capture: ObjectUids,
    /// The activation maps, as parametric map.
    pub map: ObjectUids,
    /// The lesion, as what several measurements speak of (Tracking Unique Identifier).
    pub tracking: String,
    /// How the frames of an object are ordered (Dimension Organization UID).
    pub dimensions: String,
}

/// Identifiers of one DICOM object in a series of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectUids {
    /// Series Instance UID.
    pub series: String,
    /// SOP Instance UID.
    pub instance: String,
}

impl Uids {
    /// New identifiers for an exam that ends, `2.25.` and a random UUID each (DICOM PS3.5 B.2), in the study of `order` if
    /// that names one.
    pub fn assign(order: Option<&Order>) -> Self {
        let object = || ObjectUids {
            series: uid(),
            instance: uid(),
        };
        let study = order.and_then(|order| order.study_instance_uid.clone());
        Self {
            study: study.unwrap_or_else(uid),
            report: object(),
            capture: object(),
            map: object(),
            tracking: uid(),
            dimensions: uid(),
        }
    }

    /// Those of `report`, `capture` or `map`.
    pub fn object(&self, name: &str) -> Option<&ObjectUids> {
        match name {
            "report" => Some(&self.report),
            "capture" => Some(&self.capture),
            "map" => Some(&self.map),
            _ => None,
        }
    }
}

fn uid() -> String {
    format!("2.25.{}", Uuid::new_v4().as_u128())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::exam::record::Exam;

    /// Written by version 0.1.0, before there were orders.
    const OLD: &str = r#"{"id":"20260131T094500.123Z-7f3a","started":"2026-01-31T09:45:00.123Z","ended":"2026-01-31T09:46:30.500Z",
        "provenance":{"model":{"name":"m","version":"1","sha256":"ab","intended_use":"demonstration"},"engine":"tract 0.23.9",
        "software":"0.1.0","temperature":1.25,"band":[0.4,0.6],"preprocessing":"p","source":"phantom",
        "pane":{"x":100,"y":50,"w":400,"h":300},"roi":{"x":150,"y":80,"w":200,"h":180}},"label":"l",
        "verdict":{"verdict":"high","score":0.731,"ci95":[0.66,0.79],"frames_scored":3,"frames_seen":12}}"#;

    #[test]
    fn a_record_from_before_there_were_orders_still_reads() {
        let exam: Exam = serde_json::from_str(OLD).expect("an old record");
        let verdict = exam.verdict.clone();
        let plain = Exam::begun(exam.id.clone(), exam.started, exam.provenance.clone());
        assert_eq!(
            exam,
            Exam {
                ended: exam.ended,
                label: "l".into(),
                verdict,
                ..plain
            }
        );
    }

    #[test]
    fn what_people_added_reads_back() {
        let mut exam: Exam = serde_json::from_str(OLD).expect("an old record");
        exam.order = Some(Order {
            patient_name: Some("Doe^Jane".into()),
            ..Order::default()
        });
        exam.marks.push(Mark {
            kind: MarkKind::Injection,
            t_ms: 12_000,
        });
        exam.notes = "breathing".into();
        exam.opinion = Some(Opinion {
            accepted: false,
            comment: "necrosis".into(),
            at: exam.started,
        });
        (exam.pinned, exam.uids) = (true, Some(Uids::assign(exam.order.as_ref())));
        let text = serde_json::to_string(&exam).expect("finite numbers");
        assert_eq!(serde_json::from_str::<Exam>(&text).expect("our own record"), exam);
    }

    #[test]
    fn uids_are_good_and_differ_and_the_study_is_the_orders() {
        let order = Order {
            study_instance_uid: Some("1.2.3".into()),
            ..Order::default()
        };
        assert_eq!(Uids::assign(Some(&order)).study, "1.2.3");
        let Uids {
            study,
            report,
            capture,
            map,
            tracking,
            dimensions,
        } = Uids::assign(Some(&Order::default()));
        let objects = [report, capture, map].map(|o| [o.series, o.instance]);
        let mut all = objects.concat();
        all.extend([study, tracking, dimensions]);
        for uid in &all {
            let number = uid.strip_prefix("2.25.").expect(uid);
            assert!(
                uid.len() <= 64 && !number.starts_with('0') && number.bytes().all(|b| b.is_ascii_digit())
            );
        }
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), 9);
    }
}
