//! The `infer` thread follows the exam: what a frame begins, adds or ends goes to store, trail and events.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::DateTime;

use super::view::view;
use super::{Now, Stage};
use crate::audit::{self, Actor};
use crate::exam::record::{Exam, Graded, KeyFrame, KeyReason, MarkKind, Uids};
use crate::frame::Frame;
use crate::pipeline::Event;
use crate::preprocess;
use crate::screen::Layout;
use crate::store::Entry;

/// How often the verdict so far is computed anew.
const VERDICT_EVERY: Duration = Duration::from_millis(500);

impl Stage {
    /// Follows the exam and hands what it keeps to the store.
    pub(super) fn record(&self, now: &mut Now, graded: &Arc<Graded>, frame: &Frame) {
        let Some((layout, _, session)) = &mut now.current else {
            return;
        };
        let step = session.add(graded, DateTime::from(frame.wall));
        let keep = step.keep.and_then(|reason| key_frame(frame, layout, reason));
        if let Some(exam) = step.begun {
            self.begin(now, None, exam);
        }
        // After somebody ended the exam its contrast is scored on, for the page alone.
        let open = matches!(&now.current, Some((_, _, session)) if session.is_open());
        if open && graded.outcome.is_ok() {
            self.store(Entry::Frame(Arc::clone(graded)));
        }
        if let Some(key) = keep {
            self.store(Entry::Key(key));
        }
        if now.verdict_at.is_none_or(|at| at.elapsed() >= VERDICT_EVERY)
            && let Some((_, _, session)) = &now.current
            && let Some((exam, verdict)) = session.current()
        {
            now.verdict_at = Some(Instant::now());
            now.live.exam = Some(view(exam, verdict));
        }
    }

    /// By itself where nobody is named, as below.
    pub(super) fn begin(&self, now: &mut Now, who: Option<Actor>, exam: Exam) {
        tracing::info!(exam = exam.id, "exam begun");
        (now.verdict_at, now.resumed) = (None, false);
        self.audit.record_by(who, audit::Event::begun(&exam));
        now.curve.begin(now.newest_ms);
        self.store(Entry::Begin(Box::new(exam)));
    }

    /// Hands over a result. A failure is a fault in the writer's status, which is shown; scoring goes on.
    pub(super) fn store(&self, entry: Entry) {
        let _ = self.writer.send(entry);
    }

    pub(super) fn end(&self, now: &mut Now, who: Option<Actor>, mut exam: Exam) {
        let injection = exam.marks.iter().rev().find(|m| m.kind == MarkKind::Injection);
        let injected = injection.map(|mark| mark.t_ms);
        exam.enhancement = (!now.resumed).then(|| now.curve.enhancement(injected));
        tracing::info!(exam = exam.id, "exam ended");
        if let Some(verdict) = &exam.verdict {
            now.live.exam = Some(view(&exam, verdict.clone()));
        }
        now.ended = Some(self.close(who, exam));
    }

    /// An exam is over: gives its objects their names, and tells trail, store and events.
    pub(super) fn close(&self, who: Option<Actor>, mut exam: Exam) -> Exam {
        exam.uids = Some(Uids::assign(exam.order.as_ref()));
        self.audit.record_by(who, audit::Event::ended(&exam));
        self.store(Entry::End(Box::new(exam.clone())));
        if let Some(events) = &self.events {
            let _ = events.send(Event::Ended(Box::new(exam.clone())));
        }
        exam
    }
}

/// The pane of `frame` as a picture. The grader has read the frame, so its pane can be.
fn key_frame(frame: &Frame, layout: &Layout, reason: KeyReason) -> Option<KeyFrame> {
    let picture = preprocess::crop(frame, layout.pane).ok()?;
    Some(KeyFrame {
        seq: frame.seq,
        reason,
        width: picture.width(),
        height: picture.height(),
        rgb: picture.into_raw(),
    })
}
