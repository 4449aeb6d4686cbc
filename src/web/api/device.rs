//! The box itself: heat and clock, room on the disk, and what waits to be delivered.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::blocking;
use crate::cmd::doctor::{self, Finding};
use crate::store::{DeliveryState, Space, Store};
use crate::web::Hub;
use crate::web::problem::Problem;

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

pub(super) async fn device(State(hub): State<Hub>) -> Result<Json<Device>, Problem> {
    let store = hub.cart.store;
    blocking(move || of(&store).map(Json)).await
}

fn of(store: &Store) -> Result<Device, Problem> {
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
        findings: doctor::of_machine(),
        space: store.space(now)?,
        outbox,
        now,
    })
}
