//! What the pathologist found in the tissue, once that is known: what the verdict is measured by.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::record::Grade;

/// A nuclear grade (Fuhrman or WHO/ISUP) as pathology reported it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pathology {
    /// Low (1-2) or high (3-4); never indeterminate.
    pub grade: Grade,
    /// The grade in the words of the report.
    pub reported: String,
    /// When it was joined to the exam.
    pub at: DateTime<Utc>,
}

impl Pathology {
    /// A grade as it is written: `1` to `4`, `I` to `IV`, `G1` to `G4`, `low` or `high`.
    ///
    /// # Errors
    /// Words for whoever wrote it.
    pub fn of(reported: &str, at: DateTime<Utc>) -> Result<Self, String> {
        let reported = reported.trim();
        let grade = match reported.to_ascii_lowercase().trim_start_matches('g') {
            "1" | "2" | "i" | "ii" | "low" => Grade::Low,
            "3" | "4" | "iii" | "iv" | "high" => Grade::High,
            _ => {
                return Err(format!(
                    "grade: expected 1 to 4, I to IV, G1 to G4, low or high, got {reported:?}"
                ));
            }
        };
        Ok(Self {
            grade,
            reported: reported.to_owned(),
            at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grade_is_read_as_laboratories_write_it_and_nothing_else_is() {
        let grade = |text: &str| Pathology::of(text, DateTime::UNIX_EPOCH).map(|found| found.grade);
        for low in ["1", " 2 ", "I", "ii", "G1", "g2", "Low"] {
            assert_eq!(grade(low), Ok(Grade::Low), "{low}");
        }
        for high in ["3", "4", "III", "iv", "G3", "high"] {
            assert_eq!(grade(high), Ok(Grade::High), "{high}");
        }
        for wrong in ["", "5", "0", "I-II", "indeterminate", "x"] {
            assert!(
                grade(wrong).is_err_and(|words| words.contains("expected")),
                "{wrong}"
            );
        }
    }
}
