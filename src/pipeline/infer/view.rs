//! What is published of the exam.

use super::Now;
use crate::exam::record::{Exam, MarkKind, Verdict};
use crate::pipeline::{Contrast, ExamView, NextExam, PatientView};

/// Time since the injection, and what is known of the next exam while none runs.
pub(super) fn contrast(now: &Now) -> (Option<Contrast>, Option<NextExam>) {
    let newest_ms = now.newest_ms;
    let session = now.current.as_ref().map(|(_, _, session)| session);
    match session.map(|session| (session.exam(), session.carry())) {
        Some((Some(exam), _)) => {
            let injection = exam.marks.iter().rev().find(|m| m.kind == MarkKind::Injection);
            (injection.map(|mark| Contrast::new(newest_ms, mark)), None)
        }
        Some((None, carry)) => (None, Some(NextExam::from(carry))),
        None => {
            let injection = now.carry.injection();
            (
                injection.map(|mark| Contrast::new(newest_ms, mark)),
                Some(NextExam::from(&now.carry)),
            )
        }
    }
}

/// A running or ended exam as it is published.
pub(super) fn view(exam: &Exam, verdict: Verdict) -> ExamView {
    ExamView {
        id: exam.id.clone(),
        started: exam.started,
        ended: exam.ended.is_some(),
        verdict,
        patient: PatientView::of(exam.order.as_ref()),
        marks: exam.marks.clone(),
        accepted: exam.opinion.as_ref().map(|opinion| opinion.accepted),
    }
}
