//! The `infer` thread: grades the newest frame, follows the exam, hands results to the store and publishes.

mod commands;
mod curve;
mod view;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::watch;

use super::control::Asked;
use super::models::Ready;
use super::rates::RateMeter;
use super::{Event, Live, Shared, StoreView, Summary};
use crate::audit::{self, Recorder};
use crate::capture::{Signal, Taken};
use crate::exam::record::{Exam, Graded, KeyFrame, KeyReason, MarkKind, Provenance, Uids};
use crate::exam::{Carry, Curve, Display, Linear, Session};
use crate::frame::Frame;
use crate::grader::Grader;
use crate::health::Heart;
use crate::preprocess;
use crate::screen::{Arrangement, Layout, Still};
use crate::store::{Entry, Store, StoreError, Writer};
use view::{contrast, view};

/// How long to wait for a frame before the state is published again.
const WAIT: Duration = Duration::from_millis(100);
/// How often the verdict so far is computed anew.
const VERDICT_EVERY: Duration = Duration::from_millis(500);

/// Everything that the thread owns.
pub(super) struct Stage {
    pub shared: Arc<Shared>,
    pub arrangement: Arrangement,
    pub grader: Grader,
    pub writer: Writer,
    pub audit: Recorder,
    /// Exams of before, to be added to.
    pub kept: Arc<Store>,
    pub asked: Receiver<Asked>,
    pub display: Display,
    pub source: String,
    pub idle: TimeDelta,
    pub key_every_ms: u64,
    pub events: Option<SyncSender<Event>>,
    pub publish: watch::Sender<Live>,
    pub heart: Heart,
}

/// What changes from frame to frame.
struct Now {
    /// Layout and exam for the current size of the picture.
    current: Option<(Layout, [u32; 2], Session)>,
    live: Live,
    rates: RateMeter,
    verdict_at: Option<Instant>,
    still: Still,
    /// When the frame of the newest score came.
    scored_at: Option<Instant>,
    /// When the newest frame came, and what its own clock said then.
    clock: Option<(Instant, DateTime<Utc>)>,
    /// Its time since the source was opened.
    newest_ms: u64,
    /// The model that the next exam begins with.
    next: Option<Ready>,
    /// Why the picture cannot be graded, until one can.
    fault: Option<String>,
    ended: Option<Exam>,
    /// What is known of the next exam while there is no session.
    carry: Carry,
    curve: Curve,
    /// How the display's colours become echo power, once a frame was seen.
    linear: Option<Linear>,
}

impl Stage {
    pub fn run(mut self) -> Result<Summary, StoreError> {
        let live = self.publish.borrow().clone();
        let rates = RateMeter::new();
        let mut now = Now {
            current: None,
            live,
            rates,
            verdict_at: None,
            still: Still::default(),
            scored_at: None,
            clock: None,
            newest_ms: 0,
            next: None,
            fault: None,
            ended: None,
            carry: Carry::default(),
            curve: Curve::default(),
            linear: None,
        };
        loop {
            self.heart.beat();
            self.obey(&mut now);
            match self.shared.slot.take(WAIT) {
                Taken::Value((at, frame)) => {
                    now.clock = Some((at, DateTime::from(frame.wall)));
                    now.newest_ms = frame.t.as_millis() as u64;
                    self.between_frames(&mut now, Duration::ZERO);
                    self.frame(&mut now, at, frame);
                }
                Taken::Nothing => {
                    let waited = now.clock.map_or(Duration::ZERO, |(at, _)| at.elapsed());
                    self.between_frames(&mut now, waited);
                }
                Taken::Closed => break,
            }
            self.publish(&mut now);
            self.sample(&mut now);
        }
        self.cut(&mut now);
        self.publish(&mut now);
        let status = self.writer.finish()?;
        now.live.store = StoreView::from(&status);
        self.publish.send_replace(now.live);
        Ok(Summary {
            exam: now.ended,
            model: self.grader.model().identity().clone(),
            captured: self.shared.captured.load(Ordering::Relaxed),
            dropped: self.shared.slot.replaced(),
            store: status,
        })
    }

    /// Ends an exam that is over, by the frames' own clock `waited` after the newest one, and looks for another model.
    fn between_frames(&mut self, now: &mut Now, waited: Duration) {
        if let (Some((_, _, session)), Some((_, wall))) = (&mut now.current, now.clock)
            && let Some(exam) = session.tick(wall + waited)
        {
            self.end(now, exam);
        }
        let Some(ready) = self.shared.next_model() else {
            return;
        };
        if ready.view.model == now.live.model.model {
            // The one that grades already: there is only more to say of it.
            now.live.model = ready.view;
            (now.next, now.live.model_next) = (None, None);
        } else if now.live.exam.is_none() {
            // No exam began yet.
            self.change(now, ready);
        } else {
            now.live.model_next = Some(ready.view.model.clone());
            now.next = Some(ready);
        }
    }

    /// Grades with another model from here on. What the one before gave is not shown beside its name.
    fn change(&mut self, now: &mut Now, ready: Ready) {
        let model = &ready.view.model;
        tracing::info!(
            sha256 = model.sha256,
            "model {} {} runs",
            model.name,
            model.version
        );
        self.audit
            .record(audit::Event::model_changed(&now.live.model.model, model));
        self.grader = ready.grader;
        now.live.model = ready.view;
        (now.live.graded, now.live.exam, now.live.model_next) = (None, None, None);
        if let Some((layout, size, session)) = now.current.take() {
            let session = self.session(layout, session.cut().1);
            now.current = Some((layout, size, session));
        }
    }

    fn session(&self, layout: Layout, carry: Carry) -> Session {
        Session::new(self.provenance(layout), self.idle, self.key_every_ms, carry)
    }

    /// Ends the exam that runs because what follows would not be of the same kind.
    fn cut(&self, now: &mut Now) {
        if let Some((_, _, session)) = now.current.take() {
            let (exam, carry) = session.cut();
            now.carry = carry;
            if let Some(exam) = exam {
                self.end(now, exam);
            }
        }
    }

    fn frame(&mut self, now: &mut Now, at: Instant, frame: Frame) {
        now.live.stages.wait.add(at.elapsed());
        let began = Instant::now();
        let graded = match self.grade(now, &frame) {
            Ok(graded) => graded,
            Err(reason) => {
                if now.fault.as_ref() != Some(&reason) {
                    tracing::warn!("{reason}");
                }
                now.fault = Some(reason);
                return;
            }
        };
        now.live.stages.grade.add(began.elapsed());
        now.fault = None;
        now.live.roi = graded.roi;
        now.live.following = self.grader.following();
        let graded = Arc::new(graded);
        let graded_at = Instant::now();
        self.record(now, &graded, &frame);
        now.live.stages.record.add(graded_at.elapsed());
        now.live.quality = graded.outcome.as_ref().err().copied();
        now.still.look(graded.t_ms, now.live.quality);
        if graded.outcome.is_ok() {
            now.rates.scored(at.elapsed());
            now.live.stages.score.add(at.elapsed());
            now.live.graded = Some(Arc::clone(&graded));
            now.scored_at = Some(at);
        }
        // Nothing is shown of a screen whose pane is not known.
        now.live.frame = now.current.is_some().then(|| Arc::new(frame));
        if let Some(events) = &self.events {
            // A reader that went away has stopped the pipeline already.
            let _ = events.send(Event::Frame(graded));
        }
    }

    /// Grades one frame, with the model that waits if an exam begins with it; the error says for people why it cannot be.
    fn grade(&mut self, now: &mut Now, frame: &Frame) -> Result<Graded, String> {
        let hold = matches!(&now.current, Some((_, _, session)) if session.is_open());
        let layout = self.arrangement.layout(frame, hold);
        let layout = layout.map_err(|e| crate::one_line(&e))?;
        if now.live.arranged != *self.arrangement.state() {
            now.live.arranged = self.arrangement.state().clone();
            tracing::info!("layout of the screen: {}", now.live.arranged);
        }
        let Some(layout) = layout else {
            return Ok(self.searching(now, frame));
        };
        let size = [frame.format.width, frame.format.height];
        if !matches!(&now.current, Some((known, of, _)) if (*known, *of) == (layout, size)) {
            self.arrange(now, layout, size);
        }
        let graded = self.grader.grade(frame, layout);
        let begins =
            matches!(&now.current, Some((_, _, session)) if !session.is_open() && !session.carry().holds());
        let graded = match (graded, now.next.take()) {
            (Ok(graded), Some(ready)) if graded.outcome.is_ok() && begins => {
                self.change(now, ready);
                self.grader.grade(frame, layout)
            }
            (graded, next) => {
                now.next = next;
                graded
            }
        };
        graded.map_err(|e| crate::one_line(&e))
    }

    /// The picture has another size, pane or drawn ROI: another exam.
    fn arrange(&mut self, now: &mut Now, layout: Layout, size: [u32; 2]) {
        self.cut(now);
        (now.linear, now.live.graded) = (None, None);
        now.curve.clear();
        (now.live.pane, now.live.roi) = (layout.pane, layout.roi);
        let session = self.session(layout, std::mem::take(&mut now.carry));
        now.current = Some((layout, size, session));
    }

    /// Nobody knows yet where the contrast image is.
    fn searching(&mut self, now: &mut Now, frame: &Frame) -> Graded {
        self.cut(now);
        Graded::unseen(frame)
    }

    fn provenance(&self, layout: Layout) -> Provenance {
        let model = self.grader.model();
        Provenance {
            model: model.identity().clone(),
            engine: model.engine().into(),
            software: format!("sonograde {}", env!("CARGO_PKG_VERSION")),
            temperature: model.contract().temperature,
            band: model.contract().band,
            preprocessing: preprocess::NAME.into(),
            source: self.source.clone(),
            pane: layout.pane,
            roi: layout.roi,
        }
    }

    /// Follows the exam and hands what it keeps to the store.
    fn record(&self, now: &mut Now, graded: &Arc<Graded>, frame: &Frame) {
        let Some((layout, _, session)) = &mut now.current else {
            return;
        };
        let step = session.add(graded, DateTime::from(frame.wall));
        let keep = step.keep.and_then(|reason| key_frame(frame, layout, reason));
        if let Some(exam) = step.begun {
            self.begin(now, exam);
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

    fn begin(&self, now: &mut Now, exam: Exam) {
        tracing::info!(exam = exam.id, "exam begun");
        now.verdict_at = None;
        self.audit.record(audit::Event::begun(&exam));
        now.curve.begin(now.newest_ms);
        self.store(Entry::Begin(Box::new(exam)));
    }

    /// Hands over a result. A failure is a fault in the writer's status, which is shown; scoring goes on.
    fn store(&self, entry: Entry) {
        let _ = self.writer.send(entry);
    }

    fn end(&self, now: &mut Now, mut exam: Exam) {
        let injection = exam.marks.iter().rev().find(|m| m.kind == MarkKind::Injection);
        exam.enhancement = Some(now.curve.enhancement(injection.map(|mark| mark.t_ms)));
        exam.uids = Some(Uids::assign(exam.order.as_ref()));
        tracing::info!(exam = exam.id, "exam ended");
        if let Some(verdict) = &exam.verdict {
            now.live.exam = Some(view(&exam, verdict.clone()));
        }
        self.audit.record(audit::Event::ended(&exam));
        self.store(Entry::End(Box::new(exam.clone())));
        if let Some(events) = &self.events {
            let _ = events.send(Event::Ended(Box::new(exam.clone())));
        }
        now.ended = Some(exam);
    }

    /// Publishes what is now. The signal is read while nobody else publishes: what `capture` said of a loss is not undone.
    fn publish(&self, now: &mut Now) {
        (now.live.contrast, now.live.next_exam) = contrast(now);
        let captured = self.shared.captured.load(Ordering::Relaxed);
        let replaced = self.shared.slot.replaced();
        now.live.rates = now.rates.read(captured, replaced, self.shared.lost());
        let status = self.writer.status();
        now.live.store = StoreView::from(&status);
        now.live.store.fault = status.fault.or_else(|| self.audit.fault());
        now.live.panel_fault = self.shared.panel_fault();
        self.publish.send_modify(|live| {
            let presence = self.shared.presence();
            if presence.signal != Signal::Live || now.scored_at <= presence.lost_at {
                now.live.graded = None;
            }
            now.live.signal = now.judged(presence.signal);
            *live = now.live.clone();
        });
    }
}

impl Now {
    /// What page and API are told of the signal: a live one may show pictures that cannot be graded, or the same for ever.
    fn judged(&self, signal: Signal) -> Signal {
        match (signal, &self.fault, self.still.frozen_s()) {
            (Signal::Live, Some(reason), _) => Signal::Unsupported {
                reason: reason.clone(),
            },
            (Signal::Live, None, Some(seconds)) => Signal::Frozen {
                reason: format!("the picture has not changed for {seconds} s"),
            },
            (signal, ..) => signal,
        }
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
