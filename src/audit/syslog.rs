//! Sends the trail to the hospital's audit server: each record as a DICOM audit message (PS3.15 A.5) in a syslog message
//! (RFC 5424), over TCP with octet counting (RFC 6587, the framing of RFC 5425) or UDP (RFC 5426).
//!
//! The thread `audit-forward` reads the trail's files; how far it came is a file beside them, so what happens while
//! there is no network is sent when there is one, and nothing ever waits for it. TCP: a connection for each batch, which counts as
//! received when the server closes it in answer to our end; so a message may come twice, but none is lost that the server
//! took. UDP promises nothing. No TLS: where the standard's profile with TLS is asked for, a relay on the cart adds it.

use std::convert::Infallible;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs, UdpSocket};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use super::line::{Line, Record};
use super::message::{self, Source};
use super::{AuditError, Trail};
use crate::audit::error::fault;

/// How often to look for new records.
const EVERY: Duration = Duration::from_secs(1);
/// The longest time between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How long the server may take for each step.
const PATIENCE: Duration = Duration::from_secs(10);
/// Records of one connection.
const BATCH: usize = 256;
/// Facility 10 (security), severity 5 (notice).
const PRIORITY: u8 = 10 * 8 + 5;

/// An audit server: `tcp://host:port` or `udp://host:port`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Server {
    tcp: bool,
    address: String,
}

impl FromStr for Server {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (tcp, address) = match text.split_once("://") {
            Some(("tcp", address)) => (true, address),
            Some(("udp", address)) => (false, address),
            _ => {
                return Err(format!(
                    "expected tcp://host:port or udp://host:port, got {text:?}"
                ));
            }
        };
        match address.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0) => {
                Ok(Self {
                    tcp,
                    address: address.into(),
                })
            }
            _ => Err(format!("expected a host and a port after ://, got {address:?}")),
        }
    }
}

impl TryFrom<String> for Server {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// Sending goes on until this is dropped.
pub struct Forwarding {
    _stop: Sender<Infallible>,
}

/// Sends the records of `trail` to `server`, from where the last process stopped.
///
/// # Errors
/// [`AuditError`] if it cannot be told where that was.
pub fn forward(trail: Trail, server: Server) -> Result<Forwarding, AuditError> {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host: String = host
        .trim()
        .chars()
        .filter(char::is_ascii_graphic)
        .take(255)
        .collect();
    let folder = trail.folder();
    let mut forwarder = Forwarder {
        position: folder.join("forwarded"),
        sent: 0,
        at: None,
        source: Source {
            id: if host.is_empty() { "-".into() } else { host },
            process: std::process::id(),
            trail: format!("file://{}", folder.display()),
        },
        trail,
        server,
    };
    forwarder.sent = forwarder.read_position()?;
    let thread = std::thread::Builder::new().name("audit-forward".into());
    let (stop, stopped) = mpsc::channel();
    let thread = thread.spawn(move || forwarder.run(&stopped));
    thread.map_err(fault("start the thread for", &folder))?;
    Ok(Forwarding { _stop: stop })
}

struct Forwarder {
    trail: Trail,
    server: Server,
    source: Source,
    /// The file that keeps `sent`.
    position: PathBuf,
    /// The last record that the server has.
    sent: u64,
    /// The file and offset after that record, once they are known.
    at: Option<(i32, u64)>,
}

/// Messages to send, and where the trail stands after them.
struct Batch {
    messages: Vec<String>,
    sent: u64,
    at: Option<(i32, u64)>,
}

impl Forwarder {
    fn run(mut self, stopped: &Receiver<Infallible>) {
        let mut pause = EVERY;
        let mut failed = false;
        loop {
            match self.send_new() {
                Ok(()) if failed => {
                    tracing::warn!("the audit server {} is reached again", self.server.address);
                    (failed, pause) = (false, EVERY);
                }
                Ok(()) => {}
                Err(error) => {
                    if !failed {
                        tracing::warn!("audit messages wait: {error}");
                    }
                    (failed, pause) = (true, (pause * 2).min(LONGEST_PAUSE));
                }
            }
            if stopped.recv_timeout(pause) == Err(RecvTimeoutError::Disconnected) {
                return;
            }
        }
    }

    /// Sends whatever is new; the error says for people why it could not.
    fn send_new(&mut self) -> Result<(), String> {
        loop {
            let batch = self.batch().map_err(|e| crate::one_line(&e))?;
            if !batch.messages.is_empty() {
                let words = |e: io::Error| format!("the audit server {}: {e}", self.server.address);
                self.server.send(&batch.messages).map_err(words)?;
            }
            let more = batch.messages.len() == BATCH;
            self.at = batch.at;
            if batch.sent > self.sent {
                self.sent = batch.sent;
                self.write_position().map_err(|e| crate::one_line(&e))?;
            }
            if !more {
                return Ok(());
            }
        }
    }

    /// The records after the last one sent. What is no record, or of an event that only a newer program knows, is left out.
    fn batch(&self) -> Result<Batch, AuditError> {
        let mut batch = Batch {
            messages: Vec::new(),
            sent: self.sent,
            at: self.at,
        };
        for (year, path) in self.trail.files()? {
            let offset = match self.at {
                Some((at, _)) if year < at => continue,
                Some((at, offset)) if year == at => offset,
                _ => 0,
            };
            let read = |batch: &mut Batch| -> io::Result<()> {
                let mut file = File::open(&path)?;
                // Shorter than it was: cut off, and gone on with since. What was sent is known by its number.
                let offset = if offset > file.metadata()?.len() {
                    0
                } else {
                    offset
                };
                let mut offset = file.seek(SeekFrom::Start(offset))?;
                let mut reader = BufReader::new(file);
                let mut line = Vec::new();
                while batch.messages.len() < BATCH {
                    line.clear();
                    let length = reader.read_until(b'\n', &mut line)?;
                    let Some(line) = line.strip_suffix(b"\n") else {
                        break; // nothing, or being written just now
                    };
                    offset += length as u64;
                    batch.at = Some((year, offset));
                    if let (Some(record), Some(chained)) = (Record::decode(line), Line::decode(line))
                        && record.seq > self.sent
                    {
                        let xml = message::xml(&record, &chained.hash, &self.source);
                        batch.messages.push(syslog(&record, &self.source, &xml));
                        batch.sent = record.seq;
                    }
                }
                Ok(())
            };
            read(&mut batch).map_err(fault("read", &path))?;
        }
        Ok(batch)
    }

    fn read_position(&self) -> Result<u64, AuditError> {
        match fs::read_to_string(&self.position) {
            // One that is not whole: better twice than not at all.
            Ok(text) => Ok(text.trim().parse().unwrap_or(0)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(fault("read", &self.position)(error)),
        }
    }

    fn write_position(&self) -> Result<(), AuditError> {
        self.trail
            .overwrite(&self.position, &format!("{:020}\n", self.sent))
    }
}

impl Server {
    fn send(&self, messages: &[String]) -> io::Result<()> {
        let no_address = || io::Error::new(io::ErrorKind::NotFound, "its name has no address");
        if !self.tcp {
            let to = self.address.to_socket_addrs()?.next().ok_or_else(no_address)?;
            let from = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
            let socket = UdpSocket::bind(from)?;
            socket.connect(to)?;
            return messages
                .iter()
                .try_for_each(|message| socket.send(message.as_bytes()).map(drop));
        }
        let mut failed = no_address();
        for to in self.address.to_socket_addrs()? {
            match TcpStream::connect_timeout(&to, PATIENCE) {
                Ok(stream) => return converse(stream, messages),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }
}

/// Sends all and waits until the server has taken it.
fn converse(mut stream: TcpStream, messages: &[String]) -> io::Result<()> {
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let frames: String = messages
        .iter()
        .map(|message| format!("{} {message}", message.len()))
        .collect();
    stream.write_all(frames.as_bytes())?;
    stream.shutdown(Shutdown::Write)?;
    // A syslog server says nothing; its end comes after it has read ours.
    io::copy(&mut stream.take(1 << 16), &mut io::sink()).map(drop)
}

/// A record as a syslog message with `xml` as its text (PS3.15 A.6, A.7).
fn syslog(record: &Record, source: &Source, xml: &str) -> String {
    let time = record.time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    let (host, process) = (&source.id, source.process);
    format!("<{PRIORITY}>1 {time} {host} sonograde {process} DICOM+RFC3881 - \u{feff}{xml}")
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;
    use crate::audit::Event;
    use crate::audit::trail::tests::{alice, at, trail};

    fn forwarder(trail: &Trail, server: &str) -> Forwarder {
        let mut forwarder = Forwarder {
            position: trail.folder().join("forwarded"),
            sent: 0,
            at: None,
            source: Source {
                id: "cart".into(),
                process: 7,
                trail: "file:///audit".into(),
            },
            trail: trail.clone(),
            server: server.parse().expect("a server"),
        };
        forwarder.sent = forwarder.read_position().expect("a folder");
        forwarder
    }

    /// The messages of the next connection, after which the server closes it.
    fn serve(listener: &TcpListener) -> Vec<String> {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("UTF-8");
        let mut messages = Vec::new();
        while let Some((length, rest)) = text.split_once(' ') {
            let (message, rest) = rest.split_at(length.parse().expect("a length"));
            messages.push(message.to_owned());
            text = rest.to_owned();
        }
        assert_eq!(text, "", "after the last message");
        messages
    }

    #[test]
    fn a_server_is_named_by_protocol_host_and_port() {
        for good in ["tcp://audit:601", "udp://10.0.0.1:514", "tcp://[::1]:601"] {
            assert!(good.parse::<Server>().is_ok(), "{good}");
        }
        for bad in [
            "audit:601",
            "tls://audit:6514",
            "tcp://audit",
            "tcp://:601",
            "udp://audit:0",
            "udp://a:b",
        ] {
            assert!(
                bad.parse::<Server>().is_err_and(|e| e.starts_with("expected ")),
                "{bad}"
            );
        }
    }

    #[test]
    fn each_record_is_sent_once_across_restarts_and_files() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let trail = trail(dir.path(), 50);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let server = format!("tcp://{}", listener.local_addr().expect("a port"));
        let server_thread = thread::spawn(move || [serve(&listener), serve(&listener)]);
        let mut first = forwarder(&trail, &server);
        first.send_new().expect("the server is there");
        first.send_new().expect("nothing is new, nobody is called");
        trail
            .append(&alice(), Event::TrailRead, at(0))
            .expect("a writable folder");
        forwarder(&trail, &server)
            .send_new()
            .expect("the server is there");
        let [before, after] = server_thread.join().expect("the server read all");
        assert_eq!((before.len(), after.len()), (50, 1));
        let begins = "<85>1 2023-11-14T22:13:20.000Z cart sonograde 7 DICOM+RFC3881 - \u{feff}<?xml ";
        assert!(before[0].starts_with(begins), "{}", before[0]);
        assert!(before[49].contains("#seq=50&amp;sha256="), "{}", before[49]);
        assert!(after[0].contains("Audit Log Used"), "{}", after[0]);
    }

    #[test]
    fn what_the_server_did_not_take_to_the_end_is_sent_again() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let trail = trail(dir.path(), 3);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let server = format!("tcp://{}", listener.local_addr().expect("a port"));
        let mut forwarder = forwarder(&trail, &server);
        let server_thread = thread::spawn(move || {
            // Reads little and closes with the rest unread: a reset.
            let (mut stream, _) = listener.accept().expect("a connection");
            stream.read_exact(&mut [0; 10]).expect("ten bytes");
            drop(stream);
            serve(&listener)
        });
        assert!(forwarder.send_new().is_err());
        assert_eq!(forwarder.read_position().expect("a folder"), 0);
        forwarder.send_new().expect("the server is there");
        assert_eq!(server_thread.join().expect("the server read all").len(), 3);
        assert_eq!(forwarder.read_position().expect("a folder"), 3);
    }
}
