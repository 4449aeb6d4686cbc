//! The daemon that runs with the same config, asked over its page.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use serde_json::Value;

use crate::cmd::daemon::listen;
use crate::findings::Finding;

/// How long the page may take for an answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a running daemon says of itself.
pub(super) struct Daemon {
    state: Value,
}

impl Daemon {
    /// The daemon that listens there, if one does.
    pub fn find(address: &str) -> Option<Self> {
        let place = address.to_socket_addrs().ok()?.next()?;
        let mut stream = TcpStream::connect_timeout(&place, PATIENCE).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        write!(
            stream,
            "GET /api/v1/state HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
        )
        .ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let state: Value = serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()?;
        (state["type"] == "state").then_some(Self { state })
    }

    /// The signal's state, and why it is not `live`.
    pub fn signal(&self) -> (&str, &str) {
        let word = |key| self.state["signal"][key].as_str().unwrap_or_default();
        (word("state"), word("reason"))
    }

    /// Frames a second that come, and that are new and scored.
    pub fn rates(&self) -> (f64, f64) {
        let rate = |key| self.state["rates"][key].as_f64().unwrap_or_default();
        (rate("captured_fps"), rate("new_fps"))
    }

    /// Why results are not being stored.
    pub fn store_fault(&self) -> Option<String> {
        self.state["store"]["fault"].as_str().map(Into::into)
    }

    /// Why there is no panel.
    pub fn panel_fault(&self) -> Option<String> {
        self.state["panel_fault"].as_str().map(Into::into)
    }

    fn version(&self) -> &str {
        self.state["version"].as_str().unwrap_or_default()
    }
}

/// Whether a daemon runs; the page's address where none does.
pub(super) fn finding(daemon: Option<&Daemon>, address: &str) -> Finding {
    match (daemon, listen(address)) {
        (Some(daemon), _) if daemon.version() != env!("CARGO_PKG_VERSION") => {
            let found = format!("{} runs, this program is another", daemon.version());
            Finding::warning("daemon", found, "systemctl restart sonograde")
        }
        (Some(daemon), _) => Finding::ok(
            "daemon",
            format!("{} runs, page on http://{address}", daemon.version()),
        ),
        (None, Ok(_)) => {
            let advice = "systemctl start sonograde, or sonograde run --config FILE";
            Finding::warning("daemon", "does not run", advice)
        }
        (None, Err(failure)) => {
            let advice = "stop the other program, or change listen in [web]";
            Finding::fault("daemon", failure.error.to_string(), advice)
        }
    }
}
