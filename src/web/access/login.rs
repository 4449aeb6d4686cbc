//! Logging in and out.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap};
use axum::response::{IntoResponse, Response};
use axum::{Extension, extract::ConnectInfo};
use serde::{Deserialize, Serialize};

use super::{Access, Peer, Person, Role};
use crate::audit::{Actor, Event};
use crate::web::Hub;
use crate::web::api::{Sent, blocking};
use crate::web::problem::Problem;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Login {
    name: String,
    pin: String,
}

#[derive(Serialize)]
struct LoggedIn {
    name: String,
    role: Role,
}

/// Where there is a login: not at the cart itself.
type Door = Option<Extension<Arc<Access>>>;

fn at_the_cart() -> Problem {
    Problem::new(StatusCode::CONFLICT, "no login is needed at the cart itself")
}

pub(in crate::web) async fn login(
    State(hub): State<Hub>,
    door: Door,
    peer: Option<Extension<ConnectInfo<Peer>>>,
    Sent(login): Sent<Login>,
) -> Result<Response, Problem> {
    let (Some(Extension(access)), Some(Extension(ConnectInfo(Peer(from))))) = (door, peer) else {
        return Err(at_the_cart());
    };
    let turn = Arc::clone(&access.checking).acquire_owned().await;
    access
        .may_try(&login.name, from, Instant::now())
        .map_err(too_often)?;
    let Login { name, pin } = login;
    let (checker, wanted) = (Arc::clone(&access), name.clone());
    let found = blocking(move || {
        let _turn = turn;
        Ok(checker.check(&wanted, &pin))
    })
    .await?;
    let Some(Person { name, role }) = found else {
        access.failed(&name, from, Instant::now());
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "name or PIN is wrong").coded("pin"));
    };
    let person = Person { name, role };
    let cookie = access.enter(&person, from, Instant::now()).map_err(|error| {
        tracing::error!(%error, "nobody can log in: the system gives no random numbers");
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "nobody can log in now; see the log",
        )
    })?;
    let Person { name, role } = person;
    let from = from.to_string();
    hub.cart
        .audit
        .record_by(Actor::named(&name), Event::LoggedIn { from });
    Ok(([(header::SET_COOKIE, cookie)], Json(LoggedIn { name, role })).into_response())
}

pub(in crate::web) async fn logout(
    State(hub): State<Hub>,
    door: Door,
    peer: Option<Extension<ConnectInfo<Peer>>>,
    person: Option<Extension<Person>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (Some(Extension(access)), Some(Extension(ConnectInfo(Peer(from)))), Some(Extension(person))) =
        (door, peer, person)
    else {
        return Err(at_the_cart());
    };
    let cookie = access.leave(&headers);
    let from = from.to_string();
    hub.cart
        .audit
        .record_by(Actor::named(&person.name), Event::LoggedOut { from });
    Ok(([(header::SET_COOKIE, cookie)], Json(serde_json::json!({}))).into_response())
}

/// Tried too often.
pub(in crate::web) fn too_often(seconds: u64) -> Problem {
    Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        format!("tried too often; try again in {seconds} s"),
    )
    .coded("too-often")
}
