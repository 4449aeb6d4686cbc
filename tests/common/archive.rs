//! An archive on the web that answers as a test says.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};

/// Starts one that gives each request's head to `answer` and sends the status and the JSON that come back.
pub fn archive(answer: impl Fn(&str) -> (&'static str, String) + Send + 'static) -> SocketAddr {
    let door = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = door.local_addr().expect("its address");
    std::thread::spawn(move || {
        for stream in door.incoming() {
            let mut stream = BufReader::new(stream.expect("a caller"));
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                assert!(stream.read_line(&mut head).expect("a request") > 0, "{head}");
            }
            let length = head.to_lowercase();
            let length = length.split("content-length: ").nth(1);
            let length = length.and_then(|rest| rest.lines().next()?.trim().parse().ok());
            let mut body = vec![0; length.unwrap_or(0)];
            stream.read_exact(&mut body).expect("a body");
            let (status, said) = answer(&head);
            let answer = format!(
                "HTTP/1.1 {status}\r\nContent-Type: application/dicom+json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{said}",
                said.len()
            );
            stream.get_mut().write_all(answer.as_bytes()).expect("a caller");
        }
    });
    address
}
