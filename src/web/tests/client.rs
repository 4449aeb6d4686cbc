//! A browser's side of HTTP and of RFC 6455, as little as the tests need.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// What asks for a WebSocket (RFC 6455, section 4.1).
pub const UPGRADE: [(&str, &str); 4] = [
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

/// Sends a GET and reads the answer's head, in lower case.
fn ask(stream: &mut TcpStream, path: &str, headers: &[(&str, &str)]) -> String {
    let lines: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    write!(stream, "GET {path} HTTP/1.1\r\n{lines}\r\n").expect("a request sent");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("an answer");
        head.push(byte[0]);
    }
    String::from_utf8(head).expect("text").to_lowercase()
}

fn open(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a connection");
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .expect("a time limit");
    stream
}

/// Head of the answer to a GET.
pub fn get(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> String {
    ask(&mut open(address), path, headers)
}

/// One message.
pub enum Said {
    /// JSON.
    Text(Value),
    /// A picture.
    Binary(Vec<u8>),
}

/// A client of `/api/v1/live`.
pub struct Client(TcpStream);

impl Client {
    pub fn connect(address: SocketAddr) -> Self {
        let mut stream = open(address);
        let host = address.to_string();
        let mut headers = UPGRADE.to_vec();
        headers.push(("Host", &host));
        let answer = ask(&mut stream, "/api/v1/live", &headers);
        assert!(answer.starts_with("http/1.1 101"), "{answer}");
        Self(stream)
    }

    fn bytes(&mut self, n: usize) -> Vec<u8> {
        let mut bytes = vec![0; n];
        self.0.read_exact(&mut bytes).expect("a message");
        bytes
    }

    fn message(&mut self) -> Said {
        let head = self.bytes(2);
        let length = match head[1] {
            126 => self.bytes(2).iter().fold(0, |n, b| n << 8 | usize::from(*b)),
            127 => self.bytes(8).iter().fold(0, |n, b| n << 8 | usize::from(*b)),
            short => usize::from(short),
        };
        let payload = self.bytes(length);
        match head[0] {
            0x81 => Said::Text(serde_json::from_slice(&payload).expect("JSON")),
            0x82 => Said::Binary(payload),
            other => panic!("not a whole text or binary message: {other:#x}"),
        }
    }

    /// Everything up to the next state.
    pub fn batch(&mut self) -> Vec<Said> {
        let mut batch = Vec::new();
        loop {
            let said = self.message();
            let last = matches!(&said, Said::Text(text) if text["type"] == "state");
            batch.push(said);
            if last {
                return batch;
            }
        }
    }

    /// Asks for the next batch: `next`, masked with zeros.
    pub fn answer(&mut self) {
        self.0.write_all(b"\x81\x84\0\0\0\0next").expect("an answer sent");
    }

    pub fn is_hung_up(&mut self) -> bool {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Ok(_) => true,
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}
