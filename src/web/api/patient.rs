//! A patient as people type or scan them, checked against DICOM's value representations (PS3.5, 6.2).

use chrono::NaiveDate;
use serde::Deserialize;

use crate::exam::record::Order;
use crate::uplink::worklist::Worklist;
use crate::web::problem::Problem;

/// Who it is, or `emergency`: nobody knows yet.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Patient {
    emergency: bool,
    patient_id: String,
    patient_name: String,
    birth_date: String,
    sex: String,
    accession_number: String,
    /// A step of the worklist, instead of everything else: its order is copied.
    step: String,
}

impl Patient {
    /// The order that the exam keeps: a copy of the worklist's, or what was typed.
    ///
    /// # Errors
    /// A [`Problem`] that names the field.
    pub fn choose(self, worklist: &Worklist) -> Result<Order, Problem> {
        if self.step.is_empty() {
            return self.order();
        }
        let step = self.step.clone();
        let alone = Self {
            step: step.clone(),
            ..Self::default()
        };
        if self != alone {
            return Err(Problem::invalid("step: expected no other field beside it"));
        }
        worklist.order(&step).ok_or_else(|| {
            Problem::invalid("step: it is not on the worklist; choose another, or type the patient's ID")
                .coded("off-the-worklist")
        })
    }

    /// The order that the exam keeps.
    ///
    /// # Errors
    /// A [`Problem`] that names the field.
    fn order(self) -> Result<Order, Problem> {
        let order = Order {
            patient_id: text("patient_id", &self.patient_id, 64)?,
            patient_name: text("patient_name", &self.patient_name, 64)?,
            birth_date: text("birth_date", &self.birth_date, 8)?,
            sex: text("sex", &self.sex, 1)?,
            accession_number: text("accession_number", &self.accession_number, 16)?,
            ..Order::default()
        };
        if let Some(date) = &order.birth_date
            && (date.len() != 8 || NaiveDate::parse_from_str(date, "%Y%m%d").is_err())
        {
            return Err(Problem::invalid("birth_date: expected YYYYMMDD").coded("birth-date"));
        }
        if order
            .sex
            .as_deref()
            .is_some_and(|sex| !["M", "F", "O"].contains(&sex))
        {
            return Err(Problem::invalid("sex: expected M, F or O"));
        }
        match (self.emergency, order == Order::default(), &order.patient_id) {
            (true, true, _) => Ok(order),
            (true, false, _) => Err(Problem::invalid("emergency: expected no other field beside it")),
            (false, _, None) => Err(Problem::invalid(
                "patient_id: expected the patient's ID, or emergency = true",
            )
            .coded("no-patient-id")),
            (false, _, Some(_)) => Ok(order),
        }
    }
}

/// A short text (LO, SH, PN) without surrounding blanks; none if nothing is left.
fn text(field: &str, value: &str, most: usize) -> Result<Option<String>, Problem> {
    let value = value.trim();
    if value.chars().count() > most || value.contains('\\') || value.chars().any(char::is_control) {
        return Err(Problem::invalid(format!(
            "{field}: expected at most {most} characters, no backslash and no control character"
        )));
    }
    Ok((!value.is_empty()).then(|| value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(json: &str) -> Result<Order, String> {
        let patient: Patient = serde_json::from_str(json).map_err(|e| e.to_string())?;
        patient.order().map_err(|problem| format!("{problem:?}"))
    }

    #[test]
    fn a_patient_is_named_or_an_emergency() {
        let named = order(r#"{"patient_id":" 42 ","birth_date":"19500229","sex":"F"}"#);
        assert!(
            named.is_err_and(|e| e.contains("YYYYMMDD")),
            "1950 had no 29 February"
        );
        let named = order(r#"{"patient_id":" 42 ","birth_date":"19500228","sex":"F"}"#).expect("a patient");
        assert_eq!(
            (named.patient_id.as_deref(), named.sex.as_deref()),
            (Some("42"), Some("F"))
        );
        assert_eq!(order(r#"{"emergency":true}"#), Ok(Order::default()));
    }

    #[test]
    fn what_no_archive_would_take_is_refused_with_its_field() {
        for (json, words) in [
            (r#"{"patient_id":"4\\2"}"#, "patient_id"),
            (r#"{"patient_id":"4\n2"}"#, "patient_id"),
            (r#"{"patient_id":"  "}"#, "patient_id"),
            (r#"{"patient_id":"4","sex":"X"}"#, "sex"),
            (
                r#"{"patient_id":"4","accession_number":"12345678901234567"}"#,
                "accession_number",
            ),
            (r#"{"patient_id":"4","emergency":true}"#, "emergency"),
            (r#"{"patient":"4"}"#, "unknown field"),
        ] {
            assert!(order(json).is_err_and(|e| e.contains(words)), "{json}");
        }
    }
}
