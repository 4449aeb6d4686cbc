//! The served page over real sockets.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};

use super::client::{self, Client, Said};
use super::{scored, site, starting};
use crate::audit::{Recorder, Trail};
use crate::pipeline::{Control, Live};
use crate::store::Store;
use crate::web::{Cart, GRACE, serve};

/// A server on a port of its own, and the pipeline's end of its `watch`.
struct Server {
    runtime: tokio::runtime::Runtime,
    address: std::net::SocketAddr,
    live: watch::Sender<Live>,
    stop: oneshot::Sender<()>,
    served: tokio::task::JoinHandle<std::io::Result<()>>,
    _store: tempfile::TempDir,
}

impl Server {
    fn start() -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let (live, receiver) = watch::channel(starting());
        let (stop, stopped) = oneshot::channel::<()>();
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .expect("a free port");
        let address = listener.local_addr().expect("its address");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let cart = Cart {
            control: Control::new().0,
            store: Arc::new(Store::open(folder.path()).expect("a new store")),
            audit: Recorder::start(Trail::of_store(folder.path())).0,
            uplink: crate::uplink::Handle::default(),
            worklist: crate::uplink::worklist::Worklist::default(),
            bedside: None,
        };
        let served = runtime.spawn(serve(listener, None, site(), receiver, cart, async {
            let _ = stopped.await;
        }));
        Self {
            runtime,
            address,
            live,
            stop,
            served,
            _store: folder,
        }
    }
}

#[test]
fn every_answer_carries_the_strict_headers() {
    let server = Server::start();
    for (path, status, media) in [
        ("/", 200, "text/html"),
        ("/app.js", 200, "text/javascript"),
        ("/style.css", 200, "text/css"),
        ("/api/v1/state", 200, "application/json"),
        ("/healthz", 200, "text/plain"),
        ("/metrics", 200, "version=0.0.4"),
        ("/../Cargo.toml", 404, ""),
        ("/page/index.html", 404, ""),
    ] {
        let answer = client::get(server.address, path, &[("Host", "localhost")]);
        assert!(
            answer.starts_with(&format!("http/1.1 {status} ")),
            "{path}: {answer}"
        );
        assert!(
            answer.contains("content-security-policy: default-src 'self';"),
            "{path}"
        );
        assert!(answer.contains("x-content-type-options: nosniff"), "{path}");
        assert!(answer.contains("cache-control: no-store"), "{path}");
        assert!(answer.contains(media), "{path}: {answer}");
    }
}

#[test]
fn foreign_names_and_foreign_pages_are_refused() {
    let server = Server::start();
    let status =
        |path: &str, headers: &[(&str, &str)]| client::get(server.address, path, headers)[9..12].to_owned();
    assert_eq!(status("/", &[("Host", "evil.example")]), "421");
    assert_eq!(status("/api/v1/state", &[("Host", "evil.example:8390")]), "421");
    let host = server.address.to_string();
    let upgrade = |origin: &str| {
        let mut headers = client::UPGRADE.to_vec();
        headers.extend([("Host", host.as_str()), ("Origin", origin)]);
        status("/api/v1/live", &headers)
    };
    assert_eq!(upgrade("http://evil.example"), "403");
    assert_eq!(upgrade(&format!("http://{host}")), "101");
}

#[test]
fn a_client_gets_the_trend_the_state_and_a_picture_of_the_pane_alone() {
    let server = Server::start();
    server.live.send_replace(scored(1, 0.75));
    let mut client = Client::connect(server.address);
    let (mut pictures, mut trends, mut scores) = (Vec::new(), Vec::new(), Vec::new());
    let start = Instant::now();
    for seq in 2.. {
        server.live.send_replace(scored(seq, 0.75));
        for said in client.batch() {
            match said {
                Said::Text(text) if text["type"] == "trend" => trends.push(text),
                Said::Text(text) => scores.push(text["score"].clone()),
                Said::Binary(bytes) => pictures.push(bytes),
            }
        }
        client.answer();
        if !pictures.is_empty() && !trends.is_empty() && scores.contains(&0.75.into()) {
            break;
        }
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "no picture, trend or score"
        );
    }
    assert_eq!(trends[0]["restart"], true);
    assert_eq!(trends[0]["points"][0][1], 0.75);
    let picture = image::load_from_memory(&pictures[0]).expect("a JPEG").to_rgb8();
    assert_eq!(picture.dimensions(), (640, 426), "900 × 600, scaled");
    let grey = |pixel: &image::Rgb<u8>| pixel.0.iter().all(|c| c.abs_diff(130) < 4);
    assert!(picture.pixels().all(grey), "nothing from outside the pane");
}

#[test]
fn a_stalled_client_does_not_hold_up_another_and_is_hung_up_on() {
    let server = Server::start();
    let mut stalled = Client::connect(server.address);
    let mut other = Client::connect(server.address);
    let start = Instant::now();
    for seq in 0..40 {
        server.live.send_replace(scored(seq, 0.5));
        other.batch();
        other.answer();
    }
    assert!(
        start.elapsed() < Duration::from_secs(8),
        "40 batches at 5 a second or more"
    );
    assert!(stalled.is_hung_up());
}

#[test]
fn a_silent_pipeline_is_said_within_the_time_limit() {
    let server = Server::start();
    let mut client = Client::connect(server.address);
    server.live.send_replace(scored(1, 0.5));
    let start = Instant::now();
    let mut shown = false;
    while start.elapsed() < Duration::from_secs(5) {
        let heard = Instant::now();
        for said in client.batch() {
            let Said::Text(text) = said else { continue };
            shown |= text["score"] == 0.5;
            if shown && text["withheld"] == "stale" {
                return;
            }
        }
        assert!(heard.elapsed() < Duration::from_secs(1), "silent for too long");
        client.answer();
    }
    panic!("the last score is still shown, or never was: {shown}");
}

#[test]
fn the_page_outlives_the_pipeline() {
    let Server {
        runtime: _runtime,
        address,
        live,
        stop: _stop,
        ..
    } = Server::start();
    let mut client = Client::connect(address);
    drop(live);
    for _ in 0..5 {
        let batch = client.batch();
        assert!(matches!(&batch[..], [Said::Text(text)] if text["withheld"] == "signal"));
        client.answer();
    }
    Client::connect(address).batch();
}

#[test]
fn stopping_hangs_up_on_clients() {
    let server = Server::start();
    let mut client = Client::connect(server.address);
    client.batch();
    let start = Instant::now();
    server.stop.send(()).expect("the server runs");
    let served = server.runtime.block_on(server.served).expect("no panic");
    served.expect("no error");
    assert!(client.is_hung_up());
    assert!(start.elapsed() < GRACE + Duration::from_secs(1));
}
