//! Exams that a power cut or a crash interrupted: the newest goes on if it is not over yet and its pictures are still made the same
//! way; the others end with what is stored of them, so that they get their verdict and are delivered.

use chrono::Utc;

use super::view::view;
use super::{Now, Stage};
use crate::exam::Interrupted;
use crate::exam::record::{Exam, Graded, Scored};
use crate::frame::Rect;
use crate::screen::Layout;
use crate::store::{Entry, FrameRecord, Store};

/// The exams at the end of the store that nobody ended, newest first. One that cannot be read ends the search: `check` finds it.
pub(in crate::pipeline) fn of(store: &Store) -> Vec<Interrupted> {
    let open = store
        .exams()
        .map_while(Result::ok)
        .take_while(|exam| exam.ended.is_none());
    let with_frames = |exam: Exam| {
        let roi = exam.provenance.roi;
        let records = store.frames(&exam.id).into_iter().flatten();
        let frames = records.flatten().map(|record| graded(record, roi));
        Interrupted {
            frames: frames.collect(),
            exam,
        }
    };
    open.map(with_frames).collect()
}

fn graded(record: FrameRecord, roi: Rect) -> Graded {
    let FrameRecord {
        seq,
        t_ms,
        score,
        map,
        fitness,
    } = record;
    Graded {
        seq,
        t_ms,
        roi,
        outcome: Ok(Scored { score, map, fitness }),
    }
}

impl Stage {
    /// Begins with the layout of the exam that waits to go on.
    pub(super) fn go_on(&mut self, now: &Now, area: Rect) {
        if let (None, Some(interrupted)) = (&now.current, &self.goes_on) {
            let made = &interrupted.exam.provenance;
            let (pane, roi) = (made.pane, made.roi);
            self.arrangement.go_on(Layout { pane, roi }, area);
        }
    }

    /// The exam that waits goes on in the session that begins, or ends because that is of another kind.
    pub(super) fn resume(&mut self, now: &mut Now) {
        let Some(interrupted) = self.goes_on.take() else {
            return;
        };
        match &mut now.current {
            Some((_, _, session)) if session.may_resume(&interrupted.exam) => {
                let exam = session.resume(interrupted);
                tracing::info!(exam = exam.id, "exam goes on after a restart");
                self.store(Entry::Resume(Box::new(exam.clone())));
                now.resumed = true;
                now.live.exam = session.current().map(|(exam, verdict)| view(exam, verdict));
            }
            _ => self.end_interrupted(interrupted),
        }
    }

    /// Ends the exam that waits once it would be over.
    pub(super) fn give_up(&mut self) {
        let over = |exam: &mut Interrupted| Utc::now() - exam.last() >= self.rules.idle;
        if let Some(interrupted) = self.goes_on.take_if(over) {
            self.end_interrupted(interrupted);
        }
    }

    /// Ends an exam with what is stored of it.
    pub(super) fn end_interrupted(&self, interrupted: Interrupted) {
        let exam = interrupted.end();
        tracing::warn!(
            exam = exam.id,
            "exam was interrupted and ends with what is stored of it"
        );
        self.close(None, exam);
    }
}
