//! Changes of the state as server-sent events (HTML, section 9.2): for programs that need no picture and no score.
//!
//! Each event is `state` with what it is about now: signal, exam, store, panel, model; one when a client comes, then one for each
//! change. A client that is too slow misses changes, never the newest.

use std::convert::Infallible;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{Stream, unfold};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::Hub;
use super::access::{self, Pass};
use super::socket::Viewer;
use crate::pipeline::Live;

/// A comment is sent after this long without a change, so that a dead connection is noticed.
const ALIVE: Duration = Duration::from_secs(15);

/// What a change is a change of.
fn summary(live: &Live) -> Value {
    let exam = live.exam.as_ref();
    json!({
        "signal": live.signal,
        "exam": exam.map(|exam| json!({
            "id": exam.id,
            "ended": exam.ended,
            "verdict": exam.verdict.verdict,
            "patient": exam.patient,
            "marks": exam.marks,
            "accepted": exam.accepted,
        })),
        "store_fault": live.store.fault,
        "panel_fault": live.panel_fault,
        "model": live.model.model,
        "model_next": live.model_next,
    })
}

/// One client's place.
struct Events {
    live: watch::Receiver<Live>,
    told: Option<Value>,
    pass: Option<Pass>,
    _viewer: Viewer,
}

impl Events {
    /// The next change; none when the pipeline is gone, or who listens is logged out.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if self.told.is_some() {
                tokio::select! {
                    changed = self.live.changed() => changed.ok()?,
                    () = access::over(self.pass.as_ref()) => return None,
                }
            }
            let now = summary(&self.live.borrow_and_update());
            if self.told.as_ref() != Some(&now) {
                self.told = Some(now.clone());
                return Some(now);
            }
        }
    }
}

fn stream(events: Events) -> impl Stream<Item = Result<Event, Infallible>> {
    unfold(events, |mut events| async move {
        let now = events.next().await?;
        let event = Event::default().event("state").data(now.to_string());
        Some((Ok(event), events))
    })
}

pub(super) async fn events(State(hub): State<Hub>, pass: Option<Extension<Pass>>) -> Response {
    let Some(viewer) = Viewer::enter(&hub.viewers) else {
        return super::crowded().into_response();
    };
    let events = Events {
        live: hub.live,
        told: None,
        pass: pass.map(|Extension(pass)| pass),
        _viewer: viewer,
    };
    let alive = KeepAlive::new().interval(ALIVE);
    Sse::new(stream(events)).keep_alive(alive).into_response()
}
