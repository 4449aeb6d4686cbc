//! The bedside page and its API.
//!
//! Runs on tokio. What is shown comes through one `watch` that the pipeline writes without waiting, so no client, however
//! slow, costs it a frame; what is changed is asked of the pipeline. Stores nothing itself. The page's files are in the
//! binary; nothing is fetched from elsewhere.
//!
//! `follow` decides what of it may be shown and `trend` remembers scores; `picture` encodes the pane; `socket` serves
//! one client; `page` holds the files; `api` is what can be
//! asked beside the live picture; `events` tells programs of changes; `guard` says who may ask, by `access` on the network;
//! `problem` is how they are told what is wrong.

mod access;
mod api;
mod events;
mod follow;
mod guard;
mod metrics;
mod page;
mod picture;
mod problem;
mod socket;
#[cfg(test)]
mod tests;
mod trend;

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use axum::{Extension, Router, middleware};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::task::JoinSet;

use crate::audit::Recorder;
use crate::config::Bedside;
use crate::pipeline::{Control, Live, Site};
use crate::store::Store;
use crate::uplink;
use access::{Access, Pass, Peer, TlsListener};
pub use access::{Network, Role, SHORTEST_PIN, TlsError, User, pin_hash, server_config, token};
use follow::Follower;
use guard::Door;
use problem::Problem;
use socket::{Feeds, Viewer};
use trend::Trend;

/// How long open connections may take to end once the server stops.
const GRACE: Duration = Duration::from_secs(2);

/// The longest message a client may send, in bytes.
const CLIENT_MESSAGE: usize = 1024;

/// What the page shows and changes beside the live picture.
#[derive(Clone)]
pub struct Cart {
    /// The way to ask the pipeline.
    pub control: Control,
    /// Exams of before.
    pub store: Arc<Store>,
    /// What leaves the cart is recorded.
    pub audit: Recorder,
    /// Where finished exams are delivered.
    pub uplink: uplink::Handle,
    /// Orders to choose from.
    pub worklist: uplink::worklist::Worklist,
    /// What may be set; nothing where there is no config.
    pub bedside: Option<Bedside>,
}

/// What every handler needs.
#[derive(Clone)]
struct Hub {
    cart: Cart,
    live: watch::Receiver<Live>,
    feeds: Feeds,
    /// One export at a time: each is held in memory.
    exports: Arc<Semaphore>,
    viewers: Arc<watch::Sender<usize>>,
}

/// The page for other machines, ready to be served.
pub struct Remote {
    listener: std::net::TcpListener,
    tls: Arc<tokio_rustls::rustls::ServerConfig>,
    settings: Network,
}

impl Remote {
    /// `listener` is bound to the address of `settings`.
    ///
    /// # Errors
    /// [`TlsError`] if certificate or key cannot be used.
    pub fn new(listener: std::net::TcpListener, settings: Network) -> Result<Self, TlsError> {
        let tls = server_config(&settings)?;
        Ok(Self {
            listener,
            tls,
            settings,
        })
    }
}

/// Serves page and API on `listener`, which is for this machine alone, and to other machines as `remote` says, until `stop`
/// completes.
///
/// # Errors
/// The system's, when the listener fails.
pub async fn serve(
    listener: TcpListener,
    remote: Option<Remote>,
    site: Site,
    live: watch::Receiver<Live>,
    cart: Cart,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let bound = listener.local_addr()?;
    let (hub, work) = start(site, live, cart);
    let (stopping, stopped) = oneshot::channel();
    let (ending, ended) = watch::channel(false);
    let stop = async move {
        stop.await;
        // The feeds end with their writers, and every client with its feeds.
        drop(work);
        ending.send_replace(true);
        let _ = stopping.send(());
    };
    let _remote = match remote {
        Some(remote) => Some(abroad(remote, hub.clone(), ended)?),
        None => None,
    };
    let listener = listener.tap_io(|tcp| {
        if let Err(error) = tcp.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
    });
    let serving = axum::serve(listener, router(hub, Door::cart(bound))).with_graceful_shutdown(stop);
    tokio::select! {
        result = serving.into_future() => result,
        () = async { let _ = stopped.await; tokio::time::sleep(GRACE).await } => Ok(()),
    }
}

/// Serves other machines until `ended` says so; they are hung up on when the answer is dropped.
fn abroad(remote: Remote, hub: Hub, mut ended: watch::Receiver<bool>) -> std::io::Result<JoinSet<()>> {
    let Remote {
        listener,
        tls,
        settings,
    } = remote;
    let bound = listener.local_addr()?;
    let listener = TlsListener::new(TcpListener::from_std(listener)?, tls)?;
    let door = Door::network(
        bound,
        settings.names,
        Arc::new(Access::new(settings.users, hub.cart.audit.clone())),
    );
    let service = router(hub, door).into_make_service_with_connect_info::<Peer>();
    let mut task = JoinSet::new();
    task.spawn(async move {
        let stop = async move { drop(ended.wait_for(|ended| *ended).await) };
        if let Err(error) = axum::serve(listener, service).with_graceful_shutdown(stop).await {
            tracing::error!(%error, "the page for other machines failed");
        }
    });
    Ok(task)
}

/// Starts the tasks that write the feeds.
fn start(site: Site, live: watch::Receiver<Live>, cart: Cart) -> (Hub, JoinSet<()>) {
    let now = Instant::now();
    let follower = Follower::new(live.borrow().clone(), now);
    let (states_in, states) = watch::channel(follower.json(&site, now));
    let (trend_in, trend) = watch::channel(Trend::default());
    let (pictures_in, pictures) = watch::channel(Bytes::new());
    let (viewers, viewers_out) = watch::channel(0);
    let mut work = JoinSet::new();
    work.spawn(follow::follow(follower, site, live.clone(), states_in, trend_in));
    work.spawn(picture::encode(live.clone(), viewers_out, pictures_in));
    let hub = Hub {
        cart,
        live,
        exports: Arc::new(Semaphore::new(1)),
        feeds: Feeds {
            states,
            trend,
            pictures,
        },
        viewers: Arc::new(viewers),
    };
    (hub, work)
}

fn router(hub: Hub, door: Door) -> Router {
    page::routes()
        .merge(api::routes())
        .route("/api/v1/state", get(state))
        .route("/api/v1/live", get(look))
        .route("/api/v1/events", get(events::events))
        .route("/api/v1/login", post(access::login))
        .route("/api/v1/logout", post(access::logout))
        .route("/healthz", get(health))
        .route("/metrics", get(numbers))
        .fallback(nothing)
        .method_not_allowed_fallback(not_so)
        .layer(middleware::from_fn_with_state(door, guard::guard))
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

async fn numbers(State(hub): State<Hub>) -> Response {
    let text = metrics::text(
        &hub.live.borrow(),
        *hub.viewers.borrow(),
        &hub.cart.uplink.conditions(),
    );
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

async fn health(State(hub): State<Hub>) -> Response {
    if hub.feeds.states.has_changed().is_err() {
        return stopping();
    }
    "ok\n".into_response()
}

fn stopping() -> Response {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the program is stopping").into_response()
}

async fn nothing() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "there is nothing here; /api/v1/openapi.json lists what there is",
    )
}

async fn not_so() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "not with this method; see /api/v1/openapi.json",
    )
}

/// Upgrades to the WebSocket that [`socket`] describes.
async fn look(State(hub): State<Hub>, pass: Option<Extension<Pass>>, upgrade: WebSocketUpgrade) -> Response {
    let pass = pass.map(|Extension(pass)| pass);
    match Viewer::enter(&hub.viewers) {
        Some(viewer) => upgrade
            .max_message_size(CLIENT_MESSAGE)
            .on_upgrade(move |client| async move {
                tokio::select! {
                    () = socket::show(client, hub.feeds, viewer) => {}
                    () = access::over(pass.as_ref()) => {}
                }
            }),
        None => crowded().into_response(),
    }
}

fn crowded() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too many clients look at once")
}
