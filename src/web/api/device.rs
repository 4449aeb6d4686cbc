//! The box itself: heat and clock, room on the disk, what waits to be delivered; the model's card, and the end of the log.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Asked, blocking};
use crate::findings::{self, Finding};
use crate::journal::{self, Line};
use crate::pipeline::ModelView;
use crate::store::{DeliveryState, Space, Store};
use crate::web::Hub;
use crate::web::problem::Problem;
use crate::words::Language;

/// How the box is.
#[derive(Serialize)]
pub(super) struct Device {
    /// What `sonograde doctor` finds of the machine while the daemon runs.
    findings: Vec<Finding>,
    space: Space,
    /// By destination.
    outbox: BTreeMap<String, Outbox>,
    /// The box's clock.
    now: DateTime<Utc>,
}

/// What became of a destination's deliveries that are still in the outbox.
#[derive(Default, Serialize)]
struct Outbox {
    pending: u64,
    sent: u64,
    committed: u64,
    rejected: u64,
    /// The newest failure, for people.
    error: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeviceQuery {
    /// Of the findings.
    #[serde(default)]
    language: Language,
}

pub(super) async fn device(
    State(hub): State<Hub>,
    Asked(query): Asked<DeviceQuery>,
) -> Result<Json<Device>, Problem> {
    let store = hub.cart.store;
    blocking(move || of(&store, query.language).map(Json)).await
}

fn of(store: &Store, language: Language) -> Result<Device, Problem> {
    let now = Utc::now();
    let mut outbox: BTreeMap<String, Outbox> = BTreeMap::new();
    for delivery in store.outbox() {
        let delivery = delivery?;
        let counts = outbox.entry(delivery.address.destination).or_default();
        let count = match delivery.state {
            DeliveryState::Pending => &mut counts.pending,
            DeliveryState::Sent => &mut counts.sent,
            DeliveryState::Committed => &mut counts.committed,
            DeliveryState::Rejected => &mut counts.rejected,
        };
        *count += 1;
        counts.error = delivery.error.or(counts.error.take());
    }
    Ok(Device {
        findings: findings::machine(language),
        space: store.space(now)?,
        outbox,
        now,
    })
}

/// The model in use.
#[derive(Serialize)]
pub(super) struct Model {
    #[serde(flatten)]
    view: ModelView,
    /// Its card, markdown; null for a plain file, which has none.
    card: Option<String>,
}

pub(super) async fn model(State(hub): State<Hub>) -> Json<Model> {
    let view = ModelView::clone(&hub.live.borrow().model);
    let card = view.card.as_deref().map(str::to_owned);
    Json(Model { view, card })
}

/// The end of the log.
#[derive(Serialize)]
pub(super) struct Log {
    lines: Vec<Line>,
}

pub(super) async fn log() -> Json<Log> {
    Json(Log {
        lines: journal::last(),
    })
}
