//! The `infer` thread: grades the newest frame, follows the exam, hands results to the store and publishes.

mod commands;
mod curve;
pub(super) mod interrupted;
mod record;
mod view;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tokio::sync::watch;

use super::control::Asked;
use super::models::Ready;
use super::rates::RateMeter;
use super::{Event, Live, Shared, StoreView, Summary};
use crate::audit::{self, Recorder};
use crate::capture::{Signal, Taken};
use crate::exam::record::{Exam, Graded, Provenance, Quality};
use crate::exam::{Carry, Curve, Display, Interrupted, Linear, Rules, Session};
use crate::frame::Frame;
use crate::grader::Grader;
use crate::health::Heart;
use crate::preprocess;
use crate::screen::{Arrangement, Layout, Still};
use crate::store::{Store, StoreError, Writer};
use view::contrast;

/// How long to wait for a frame before the state is published again.
const WAIT: Duration = Duration::from_millis(100);

/// Everything that the thread owns.
pub(super) struct Stage {
    pub shared: Arc<Shared>,
    pub arrangement: Arrangement,
    pub grader: Grader,
    pub writer: Writer,
    pub audit: Recorder,
    /// Exams of before, to be added to.
    pub kept: Arc<Store>,
    /// Exams that nobody ended and that are over.
    pub interrupted: Vec<Interrupted>,
    /// The one that goes on with the first picture.
    pub goes_on: Option<Interrupted>,
    pub asked: Receiver<Asked>,
    pub display: Display,
    pub source: String,
    pub rules: Rules,
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
    /// Whether the contrast mode is on: what another shows is no contrast.
    contrast_mode: bool,
    /// Its time since the source was opened.
    newest_ms: u64,
    /// The model that the next exam begins with.
    next: Option<Ready>,
    /// Why the picture cannot be graded, until one can.
    fault: Option<String>,
    ended: Option<Exam>,
    /// The exam that runs began before this program: the curve of its beginning is lost.
    resumed: bool,
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
            contrast_mode: false,
            newest_ms: 0,
            next: None,
            fault: None,
            ended: None,
            resumed: false,
            carry: Carry::default(),
            curve: Curve::default(),
            linear: None,
        };
        for exam in std::mem::take(&mut self.interrupted) {
            self.end_interrupted(exam);
        }
        loop {
            self.heart.beat();
            self.give_up();
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
            if let Some(frame) = now.live.frame.clone() {
                self.sample(&mut now, &frame);
            }
        }
        self.cut(&mut now);
        if let Some(exam) = self.goes_on.take() {
            self.end_interrupted(exam);
        }
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
            self.end(now, None, exam);
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
        Session::new(self.provenance(layout), self.rules, carry)
    }

    /// Ends the exam that runs because what follows would not be of the same kind.
    fn cut(&self, now: &mut Now) {
        if let Some((_, _, session)) = now.current.take() {
            let (exam, carry) = session.cut();
            now.carry = carry;
            if let Some(exam) = exam {
                self.end(now, None, exam);
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
        self.go_on(now, frame.format.area());
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
        let graded = graded.map_err(|e| crate::one_line(&e))?;
        now.fault = None;
        self.look_for_contrast(now, &graded, frame);
        let begins = matches!(&now.current, Some((_, _, session)) if session.may_begin());
        let Some(ready) = now.next.take_if(|_| begins && graded.outcome.is_ok()) else {
            return Ok(graded);
        };
        self.change(now, ready);
        let graded = self.grader.grade(frame, layout);
        graded.map_err(|e| crate::one_line(&e))
    }

    /// Contrast in this very frame may begin an exam with it: while none runs, its enhancement is measured first.
    fn look_for_contrast(&self, now: &mut Now, graded: &Graded, frame: &Frame) {
        now.contrast_mode = match graded.outcome {
            Err(Quality::NotContrast) => false,
            Err(Quality::Duplicate) => now.contrast_mode,
            _ => true,
        };
        if !matches!(&now.current, Some((_, _, session)) if session.is_open()) {
            now.live.roi = graded.roi;
            self.sample(now, frame);
        }
    }

    /// The picture has another size, pane or drawn ROI: another exam.
    fn arrange(&mut self, now: &mut Now, layout: Layout, size: [u32; 2]) {
        self.cut(now);
        (now.linear, now.live.graded) = (None, None);
        now.curve.clear();
        (now.live.pane, now.live.roi) = (layout.pane, layout.roi);
        now.carry.forget();
        let session = self.session(layout, std::mem::take(&mut now.carry));
        now.current = Some((layout, size, session));
        self.resume(now);
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
