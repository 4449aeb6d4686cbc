//! The worklist as it was last seen.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use serde::Serialize;

use crate::uplink::worklist::List;
use crate::web::Hub;
use crate::web::problem::Problem;

/// The list with its age.
#[derive(Serialize)]
pub(super) struct Shown {
    /// Seconds since the server answered last; absent if it never did.
    age_s: Option<i64>,
    #[serde(flatten)]
    list: List,
}

/// No content where the config names no worklist.
pub(super) async fn list(State(hub): State<Hub>) -> Response {
    let Some(list) = hub.cart.worklist.list() else {
        return StatusCode::NO_CONTENT.into_response();
    };
    let age_s = list.asked.map(|at| (Utc::now() - at).num_seconds().max(0));
    Json(Shown { age_s, list }).into_response()
}

pub(super) async fn refresh(State(hub): State<Hub>) -> Result<StatusCode, Problem> {
    if hub.cart.worklist.list().is_none() {
        return Err(none());
    }
    hub.cart.worklist.refresh();
    Ok(StatusCode::ACCEPTED)
}

fn none() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "the config names no [dicom.worklist]")
}
