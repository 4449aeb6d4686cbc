//! The archive for support: what helps to find out what is wrong, and nothing of a patient. No picture, no record and no
//! name of an exam goes in; secrets of the config do not either.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::Command;

use tar::{Builder, Header};
use toml::{Table, Value};

use crate::findings::Finding;

/// Files of the machine that say what it is.
const MACHINE: [&str; 6] = [
    "/etc/os-release",
    "/proc/version",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/loadavg",
    "/proc/self/mounts",
];
/// Words in keys whose values are secret, or would let one be guessed.
const SECRET: [&str; 7] = [
    "password",
    "secret",
    "token",
    "key_file",
    "passphrase",
    "pin_hash",
    "access_key",
];

pub(super) fn write(path: &Path, config: &Path, findings: &[Finding]) -> io::Result<()> {
    let mut tar = Builder::new(File::create(path)?);
    let mut add = |name: &str, text: &str| {
        let mut header = Header::new_ustar();
        header.set_mode(0o600);
        header.set_size(text.len() as u64);
        tar.append_data(&mut header, format!("sonograde-support/{name}"), text.as_bytes())
    };
    add("doctor.json", &serde_json::to_string_pretty(findings)?)?;
    if let Ok(text) = fs::read_to_string(config) {
        // One that is no TOML may hold its secrets anywhere.
        let text = text
            .parse::<Table>()
            .map(|table| without_secrets(table).to_string());
        add(
            "config.toml",
            &text.unwrap_or_else(|error| format!("# not TOML: {}\n", error.message())),
        )?;
    }
    for file in MACHINE {
        if let Ok(text) = fs::read_to_string(file) {
            add(&file[1..].replace('/', "-"), &text)?;
        }
    }
    let journal = [
        "--unit=sonograde",
        "--no-pager",
        "--output=short-iso",
        "--lines=5000",
    ];
    for (name, program, arguments) in [
        ("log.txt", "journalctl", &journal[..]),
        ("video.txt", "ls", &["-l", "/dev/v4l/by-id", "/dev/v4l/by-path"]),
        ("unit.txt", "systemctl", &["show", "sonograde"]),
    ] {
        if let Ok(output) = Command::new(program).args(arguments).output() {
            add(name, &without_exams(&String::from_utf8_lossy(&output.stdout)))?;
        }
    }
    tar.into_inner()?.sync_all()
}

fn without_secrets(mut table: Table) -> Table {
    for (key, value) in &mut table {
        if SECRET.iter().any(|word| key.contains(word)) {
            *value = "(left out)".into();
        } else {
            clean(value);
        }
    }
    table
}

fn clean(value: &mut Value) {
    match value {
        Value::Table(inner) => *inner = without_secrets(std::mem::take(inner)),
        Value::Array(items) => items.iter_mut().for_each(clean),
        Value::String(text) => {
            // https://name:password@host/
            if let Some((scheme, rest)) = text.split_once("://")
                && let Some((_, host)) = rest.split('/').next().and_then(|place| place.rsplit_once('@'))
            {
                let path = rest.find('/').map_or("", |at| &rest[at..]);
                *text = format!("{scheme}://(left out)@{host}{path}");
            }
        }
        _ => {}
    }
}

/// Without the names of exams, which tell when a patient was there.
fn without_exams(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        clean.push_str(&rest[..at]);
        rest = &rest[at..];
        let length = if names_exam(rest) { EXAM.len() } else { 1 };
        clean.push_str(if length == 1 { &rest[..1] } else { "(exam)" });
        rest = &rest[length..];
    }
    clean + rest
}

/// What the name of an exam looks like: 0 is a digit, x a hexadecimal one.
const EXAM: &[u8] = b"00000000T000000.000Z-xxxx";

fn names_exam(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= EXAM.len()
        && bytes.iter().zip(EXAM).all(|(byte, like)| match like {
            b'0' => byte.is_ascii_digit(),
            b'x' => byte.is_ascii_hexdigit(),
            like => byte == like,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_exams_are_left_out() {
        let log = "2026-01-31T09:45:00 cart sonograde[7]: exam begun exam=20260131T094500.123Z-7f3a\n1 µs, é20260131T094500.123Z-7f3a.";
        assert_eq!(
            without_exams(log),
            "2026-01-31T09:45:00 cart sonograde[7]: exam begun exam=(exam)\n1 µs, é(exam)."
        );
    }

    /// What stands in a list of tables went into the archive as it was: users with the hashes of their PINs, destinations.
    #[test]
    fn a_secret_is_left_out_wherever_it_stands() {
        let config = r#"
            [[uplink]]
            url = "https://ward:hunter2@pacs/web"
            [[uplink]]
            endpoint = "https://s3"
            access_key = "hunter2"
            tls = { password = "hunter2" }
            [web]
            listen = "x"
            [[web.network.users]]
            name = "ward"
            pin_hash = "hunter2"
            [[web.network.users]]
            token_sha256 = "hunter2""#;
        let text = without_secrets(config.parse().expect("TOML")).to_string();
        for kept in ["(left out)@pacs/web", "https://s3", "ward"] {
            assert!(text.contains(kept), "{text}");
        }
        assert!(!text.contains("hunter2"), "{text}");
    }
}
