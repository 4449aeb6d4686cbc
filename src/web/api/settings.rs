//! What may be set at the bedside: a few keys of the config, checked as the config is.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::{Sent, blocking};
use crate::audit::Event;
use crate::config::{Bedside, BedsideError, ConfigError, Setting};
use crate::web::Hub;
use crate::web::access::Who;
use crate::web::problem::Problem;

/// What is set.
#[derive(Serialize)]
pub(super) struct Settings {
    settings: Vec<Setting>,
    /// Whether something was changed that does not hold yet, because an exam runs.
    waits: bool,
}

impl Settings {
    fn of(bedside: &Bedside) -> Result<Self, Problem> {
        Ok(Self {
            settings: bedside.settings()?,
            waits: bedside.waits(),
        })
    }
}

/// No content where there is no config.
pub(super) async fn list(State(hub): State<Hub>) -> Result<Response, Problem> {
    let Some(bedside) = hub.cart.bedside else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    let settings = blocking(move || Settings::of(&bedside)).await?;
    Ok(Json(settings).into_response())
}

pub(super) async fn change(
    State(hub): State<Hub>,
    Who(who): Who,
    Sent(wanted): Sent<BTreeMap<String, Option<toml::Value>>>,
) -> Result<Json<Settings>, Problem> {
    let (Some(bedside), audit) = (hub.cart.bedside, hub.cart.audit) else {
        let words = "there is no config to set anything over: this is a demo";
        return Err(Problem::new(StatusCode::CONFLICT, words));
    };
    blocking(move || {
        if let Some(change) = bedside.set(wanted)? {
            tracing::info!("set at the bedside: {}", change.set);
            let event = Event::ConfigChanged {
                before: change.before,
                now: change.now,
                set: Some(change.set),
            };
            audit.record_by(who, event);
        }
        Settings::of(&bedside).map(Json)
    })
    .await
}

impl From<ConfigError> for Problem {
    fn from(error: ConfigError) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, crate::one_line(&error))
    }
}

impl From<BedsideError> for Problem {
    fn from(error: BedsideError) -> Self {
        match error {
            BedsideError::Refused(words) => Self::invalid(words),
            error => Self::new(StatusCode::SERVICE_UNAVAILABLE, crate::one_line(&error)),
        }
    }
}
