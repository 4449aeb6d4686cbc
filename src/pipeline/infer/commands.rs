//! The `infer` thread does what people ask: between two frames, so that a frame is graded with one layout and into one
//! exam.

use chrono::{DateTime, Utc};

use super::view::view;
use super::{Now, Stage};
use crate::audit::{Actor, Event};
use crate::exam::Session;
use crate::exam::record::{Exam, Mark, MarkKind, Uids};
use crate::pipeline::control::{Change, Command, Done, Drawing, LEAST_PX, Refusal};
use crate::screen::{PanePreset, Screen};
use crate::store::Entry;

impl Stage {
    /// Answers everything that was asked.
    pub(super) fn obey(&mut self, now: &mut Now) {
        while let Ok(asked) = self.asked.try_recv() {
            let done = self.obey_one(now, asked.who, asked.command);
            // Who told and did not ask, or went away, finds a refusal in the log.
            if let Err(Err(refusal)) = asked.answer.send(done) {
                tracing::warn!("refused: {}", crate::one_line(&refusal));
            }
        }
    }

    fn obey_one(&mut self, now: &mut Now, who: Option<Actor>, command: Command) -> Result<Done, Refusal> {
        match command {
            Command::Start => {
                self.renew(now);
                let (session, _, wall) = now.running()?;
                let exam = session.start(wall)?;
                Ok(self.begun(now, who, exam))
            }
            Command::Stop => {
                let (session, _, wall) = now.running()?;
                let exam = session.stop(wall)?;
                let id = exam.id.clone();
                self.end(now, who, exam);
                Ok(done(id))
            }
            Command::Mark(kind) => self.mark(now, who, kind),
            Command::Draw(drawing) => self.draw(now, drawing),
            Command::Order(order) => {
                let chosen = |exam: Option<&str>| Event::chosen(exam, &order);
                let running = now
                    .current
                    .as_mut()
                    .and_then(|(_, _, session)| session.exam_mut());
                self.audit
                    .record_by(who, chosen(running.map(|exam| exam.id.as_str())));
                let session = now.current.as_mut().map(|(_, _, session)| session);
                let Some(session) = session else {
                    now.carry.order = Some(order);
                    return Ok(Done::default());
                };
                let amended = session.set_order(order).cloned();
                Ok(amended.map(|exam| self.amended(now, exam)).unwrap_or_default())
            }
            Command::Amend(id, change) => self.amend(now, who, &id, change),
        }
    }

    fn mark(&mut self, now: &mut Now, who: Option<Actor>, kind: MarkKind) -> Result<Done, Refusal> {
        if kind == MarkKind::Injection {
            self.renew(now);
        }
        if kind == MarkKind::Injection
            && now.current.is_none()
            && let Some(t_ms) = now.since_ms()
        {
            // Before the contrast comes nobody may know its pane: the exam that begins then has the mark.
            let mark = Mark { kind, t_ms };
            now.carry.inject(mark);
            return Ok(Done {
                exam: None,
                mark: Some(mark),
            });
        }
        let (session, t_ms, wall) = now.running()?;
        let mark = Mark { kind, t_ms };
        let (begun, exam) = session.mark(mark, wall)?;
        let exam = exam.clone();
        let done = match begun {
            Some(_) => self.begun(now, who, exam),
            None => self.amended(now, exam),
        };
        Ok(Done {
            mark: Some(mark),
            ..done
        })
    }

    /// An exam is about to begin, unless one runs: it begins with the model that waits.
    fn renew(&mut self, now: &mut Now) {
        let open = matches!(&now.current, Some((_, _, session)) if session.is_open());
        if let Some(ready) = now.next.take_if(|_| !open) {
            self.change(now, ready);
        }
    }

    /// The exam that runs keeps its pane and lesion, as its provenance says; another drawing begins another exam.
    fn draw(&mut self, now: &mut Now, drawing: Drawing) -> Result<Done, Refusal> {
        let (layout, [width, height]) = match &now.current {
            Some((layout, size, _)) => (*layout, *size),
            None => return Err(Refusal::NoPicture),
        };
        let boxes = [drawing.pane, drawing.roi, drawing.reference];
        if let Some(small) = boxes.into_iter().flatten().find(|r| r.w.min(r.h) < LEAST_PX) {
            return Err(Refusal::TooSmall(small));
        }
        let pane = drawing.pane.unwrap_or(layout.pane);
        let kept = Some(layout.roi).filter(|_| drawing.pane.is_none());
        let screen = |roi| Screen {
            pane: Some(PanePreset::Rect(pane)),
            roi,
        };
        let lesion = screen(drawing.roi.or(kept));
        let drawn = lesion.layout(width, height)?;
        if let Some(reference) = drawing.reference {
            // It has to lie where a lesion could.
            screen(Some(reference)).layout(width, height)?;
        }
        now.live.reference = drawing
            .reference
            .or(now.live.reference.filter(|r| drawn.pane.contains(r)));
        if drawn != layout {
            self.arrange(now, drawn, [width, height]);
        }
        if drawing.pane.is_some() {
            self.arrangement.set_pane(PanePreset::Rect(pane));
        }
        self.arrangement.set_roi(lesion.roi);
        // What was seen of other tissue is no background.
        now.curve.clear();
        Ok(Done::default())
    }

    fn amend(
        &mut self,
        now: &mut Now,
        who: Option<Actor>,
        id: &str,
        change: Change,
    ) -> Result<Done, Refusal> {
        let running = now
            .current
            .as_mut()
            .and_then(|(_, _, session)| session.exam_mut());
        if let Some(exam) = running.filter(|exam| exam.id == id) {
            apply(exam, change.clone())?;
            let exam = exam.clone();
            self.say(who, &exam, &change);
            return Ok(self.amended(now, exam));
        }
        // What ended a moment ago may still be on its way to the disk.
        let known = match now.ended.as_ref().filter(|exam| exam.id == id) {
            Some(exam) => Some(exam.clone()),
            None => self.kept.exam(id)?,
        };
        let mut exam = known.ok_or_else(|| Refusal::Unknown(id.into()))?;
        apply(&mut exam, change.clone())?;
        self.say(who, &exam, &change);
        if let Some(ended) = now.ended.as_mut().filter(|ended| ended.id == id) {
            ended.clone_from(&exam);
        }
        Ok(self.amended(now, exam))
    }

    /// Notes in the audit trail what was added to an exam, and by whom.
    fn say(&self, who: Option<Actor>, exam: &Exam, change: &Change) {
        let event = match change {
            Change::Order(order) => Event::chosen(Some(&exam.id), order),
            Change::Opinion(opinion) => Event::judged(exam, opinion.accepted),
            Change::Pathology(found) => Event::reported(exam, found),
            Change::Notes(_) => return,
        };
        self.audit.record_by(who, event);
    }

    fn begun(&self, now: &mut Now, who: Option<Actor>, exam: Exam) -> Done {
        let id = exam.id.clone();
        self.begin(now, who, exam);
        done(id)
    }

    fn amended(&self, now: &mut Now, exam: Exam) -> Done {
        let shown = now.live.exam.as_ref().filter(|shown| shown.id == exam.id);
        if let Some(verdict) = shown.map(|shown| shown.verdict.clone()) {
            now.live.exam = Some(view(&exam, verdict));
        }
        let id = exam.id.clone();
        self.store(Entry::Amend(Box::new(exam)));
        done(id)
    }
}

impl Now {
    /// The session, the time by the frames' clock since the source was opened, and that of day.
    fn running(&mut self) -> Result<(&mut Session, u64, DateTime<Utc>), Refusal> {
        let since_ms = self.since_ms();
        let (Some((_, _, session)), Some((at, wall)), Some(since_ms)) =
            (&mut self.current, self.clock, since_ms)
        else {
            return Err(Refusal::NoPicture);
        };
        Ok((session, since_ms, wall + at.elapsed()))
    }

    /// The time by the frames' clock since the source was opened; none before the first frame.
    fn since_ms(&self) -> Option<u64> {
        let (at, _) = self.clock?;
        Some(self.newest_ms + at.elapsed().as_millis() as u64)
    }
}

fn done(exam: String) -> Done {
    Done {
        exam: Some(exam),
        mark: None,
    }
}

fn apply(exam: &mut Exam, change: Change) -> Result<(), Refusal> {
    match change {
        Change::Order(order) => {
            // Objects under the old name may be in an archive already: those of the right patient are other objects.
            if exam.uids.is_some() && exam.order.as_ref() != Some(&order) {
                exam.uids = Some(Uids::assign(Some(&order)));
            }
            exam.order = Some(order);
        }
        Change::Notes(notes) => exam.notes = notes,
        Change::Opinion(_) if exam.verdict.is_none() => return Err(Refusal::NoVerdict(exam.id.clone())),
        Change::Opinion(opinion) => exam.opinion = Some(opinion),
        Change::Pathology(_) if exam.ended.is_none() => return Err(Refusal::NoVerdict(exam.id.clone())),
        Change::Pathology(found) => exam.pathology = Some(found),
    }
    Ok(())
}
