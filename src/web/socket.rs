//! One client that looks: the newest state, trend and picture over a WebSocket, in lockstep.
//!
//! Messages come in batches: a trend (text) and a picture (binary, JPEG) if they are new, then always a state
//! (text). The client answers each state with any text; only then is the next batch sent. So a slow client or
//! network never sees old news, and a stalled one holds one batch of memory until it is hung up on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use tokio::sync::watch;
use tokio::time::{sleep_until, timeout};

use super::trend::{Cursor, Trend};

/// A client that takes longer for a batch is hung up on.
const PATIENCE: Duration = Duration::from_secs(5);

/// Clients at a time.
const MOST_VIEWERS: usize = 16;

/// Counts a client for as long as it lives.
pub(super) struct Viewer(Arc<watch::Sender<usize>>);

impl Viewer {
    /// One more client, unless there are too many.
    pub fn enter(viewers: &Arc<watch::Sender<usize>>) -> Option<Self> {
        let room = viewers.send_if_modified(|n| {
            let room = *n < MOST_VIEWERS;
            *n += usize::from(room);
            room
        });
        room.then(|| Self(viewers.clone()))
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.0.send_modify(|n| *n -= 1);
    }
}

/// What a client is sent from.
#[derive(Clone)]
pub(super) struct Feeds {
    pub states: watch::Receiver<Utf8Bytes>,
    pub trend: watch::Receiver<Trend>,
    pub pictures: watch::Receiver<Bytes>,
}

impl Feeds {
    /// The next batch once a state or picture is new; none when the server stops.
    async fn next(&mut self, cursor: &mut Cursor) -> Option<Vec<Message>> {
        let new_picture = tokio::select! {
            state = self.states.changed() => { state.ok()?; self.pictures.has_changed().ok()? }
            picture = self.pictures.changed() => { picture.ok()?; true }
        };
        let mut batch = Vec::with_capacity(3);
        if let Some(news) = self.trend.borrow_and_update().since(cursor) {
            let text = serde_json::to_string(&news).expect("a trend has only string keys");
            batch.push(Message::Text(text.into()));
        }
        if new_picture {
            batch.push(Message::Binary(self.pictures.borrow_and_update().clone()));
        }
        batch.push(Message::Text(self.states.borrow_and_update().clone()));
        Some(batch)
    }
}

/// Serves one client until it leaves, stalls, or the server stops.
pub(super) async fn show(mut socket: WebSocket, mut feeds: Feeds, _viewer: Viewer) {
    let mut cursor = Cursor::default();
    let mut ready = true;
    let mut sent = Instant::now();
    let mut stopped = feeds.states.clone();
    feeds.states.mark_changed();
    feeds.pictures.mark_unchanged();
    loop {
        tokio::select! {
            said = socket.recv() => match said {
                Some(Ok(Message::Text(_))) => ready = true,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                _ => return,
            },
            batch = feeds.next(&mut cursor), if ready => {
                let Some(batch) = batch else { return };
                for message in batch {
                    if !matches!(timeout(PATIENCE, socket.send(message)).await, Ok(Ok(()))) {
                        return;
                    }
                }
                (ready, sent) = (false, Instant::now());
            }
            () = sleep_until((sent + PATIENCE).into()), if !ready => return,
            () = async { while stopped.changed().await.is_ok() {} } => return,
        }
    }
}
