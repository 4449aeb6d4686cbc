//! When an exam begins and ends, and what people add to it. Nobody has to press anything: it begins when contrast arrives and
//! ends when no frame was scored for a while, for example because the contrast mode is off, or when its source does. Whoever
//! wants to starts and ends it, whatever there is to see.

use chrono::{DateTime, TimeDelta, Utc};

use super::arrival::Arrival;
use super::record::{Exam, Graded, KeyReason, Mark, MarkKind, Order, Provenance, Verdict};
use super::{Aggregate, Begin, KeyFrames, Rules};

/// How long an exam that somebody started waits for its first scored frame.
const FIRST_SCORE: TimeDelta = TimeDelta::minutes(5);

/// Runs one exam after the other for one source.
pub struct Session {
    provenance: Provenance,
    rules: Rules,
    running: Option<Running>,
    carry: Carry,
}

/// What is known between exams. Where another picture, ROI or model cuts an exam in two, the patient and the contrast
/// stay the same.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Carry {
    /// Whose exam the next one is.
    pub order: Option<Order>,
    /// The injection whose contrast the next exam still sees.
    injection: Option<Mark>,
    /// Somebody ended the exam: none begins by itself until nothing was scored for a while. When something last was.
    held: Option<DateTime<Utc>>,
    /// An exam ran when it was cut in two: the next frame that is scored is of the next one.
    runs: bool,
    /// Whether the contrast is there with which one begins by itself.
    arrival: Arrival,
}

impl Carry {
    /// Another lesion: what was seen of the one before says nothing of its contrast.
    pub fn forget(&mut self) {
        self.arrival = Arrival::default();
    }

    /// The contrast of this injection is what the next exam will see.
    pub fn inject(&mut self, mark: Mark) {
        self.injection = Some(mark);
    }

    /// The injection whose contrast the next exam sees.
    pub fn injection(&self) -> Option<&Mark> {
        self.injection.as_ref()
    }

    /// Whether no exam begins by itself.
    pub fn holds(&self) -> bool {
        self.held.is_some()
    }
}

struct Running {
    exam: Exam,
    last_scored: Option<DateTime<Utc>>,
    aggregate: Aggregate,
    keys: KeyFrames,
}

/// What is stored of an exam that nobody ended: the power was cut, or the program was killed.
#[derive(Debug)]
pub struct Interrupted {
    /// As it was stored last.
    pub exam: Exam,
    /// Its scored frames, in order.
    pub frames: Vec<Graded>,
}

impl Interrupted {
    /// When its last frame was captured, as well as the record tells: `started` is when the first one was.
    pub fn last(&self) -> DateTime<Utc> {
        let span = match (self.frames.first(), self.frames.last()) {
            (Some(first), Some(last)) => last.t_ms.saturating_sub(first.t_ms),
            _ => 0,
        };
        self.exam.started + TimeDelta::milliseconds(span.min(i64::MAX as u64 / 2) as i64)
    }

    /// The exam with the end and the verdict of what is stored. Frames that were looked at and not scored are not.
    pub fn end(self) -> Exam {
        self.running(u64::MAX).end()
    }

    fn running(self, key_every_ms: u64) -> Running {
        let last_scored = (!self.frames.is_empty()).then(|| self.last());
        let mut running = Running::new(self.exam, key_every_ms);
        running.last_scored = last_scored;
        for graded in &self.frames {
            running.aggregate.add(graded);
            if let Ok(scored) = &graded.outcome {
                running.keys.consider(graded.t_ms, scored.score);
            }
        }
        running
    }
}

impl Running {
    fn new(exam: Exam, key_every_ms: u64) -> Self {
        Self {
            aggregate: Aggregate::new(exam.provenance.band),
            keys: KeyFrames::new(key_every_ms),
            exam,
            last_scored: None,
        }
    }

    fn end(self) -> Exam {
        Exam {
            ended: Some(self.last_scored.unwrap_or(self.exam.started)),
            verdict: Some(self.aggregate.verdict(&self.exam.marks)),
            ..self.exam
        }
    }
}

/// What a frame changes.
#[derive(Debug, PartialEq)]
pub struct Step {
    /// The exam that this frame begins.
    pub begun: Option<Exam>,
    /// Why this frame is kept as a picture.
    pub keep: Option<KeyReason>,
}

/// Why the exam cannot do what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is nothing to end or to mark.
    #[error("no exam runs; start one first")]
    NoExam,
    /// Two at a time there are not.
    #[error("an exam runs already; end it first")]
    Running,
}

impl Session {
    /// Exams of frames that are made in this way, by these rules.
    pub fn new(provenance: Provenance, rules: Rules, carry: Carry) -> Self {
        Self {
            provenance,
            rules,
            running: None,
            carry,
        }
    }

    /// Takes a graded frame, captured at `wall`.
    pub fn add(&mut self, graded: &Graded, wall: DateTime<Utc>) -> Step {
        let mut step = Step {
            begun: None,
            keep: None,
        };
        if self.running.is_none() && graded.outcome.is_ok() {
            if self.may_begin() {
                step.begun = Some(self.begin(wall));
            } else if let Some(scored) = &mut self.carry.held {
                *scored = wall;
            }
        }
        let Some(running) = &mut self.running else {
            return step;
        };
        running.aggregate.add(graded);
        if let Ok(scored) = &graded.outcome {
            running.last_scored = Some(wall);
            step.keep = running.keys.consider(graded.t_ms, scored.score);
        }
        step
    }

    /// Whether the next frame that is scored begins an exam.
    pub fn may_begin(&self) -> bool {
        let by_itself = match self.rules.begin {
            Begin::Contrast => self.carry.runs || self.carry.arrival.is_here(),
            Begin::Picture => true,
            Begin::Hand => self.carry.runs,
        };
        self.running.is_none() && self.carry.held.is_none() && by_itself
    }

    fn begin(&mut self, wall: DateTime<Utc>) -> Exam {
        let id = exam_id(wall, (wall.timestamp_subsec_nanos() / 1000 % 1000) as u16);
        let Carry { order, injection, .. } = std::mem::take(&mut self.carry);
        let exam = Exam {
            order,
            marks: injection.into_iter().collect(),
            ..Exam::begun(id, wall, self.provenance.clone())
        };
        self.running = Some(Running::new(exam.clone(), self.rules.key_every_ms));
        exam
    }

    /// Whether an exam that was interrupted may go on: none runs, and its frames were made as this session's are.
    pub fn may_resume(&self, exam: &Exam) -> bool {
        self.running.is_none() && exam.provenance == self.provenance
    }

    /// Goes on with an exam that [may](Self::may_resume).
    pub fn resume(&mut self, interrupted: Interrupted) -> &Exam {
        &self
            .running
            .insert(interrupted.running(self.rules.key_every_ms))
            .exam
    }

    /// Begins an exam because somebody says so.
    ///
    /// # Errors
    /// [`Refused::Running`].
    pub fn start(&mut self, wall: DateTime<Utc>) -> Result<Exam, Refused> {
        match self.running {
            Some(_) => Err(Refused::Running),
            None => Ok(self.begin(wall)),
        }
    }

    /// Ends the exam because somebody says so. The contrast that is still there begins no other.
    ///
    /// # Errors
    /// [`Refused::NoExam`].
    pub fn stop(&mut self, wall: DateTime<Utc>) -> Result<Exam, Refused> {
        let exam = self.end().ok_or(Refused::NoExam)?;
        self.carry.held = Some(wall);
        Ok(exam)
    }

    /// Marks something. An injection begins an exam if none runs. Gives the exam that it began, and the exam as it is now.
    ///
    /// # Errors
    /// [`Refused::NoExam`].
    pub fn mark(&mut self, mark: Mark, wall: DateTime<Utc>) -> Result<(Option<Exam>, &Exam), Refused> {
        let injection = mark.kind == MarkKind::Injection;
        let begun = (injection && self.running.is_none()).then(|| self.begin(wall));
        let running = self.running.as_mut().ok_or(Refused::NoExam)?;
        if mark.kind == MarkKind::Picture {
            running.keys.mark();
        }
        running.exam.marks.push(mark);
        Ok((begun, &running.exam))
    }

    /// Takes the lesion's mean echo power at a time, as a multiple of the darkest: for the picture of its peak, or for the
    /// exam that begins when contrast arrives.
    pub fn enhanced(&mut self, t_ms: u64, power: f32) {
        match &mut self.running {
            Some(running) => running.keys.enhanced(t_ms, power),
            None => self.carry.arrival.add(t_ms, power),
        }
    }

    /// Says whose exam it is: the one that runs, which is given, or else the next one.
    pub fn set_order(&mut self, order: Order) -> Option<&Exam> {
        match &mut self.running {
            Some(running) => {
                running.exam.order = Some(order);
                Some(&running.exam)
            }
            None => {
                self.carry.order = Some(order);
                None
            }
        }
    }

    /// Ends the exam if nothing was scored for long enough at `now`.
    pub fn tick(&mut self, now: DateTime<Utc>) -> Option<Exam> {
        if self
            .carry
            .held
            .is_some_and(|scored| now - scored >= self.rules.idle)
        {
            self.carry.held = None;
        }
        let running = self.running.as_ref()?;
        let over = match running.last_scored {
            Some(scored) => now - scored >= self.rules.idle,
            None => now - running.exam.started >= FIRST_SCORE,
        };
        if over { self.end() } else { None }
    }

    /// Ends the exam that runs, if any.
    pub fn end(&mut self) -> Option<Exam> {
        self.running.take().map(Running::end)
    }

    /// Ends the session where it is cut: the exam that ran, and what the next session goes on with.
    pub fn cut(mut self) -> (Option<Exam>, Carry) {
        let exam = self.end();
        if let Some(exam) = &exam {
            self.carry.order.clone_from(&exam.order);
            let mut injections = exam.marks.iter().filter(|m| m.kind == MarkKind::Injection);
            self.carry.injection = injections.next_back().copied();
            self.carry.runs = true;
        }
        (exam, self.carry)
    }

    /// Whether an exam runs.
    pub fn is_open(&self) -> bool {
        self.running.is_some()
    }

    /// What is known of the next exam.
    pub fn carry(&self) -> &Carry {
        &self.carry
    }

    /// The running exam.
    pub fn exam(&self) -> Option<&Exam> {
        self.running.as_ref().map(|r| &r.exam)
    }

    /// The running exam, to be added to.
    pub fn exam_mut(&mut self) -> Option<&mut Exam> {
        self.running.as_mut().map(|r| &mut r.exam)
    }

    /// The running exam and its verdict so far.
    pub fn current(&self) -> Option<(&Exam, Verdict)> {
        let running = self.running.as_ref()?;
        Some((&running.exam, running.aggregate.verdict(&running.exam.marks)))
    }
}

/// The id of an exam that started at `started`: sorts by time; `salt` keeps two of one millisecond apart.
pub fn exam_id(started: DateTime<Utc>, salt: u16) -> String {
    format!("{}-{salt:04x}", started.format("%Y%m%dT%H%M%S%.3fZ"))
}

#[cfg(test)]
mod tests;
