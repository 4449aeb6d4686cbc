//! What can be asked and told: `/api/v1` beside state and WebSocket.
//!
//! `control` changes the exam by asking the pipeline, `device` looks at the box, `exams` reads the store on tokio's blocking threads, `patient`
//! checks what people type, `settings` changes a few keys of the config. `openapi.json` describes all of it and a test holds it to the routes.

mod control;
mod device;
mod exams;
mod patient;
mod settings;
mod uplink;
mod worklist;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Json, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post, put};
use serde::de::DeserializeOwned;

use super::Hub;
use super::problem::Problem;

/// The longest body that is read, in bytes.
const BODY: usize = 32 * 1024;

pub(super) const OPENAPI: &str = include_str!("openapi.json");

pub(super) fn routes() -> Router<Hub> {
    Router::new()
        .route("/api/v1/openapi.json", get(openapi))
        .route("/api/v1/device", get(device::device))
        .route("/api/v1/model", get(device::model))
        .route("/api/v1/log", get(device::log))
        .route("/api/v1/settings", get(settings::list))
        .route("/api/v1/settings", put(settings::change))
        .route("/api/v1/exam/start", post(control::start))
        .route("/api/v1/exam/stop", post(control::stop))
        .route("/api/v1/exam/marks", post(control::mark))
        .route("/api/v1/exam/patient", put(control::patient))
        .route("/api/v1/screen", put(control::draw))
        .route("/api/v1/exams", get(exams::list))
        .route("/api/v1/exams/{id}", get(exams::one))
        .route("/api/v1/exams/{id}/frames", get(exams::frames))
        .route("/api/v1/exams/{id}/pictures/{seq}", get(exams::picture))
        .route("/api/v1/exams/{id}/export", get(exams::export))
        .route("/api/v1/exams/{id}/patient", put(control::reconcile))
        .route("/api/v1/exams/{id}/notes", put(control::notes))
        .route("/api/v1/exams/{id}/opinion", put(control::opinion))
        .route("/api/v1/exams/{id}/pathology", put(control::pathology))
        .route("/api/v1/uplink", get(uplink::status))
        .route("/api/v1/uplink", post(uplink::act))
        .route("/api/v1/worklist", get(worklist::list))
        .route("/api/v1/worklist", post(worklist::refresh))
        .layer(DefaultBodyLimit::max(BODY))
}

async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI)
}

/// A body whose mistakes are [`Problem`]s.
pub(super) struct Sent<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Sent<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let Json(body) = Json::from_request(request, state).await?;
        Ok(Self(body))
    }
}

/// Parts of a path whose mistakes are [`Problem`]s.
struct Named<T>(T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(named) = Path::from_request_parts(parts, state).await?;
        Ok(Self(named))
    }
}

/// A query whose mistakes are [`Problem`]s.
struct Asked<T>(T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(asked) = Query::from_request_parts(parts, state).await?;
        Ok(Self(asked))
    }
}

/// Runs what waits for the disk where it holds up nobody.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a request failed");
        Err(Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the request failed; see the log",
        ))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    /// Method and path of every route in our source.
    fn routes() -> BTreeSet<String> {
        let code = concat!(include_str!("mod.rs"), include_str!("../mod.rs"));
        let routes = code.split(".route(\"/").skip(1);
        let route = |text: &str| {
            let (path, rest) = text.split_once("\", ")?;
            Some(format!("{} /{path}", rest.split_once('(')?.0))
        };
        routes
            .filter_map(route)
            .filter(|route| !route.contains('…'))
            .collect()
    }

    #[test]
    fn the_document_names_every_route_and_no_other() {
        let document: Value = serde_json::from_str(super::OPENAPI).expect("JSON");
        let paths = document["paths"].as_object().expect("paths");
        let methods = paths.iter().flat_map(|(path, methods)| {
            let methods = methods.as_object().expect("methods").keys();
            methods.map(move |method| format!("{method} {path}"))
        });
        assert_eq!(methods.collect::<BTreeSet<_>>(), routes());
    }
}
