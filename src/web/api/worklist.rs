//! The worklist as it was last seen.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
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

pub(super) async fn list(State(hub): State<Hub>) -> Result<Json<Shown>, Problem> {
    let list = hub.cart.worklist.list().ok_or_else(none)?;
    let age_s = list.asked.map(|at| (Utc::now() - at).num_seconds().max(0));
    Ok(Json(Shown { age_s, list }))
}

pub(super) async fn refresh(State(hub): State<Hub>) -> Result<StatusCode, Problem> {
    hub.cart.worklist.list().ok_or_else(none)?;
    hub.cart.worklist.refresh();
    Ok(StatusCode::ACCEPTED)
}

fn none() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "the config names no [dicom.worklist]")
}
