//! Follows the pipeline: decides whether the newest score may be shown, and writes the state as JSON, once for
//! all who look.
//!
//! One tokio task. It sees every change, so that a repeated picture does not hide why the picture it repeats was
//! not scored; it tells clients of it at most [`AT_MOST`] and at least [`AT_LEAST`] often.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::ws::Utf8Bytes;
use chrono::Utc;
use serde::Serialize;
use tokio::sync::watch;

use super::trend::Trend;
use crate::capture::Signal;
use crate::exam::record::{Graded, ModelIdentity, Quality, Scored};
use crate::frame::Rect;
use crate::pipeline::{Contrast, ExamView, Live, ModelView, NextExam, Rates, Site, StoreView};
use crate::screen::{Arranged, Following};

/// Shortest time between two states.
const AT_MOST: Duration = Duration::from_millis(33);

/// Longest time between two states: the page calls half a second of silence a lost connection.
const AT_LEAST: Duration = Duration::from_millis(200);

/// A score older than this is not shown.
const FRESH: Duration = Duration::from_secs(1);

/// Why there is no score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Withheld {
    /// The signal is not live.
    Signal,
    /// Nothing was scored yet.
    Waiting,
    /// Nothing new was scored for a while.
    Stale,
    /// The newest picture cannot be scored.
    #[serde(untagged)]
    Quality(Quality),
}

/// What page and API are told.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "state")]
pub(super) struct State<'a> {
    signal: &'a Signal,
    /// P(high grade) of the newest frame; null whenever `withheld` says why.
    score: Option<f32>,
    withheld: Option<Withheld>,
    /// When `score` came from the pipeline, in milliseconds since 1970; null whenever `score` is.
    published_ms: Option<i64>,
    /// Rows of the activation map in logits; null whenever `score` is.
    map: Option<Vec<&'a [f32]>>,
    quality: Option<Quality>,
    exam: Option<&'a ExamView>,
    pane: Rect,
    roi: Rect,
    layout: &'a Arranged,
    following: &'a Following,
    reference: Option<Rect>,
    contrast: Option<Contrast>,
    next_exam: Option<NextExam>,
    rates: Rates,
    store: &'a StoreView,
    panel_fault: Option<&'a str>,
    #[serde(flatten)]
    model: &'a ModelView,
    model_next: Option<&'a ModelIdentity>,
    #[serde(flatten)]
    site: &'a Site,
}

/// What must be remembered between two values of the `watch`.
#[derive(Debug)]
pub(super) struct Follower {
    live: Live,
    /// When the newest result came.
    scored_at: Option<Instant>,
    published_ms: i64,
    /// Why the newest picture that is not a repeat has no score.
    hindrance: Option<Quality>,
}

impl Follower {
    pub fn new(live: Live, now: Instant) -> Self {
        Self {
            scored_at: live.graded.is_some().then_some(now),
            published_ms: Utc::now().timestamp_millis(),
            hindrance: live.quality.filter(|q| *q != Quality::Duplicate),
            live,
        }
    }

    /// Takes what the pipeline published. Says whether the page should hear of it at once.
    pub fn note(&mut self, live: Live, now: Instant) -> bool {
        let address = |graded: &Option<Arc<Graded>>| graded.as_ref().map(Arc::as_ptr);
        let scored = address(&live.graded) != address(&self.live.graded);
        if scored {
            self.scored_at = Some(now);
            self.published_ms = Utc::now().timestamp_millis();
        }
        let hindrance = match live.quality {
            Some(Quality::Duplicate) if !scored => self.hindrance,
            Some(Quality::Duplicate) => None,
            other => other,
        };
        let urgent = scored
            || hindrance != self.hindrance
            || live.signal != self.live.signal
            || live.store.fault != self.live.store.fault
            || live.model != self.live.model
            || live.exam != self.live.exam
            || live.next_exam != self.live.next_exam
            || (live.roi, live.reference) != (self.live.roi, self.live.reference);
        self.hindrance = hindrance;
        self.live = live;
        urgent
    }

    /// The score and map that may be shown.
    pub fn shown(&self, now: Instant) -> Result<&Scored, Withheld> {
        if self.live.signal != Signal::Live {
            return Err(Withheld::Signal);
        }
        if let Some(quality) = self.hindrance {
            return Err(Withheld::Quality(quality));
        }
        let graded = self.live.graded.as_deref().ok_or(Withheld::Waiting)?;
        let scored = graded.outcome.as_ref().map_err(|q| Withheld::Quality(*q))?;
        match self.scored_at {
            Some(at) if now.duration_since(at) <= FRESH => Ok(scored),
            _ => Err(Withheld::Stale),
        }
    }

    /// The exam that runs, and what is known of this moment: score, lesion, reference.
    fn point(&self, now: Instant) -> Option<(&str, [Option<f32>; 3])> {
        let exam = self.live.exam.as_ref().filter(|exam| !exam.ended)?;
        let score = self.shown(now).ok().map(|scored| scored.score);
        let powers = self.live.enhancement.filter(|_| self.live.signal == Signal::Live);
        let known = [score, powers.map(|p| p.lesion), powers.and_then(|p| p.reference)];
        known
            .iter()
            .any(Option::is_some)
            .then_some((exam.id.as_str(), known))
    }

    /// Everything, to be written as JSON.
    pub fn state<'a>(&'a self, site: &'a Site, now: Instant) -> State<'a> {
        let shown = self.shown(now);
        State {
            signal: &self.live.signal,
            score: shown.ok().map(|s| s.score),
            withheld: shown.err(),
            published_ms: shown.ok().map(|_| self.published_ms),
            map: shown.ok().map(|s| s.map.rows().collect()),
            quality: self.live.quality,
            exam: self.live.exam.as_ref(),
            pane: self.live.pane,
            roi: self.live.roi,
            layout: &self.live.arranged,
            following: &self.live.following,
            reference: self.live.reference,
            contrast: self.live.contrast,
            next_exam: self.live.next_exam,
            rates: self.live.rates,
            store: &self.live.store,
            panel_fault: self.live.panel_fault.as_deref(),
            model: &self.live.model,
            model_next: self.live.model_next.as_ref(),
            site,
        }
    }

    /// [`Follower::state`] as text.
    pub fn json(&self, site: &Site, now: Instant) -> Utf8Bytes {
        serde_json::to_string(&self.state(site, now))
            .expect("a state has only string keys")
            .into()
    }
}

/// Writes states and trend until it is aborted. A pipeline that is gone makes every score stale.
pub(super) async fn follow(
    mut follower: Follower,
    site: Site,
    mut live: watch::Receiver<Live>,
    states: watch::Sender<Utf8Bytes>,
    trend: watch::Sender<Trend>,
) {
    let mut told = Instant::now();
    let mut urgent = false;
    let mut running = true;
    loop {
        let due = told + if urgent { AT_MOST } else { AT_LEAST };
        tokio::select! {
            changed = live.changed(), if running => {
                running = changed.is_ok();
                let newest = live.borrow_and_update().clone();
                let now = Instant::now();
                urgent |= follower.note(newest, now);
                if let Some((exam, known)) = follower.point(now) {
                    trend.send_if_modified(|trend| trend.note(exam, known, now));
                }
                if !urgent || now < told + AT_MOST {
                    continue;
                }
            }
            () = tokio::time::sleep_until(due.into()) => {}
        }
        told = Instant::now();
        urgent = false;
        states.send_replace(follower.json(&site, told));
    }
}
