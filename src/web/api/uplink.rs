//! How deliveries stand, and what people tell the uplink.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::{Sent, blocking};
use crate::store::{Delivery, DeliveryState};
use crate::uplink::{Condition, Selection};
use crate::web::Hub;
use crate::web::problem::Problem;

/// Deliveries that were set aside and are listed.
const MOST_REJECTED: usize = 200;

/// How deliveries stand.
#[derive(Serialize)]
pub(super) struct Standing {
    destinations: Vec<Destination>,
    /// What was set aside, oldest first, with the reason.
    rejected: Vec<Delivery>,
}

#[derive(Serialize)]
struct Destination {
    #[serde(flatten)]
    condition: Condition,
    committed: usize,
    rejected: usize,
}

impl Destination {
    fn of(condition: Condition) -> Self {
        Self {
            condition,
            committed: 0,
            rejected: 0,
        }
    }

    /// One that the config names no more.
    fn lost(name: &str) -> Self {
        Self::of(Condition {
            name: name.to_owned(),
            down: Some("the config names no destination of this name".into()),
            ..Condition::default()
        })
    }

    fn is_lost(&self) -> bool {
        self.condition.kind.is_empty()
    }
}

pub(super) async fn status(State(hub): State<Hub>) -> Result<Json<Standing>, Problem> {
    let (store, conditions) = (hub.cart.store, hub.cart.uplink.conditions());
    blocking(move || {
        let mut destinations: BTreeMap<String, Destination> = conditions
            .into_iter()
            .map(|condition| (condition.name.clone(), Destination::of(condition)))
            .collect();
        let mut rejected = Vec::new();
        // A damaged record is missing here; `sonograde check` names it.
        for delivery in store.outbox().filter_map(Result::ok) {
            let name = &delivery.address.destination;
            let destination = destinations
                .entry(name.clone())
                .or_insert_with(|| Destination::lost(name));
            match delivery.state {
                DeliveryState::Committed => destination.committed += 1,
                DeliveryState::Rejected => {
                    destination.rejected += 1;
                    if rejected.len() < MOST_REJECTED {
                        rejected.push(delivery);
                    }
                }
                DeliveryState::Pending if destination.is_lost() => destination.condition.pending += 1,
                DeliveryState::Sent if destination.is_lost() => destination.condition.sent += 1,
                // The worker knows better than the store.
                DeliveryState::Pending | DeliveryState::Sent => {}
            }
        }
        Ok(Json(Standing {
            destinations: destinations.into_values().collect(),
            rejected,
        }))
    })
    .await
}

/// What is to be done.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Act {
    Push,
    Pause,
    Resume,
    Retry,
    Verify,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    act: Act,
    exam: Option<String>,
    destination: Option<String>,
    object: Option<String>,
}

pub(super) async fn act(State(hub): State<Hub>, Sent(order): Sent<Order>) -> Result<StatusCode, Problem> {
    let which = Selection {
        exam: order.exam,
        destination: order.destination,
        object: order.object,
    };
    let uplink = hub.cart.uplink;
    if uplink.is_empty() {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "the config names no [[uplink]]",
        ));
    }
    if let Some(name) = which.destination.as_ref().filter(|name| !uplink.knows(name)) {
        return Err(Problem::new(
            StatusCode::NOT_FOUND,
            format!("there is no destination {name}; the config names them as [[uplink]]"),
        ));
    }
    match order.act {
        Act::Push => uplink.push(&which),
        Act::Pause => uplink.pause(&which, true),
        Act::Resume => uplink.pause(&which, false),
        Act::Retry => uplink.retry(&which),
        Act::Verify => uplink.verify(&which),
    }
    Ok(StatusCode::ACCEPTED)
}
