//! The bedside page and its API.
//!
//! Runs on tokio and only listens: everything comes through one `watch` that the pipeline writes without waiting,
//! so no client, however slow, costs it a frame. Changes nothing and stores nothing. The page's files are in the
//! binary; nothing is fetched from elsewhere.
//!
//! `follow` decides what of it may be shown and `trend` remembers scores; `picture` encodes the pane; `socket` serves
//! one client; `page` holds the files; `guard` says who may ask.

mod follow;
mod guard;
mod page;
mod picture;
mod socket;
#[cfg(test)]
mod tests;
mod trend;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::ListenerExt;
use axum::{Router, middleware};
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use crate::pipeline::{Live, Site};
use follow::Follower;
use socket::{Feeds, Viewer};
use trend::Trend;

/// How long open connections may take to end once the server stops.
const GRACE: Duration = Duration::from_secs(2);

/// The longest message a client may send, in bytes.
const CLIENT_MESSAGE: usize = 1024;

/// What every handler needs.
#[derive(Clone)]
struct Hub {
    feeds: Feeds,
    viewers: Arc<watch::Sender<usize>>,
}

/// Serves page and API on `listener` until `stop` completes.
///
/// # Errors
/// The system's, when the listener fails.
pub async fn serve(
    listener: TcpListener,
    site: Site,
    live: watch::Receiver<Live>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let bound = listener.local_addr()?;
    let (hub, work) = start(site, live);
    let (stopping, stopped) = oneshot::channel();
    let stop = async move {
        stop.await;
        // The feeds end with their writers, and every client with its feeds.
        drop(work);
        let _ = stopping.send(());
    };
    let listener = listener.tap_io(|tcp| {
        if let Err(error) = tcp.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
    });
    let serving = axum::serve(listener, router(hub, bound)).with_graceful_shutdown(stop);
    tokio::select! {
        result = serving.into_future() => result,
        () = async { let _ = stopped.await; tokio::time::sleep(GRACE).await } => Ok(()),
    }
}

/// Starts the tasks that write the feeds.
fn start(site: Site, live: watch::Receiver<Live>) -> (Hub, JoinSet<()>) {
    let now = Instant::now();
    let follower = Follower::new(live.borrow().clone(), now);
    let (states_in, states) = watch::channel(follower.json(&site, now));
    let (trend_in, trend) = watch::channel(Trend::default());
    let (pictures_in, pictures) = watch::channel(Bytes::new());
    let (viewers, viewers_out) = watch::channel(0);
    let mut work = JoinSet::new();
    work.spawn(follow::follow(follower, site, live.clone(), states_in, trend_in));
    work.spawn(picture::encode(live, viewers_out, pictures_in));
    let hub = Hub {
        feeds: Feeds {
            states,
            trend,
            pictures,
        },
        viewers: Arc::new(viewers),
    };
    (hub, work)
}

fn router(hub: Hub, bound: SocketAddr) -> Router {
    page::routes()
        .route("/api/v1/state", get(state))
        .route("/api/v1/live", get(look))
        .route("/healthz", get(health))
        .layer(middleware::from_fn_with_state(bound, guard::guard))
        .with_state(hub)
}

/// The state that clients of `/api/v1/live` are sent.
async fn state(State(hub): State<Hub>) -> Response {
    if hub.feeds.states.has_changed().is_err() {
        return stopping();
    }
    let json = hub.feeds.states.borrow().clone();
    ([(header::CONTENT_TYPE, "application/json")], Bytes::from(json)).into_response()
}

async fn health(State(hub): State<Hub>) -> Response {
    if hub.feeds.states.has_changed().is_err() {
        return stopping();
    }
    "ok\n".into_response()
}

fn stopping() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response()
}

/// Upgrades to the WebSocket that [`socket`] describes.
async fn look(State(hub): State<Hub>, upgrade: WebSocketUpgrade) -> Response {
    match Viewer::enter(&hub.viewers) {
        Some(viewer) => upgrade
            .max_message_size(CLIENT_MESSAGE)
            .on_upgrade(move |client| socket::show(client, hub.feeds, viewer)),
        None => (StatusCode::SERVICE_UNAVAILABLE, "too many clients\n").into_response(),
    }
}
