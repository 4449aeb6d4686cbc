//! A running `sonograde run` and its page.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::common::{folder, sonograde, text};

/// A running daemon, killed when it goes out of scope.
pub struct Daemon {
    pub child: Child,
    pub folder: TempDir,
    address: String,
}

impl Daemon {
    /// With this `[source]`, and whatever sections follow it.
    pub fn start(source: &str) -> Self {
        Self::start_in(folder(), source, "")
    }

    /// In a folder whose `store` may be there already, with sections of their own after the others.
    pub fn start_in(folder: TempDir, source: &str, sections: &str) -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|l| l.local_addr())
            .expect("a free port");
        let config = folder.path().join("sonograde.toml");
        let store = text(&folder.path().join("store")).to_owned();
        let body = format!(
            "[source]\n{source}\n[store]\npath = \"{store}\"\n[web]\nlisten = \"{port}\"\n{sections}\n"
        );
        std::fs::write(&config, body).expect("a config");
        let child = sonograde()
            .args(["run", "--config", text(&config)])
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        Self {
            child,
            address: port.to_string(),
            folder,
        }
    }

    /// The page's state, once `wanted` holds of it.
    pub fn state(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut last = Value::Null;
        while Instant::now() < deadline {
            if let Some(state) = self.get("/api/v1/state") {
                if wanted(&state) {
                    return state;
                }
                last = state;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the daemon did not get there: {last}");
    }

    fn get(&self, path: &str) -> Option<Value> {
        let (_, body) = self.request("GET", path, None)?;
        serde_json::from_slice(&body).ok()
    }

    /// Status and body of an answer.
    pub fn request(&self, method: &str, path: &str, body: Option<&Value>) -> Option<(u16, Vec<u8>)> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        let body = body.map(Value::to_string);
        let length = body.as_ref().map_or(String::new(), |body| {
            format!(
                "Content-Type: application/json\r\nContent-Length: {}\r\n",
                body.len()
            )
        });
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{length}\r\n{}",
            self.address,
            body.unwrap_or_default()
        );
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let head = answer.windows(4).position(|end| end == b"\r\n\r\n")?;
        let status = std::str::from_utf8(answer.get(9..12)?).ok()?.parse().ok()?;
        Some((status, answer.split_off(head + 4)))
    }

    /// Asks it to stop and gives what it logged.
    pub fn stop(mut self) -> String {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .arg(&pid)
                .status()
                .expect("kill is there")
                .success()
        );
        let mut log = String::new();
        let stderr = self.child.stderr.as_mut().expect("piped");
        stderr.read_to_string(&mut log).expect("UTF-8");
        assert_eq!(self.child.wait().expect("it ends").code(), Some(0), "{log}");
        log
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
