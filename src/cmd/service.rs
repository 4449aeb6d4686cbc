//! What systemd is told: that the daemon is ready, that its stages turn, that it ends. Nothing where nobody listens.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};

use sd_notify::NotifyState;

use crate::health::Pulse;

/// Feeds systemd's watchdog until it is dropped.
pub(super) struct Watchdog {
    _lives: Sender<()>,
}

impl Watchdog {
    /// Feeds it from a thread of its own, as long as every stage moves between two looks; four looks go into the time after
    /// which systemd kills.
    pub fn start(mut pulses: Vec<Pulse>) -> Self {
        let (lives, alive) = channel();
        let Some(limit) = sd_notify::watchdog_enabled() else {
            return Self { _lives: lives };
        };
        let feed = move || {
            while alive.recv_timeout(limit / 4) == Err(RecvTimeoutError::Timeout) {
                let still: Vec<&str> = pulses
                    .iter_mut()
                    .filter_map(|pulse| (!pulse.moved()).then_some(pulse.stage))
                    .collect();
                match still.is_empty() {
                    true => tell(NotifyState::Watchdog),
                    false => tracing::error!("hanging: {}", still.join(", ")),
                }
            }
        };
        let thread = std::thread::Builder::new().name("watchdog".into()).spawn(feed);
        thread.expect("the system starts a thread");
        Self { _lives: lives }
    }
}

/// Whether [`ready`] was said once.
static STARTED: AtomicBool = AtomicBool::new(false);

/// Says that pictures can come.
pub(super) fn ready() {
    tell(NotifyState::Ready);
    STARTED.store(true, Ordering::Relaxed);
}

/// Says that what comes before the stages turn goes on: of a reload, systemd waits no longer than for a stage that hangs. Of a start
/// it waits as long as that takes, which may be a store's rebuilding, if nobody feeds its watchdog before.
pub(super) fn getting_ready() {
    if STARTED.load(Ordering::Relaxed) {
        tell(NotifyState::Watchdog);
    }
}

/// Says that this is the end.
pub(super) fn stopping() {
    tell(NotifyState::Stopping);
}

fn tell(what: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[what]) {
        tracing::debug!(%error, "systemd does not listen");
    }
}
