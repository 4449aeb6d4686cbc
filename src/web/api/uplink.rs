//! How deliveries stand, and what people tell the uplink.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::control::short;
use super::{Sent, blocking};
use crate::audit::Event;
use crate::store::{Delivery, DeliveryState};
use crate::uplink::{Condition, Selection};
use crate::web::access::Who;
use crate::web::problem::Problem;
use crate::web::{Cart, Hub};

/// Deliveries that were set aside and are listed.
const MOST_REJECTED: usize = 200;
/// The longest reason, in characters.
const LONGEST_REASON: usize = 200;

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
    given_up: usize,
}

impl Destination {
    fn of(condition: Condition) -> Self {
        Self {
            condition,
            committed: 0,
            rejected: 0,
            given_up: 0,
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
                DeliveryState::Rejected if delivery.given_up => destination.given_up += 1,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Act {
    Push,
    Pause,
    Resume,
    Retry,
    Verify,
    GiveUp,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    act: Act,
    exam: Option<String>,
    destination: Option<String>,
    object: Option<String>,
    /// With `push`: exams that ended since then are owed to destinations that they never were owed to.
    since: Option<DateTime<Utc>>,
    /// With `give-up`.
    reason: Option<String>,
}

/// How many exams or deliveries it was done to, where that is known.
#[derive(Serialize)]
pub(super) struct Acted {
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<usize>,
}

pub(super) async fn act(
    State(hub): State<Hub>,
    Who(who): Who,
    Sent(order): Sent<Order>,
) -> Result<(StatusCode, Json<Acted>), Problem> {
    let which = Selection {
        exam: order.exam,
        destination: order.destination,
        object: order.object,
    };
    let Cart {
        uplink, store, audit, ..
    } = hub.cart;
    // What is owed to a destination that is gone can only be given up.
    if order.act != Act::GiveUp {
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
    }
    let mut count = None;
    match order.act {
        Act::Push => {
            if let Some(since) = order.since {
                let uplink = uplink.clone();
                count = Some(blocking(move || Ok(uplink.owe(&store, since)?)).await?);
            }
            uplink.push(&which);
        }
        Act::Pause => uplink.pause(&which, true),
        Act::Resume => uplink.pause(&which, false),
        Act::Retry => uplink.retry(&which),
        Act::Verify => uplink.verify(&which),
        Act::GiveUp => {
            let (Some(id), Some(reason)) = (which.exam.clone(), order.reason) else {
                return Err(Problem::invalid("give-up: expected exam and reason"));
            };
            short("reason", &reason, LONGEST_REASON)?;
            let given_up = blocking(move || {
                let exam = store.exam(&id)?.ok_or_else(|| Problem::no_exam(&id))?;
                let count = uplink.give_up(&store, &which, &reason)?;
                if count > 0 {
                    let to = which.destination.as_deref();
                    audit.record_by(who, Event::given_up(&exam, to, &reason));
                }
                Ok(count)
            });
            count = Some(given_up.await?);
        }
    }
    Ok((StatusCode::ACCEPTED, Json(Acted { count })))
}
