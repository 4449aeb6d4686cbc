//! What of an exam leaves the cart for a site's own analyses: all of it, but nobody's name and nothing that people wrote freely.

use sha2::{Digest, Sha256};

use super::record::{Exam, Order};

impl Exam {
    /// The exam as JSON for where a site's exams are analysed together. Of the order it has the identifiers that join it with
    /// what other systems know, and the patient's sex. The same exam gives the same bytes.
    pub fn shared_json(&self) -> Vec<u8> {
        let order = self.order.as_ref().map(|order| Order {
            patient_id: order.patient_id.clone(),
            accession_number: order.accession_number.clone(),
            study_instance_uid: order.study_instance_uid.clone(),
            sex: order.sex.clone(),
            ..Order::default()
        });
        let mut shared = Self {
            order,
            notes: String::new(),
            ..self.clone()
        };
        if let Some(opinion) = &mut shared.opinion {
            opinion.comment.clear();
        }
        let mut json = serde_json::to_vec(&shared).expect("a record holds finite numbers and texts");
        json.push(b'\n');
        json
    }

    /// What tells one of the exam's objects from another of the same name: the SOP Instance UID of `report`, `capture` and `map`, and of the
    /// others the SHA-256 of what they say of the exam. None before it has ended.
    pub fn instance(&self, object: &str) -> Option<String> {
        let uids = self.uids.as_ref()?;
        if let Some(own) = uids.object(object) {
            return Some(own.instance.clone());
        }
        let hash = Sha256::new_with_prefix(object).chain_update(self.shared_json());
        Some(crate::hex(&hash.finalize()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exam::record::{Pathology, Uids};

    #[test]
    fn what_is_shared_names_nobody_and_another_pathology_makes_other_objects() {
        let mut exam = crate::store::tests::exam("20260131T094500.123Z-7f3a");
        let order = Order {
            patient_id: Some("P7".into()),
            patient_name: Some("Secretname^Patient".into()),
            birth_date: Some("19500228".into()),
            referring_physician: Some("Secretname^Doctor".into()),
            ..Order::default()
        };
        assert_eq!(exam.instance("frames"), None, "it has not ended");
        (exam.uids, exam.order) = (Some(Uids::assign(Some(&order))), Some(order));
        exam.notes = "Secretname again".into();
        let json = String::from_utf8(exam.shared_json()).expect("text");
        assert!(
            json.contains("P7") && !json.contains("Secretname") && !json.contains("19500228"),
            "{json}"
        );
        let before = exam.instance("frames");
        exam.notes = "another note".into();
        assert_eq!(exam.instance("frames"), before);
        assert_ne!(exam.instance("exam"), before);
        exam.pathology = Some(Pathology::of("III", exam.started).expect("a grade"));
        assert_ne!(exam.instance("frames"), before);
    }
}
