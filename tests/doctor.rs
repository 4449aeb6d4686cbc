//! What `sonograde doctor` says of servers and certificates, and what it tells nobody.

#[allow(dead_code, reason = "other tests use more of it")]
mod common;
#[path = "common/archive.rs"]
mod archive;
#[allow(dead_code, reason = "other tests use more of it")]
#[path = "common/daemon.rs"]
mod daemon;

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use archive::archive;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Datelike, TimeDelta, Utc};
use common::{folder, sonograde, text};
use daemon::Daemon;
use serde_json::Value;

const PATIENT: &str = "Secretname^Patient";
const SECRET: &str = "hunter2";

/// The findings for a config with these sections; what the support archive beside them holds too.
fn doctor(home: &Path, sections: &str) -> (Vec<Value>, String) {
    let (config, bundle) = (home.join("doctor.toml"), home.join("support.tar"));
    let store = text(&home.join("doctor")).to_owned();
    let source = "[source]\nkind = \"v4l2\"\ndevice = \"/dev/none\"";
    let web = format!("[web]\nlisten = \"{}\"", free());
    let written = fs::write(
        &config,
        format!("{source}\n[store]\npath = \"{store}\"\n{web}\n{sections}\n"),
    );
    written.expect("a config");
    let output = sonograde()
        .args([
            "doctor",
            "--json",
            "--config",
            text(&config),
            "--bundle",
            text(&bundle),
        ])
        .output()
        .expect("the program starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(10), "there is no device: {said}");
    let findings = serde_json::from_slice(&output.stdout).expect("JSON");
    let archive = fs::read(&bundle).expect("an archive");
    (findings, String::from_utf8_lossy(&archive).into_owned())
}

/// Level and words of the finding of `check` whose words begin with `name`.
fn found<'a>(findings: &'a [Value], check: &str, name: &str) -> (&'a str, &'a str) {
    let words = |finding: &'a Value| finding["found"].as_str().unwrap_or_default();
    let finding = findings
        .iter()
        .find(|finding| finding["check"] == check && words(finding).starts_with(name));
    let finding = finding.unwrap_or_else(|| panic!("nothing of {name}: {findings:#?}"));
    (finding["level"].as_str().unwrap_or_default(), words(finding))
}

fn free() -> SocketAddr {
    let door = TcpListener::bind("127.0.0.1:0").expect("a free port");
    door.local_addr().expect("its address")
}

/// An archive that answers each query with a patient.
fn telling() -> SocketAddr {
    archive(|head| match head.starts_with("GET /web/studies?limit=1 ") {
        true => ("200 OK", format!("[{{\"00100010\": \"{PATIENT}\"}}]")),
        false => ("404 Not Found", String::new()),
    })
}

#[test]
fn each_server_answers_lacks_something_or_is_gone_and_nothing_of_patients_or_secrets_is_told() {
    let home = folder();
    // The daemon's own listener: it answers C-ECHO and knows of storage commitment, and stores nothing.
    let (listener, web, gone) = (free(), telling(), free());
    let sections = format!("[dicom]\nlisten = \"{listener}\"");
    let daemon = Daemon::start_in(folder(), "kind = \"v4l2\"\ndevice = \"/dev/none\"", &sections);
    daemon.state(|_| true);
    let (share, secret) = (home.path().join("share"), home.path().join("secret"));
    fs::create_dir(&share).expect("a folder");
    fs::write(&secret, SECRET).expect("a file");
    let (share, secret) = (text(&share), text(&secret));
    let (findings, bundle) = doctor(
        home.path(),
        &format!(
            r#"
[dicom]
listen = "127.0.0.1:1"
[dicom.worklist]
address = "{listener}"
called_ae = "X"
[[uplink]]
name = "pacs"
kind = "dimse"
address = "{listener}"
called_ae = "X"
[[uplink]]
name = "gone"
kind = "dimse"
address = "{gone}"
called_ae = "X"
[[uplink]]
name = "web"
kind = "dicomweb"
url = "http://{web}/web"
[[uplink]]
name = "elsewhere"
kind = "dicomweb"
url = "http://{web}/other"
[[uplink]]
name = "share"
kind = "object-store"
url = "file://{share}"
[[uplink]]
name = "unmounted"
kind = "object-store"
url = "file://{share}/none"
[[uplink]]
name = "bucket"
kind = "object-store"
url = "s3://bucket"
endpoint = "http://{gone}"
access_key = "{SECRET}"
secret_file = "{secret}"
"#
        ),
    );
    for (name, level, words) in [
        ("worklist (", "warning", "does not offer a worklist"),
        ("pacs (", "warning", "does not offer report, capture, map"),
        ("gone (", "fault", "refused"),
        ("web (", "ok", "answers a query (QIDO-RS)"),
        ("elsewhere (", "fault", "HTTP 404"),
        ("share (", "ok", "answers"),
        ("unmounted (", "fault", "cannot be written to"),
        ("bucket (", "fault", "refused"),
    ] {
        let (is, said) = found(&findings, "server", name);
        assert!(is == level && said.contains(words), "{is}: {said}");
    }
    assert!(
        bundle.contains("does not offer a worklist"),
        "the findings are in it"
    );
    for word in [SECRET, PATIENT] {
        assert!(
            !bundle.contains(word) && !Value::from(findings.clone()).to_string().contains(word),
            "{word}"
        );
    }
}

/// A piece of DER, its length in as few bytes as will do.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = match content.len() {
        n @ ..0x80 => vec![n as u8],
        n @ ..0x100 => vec![0x81, n as u8],
        n => vec![0x82, (n >> 8) as u8, n as u8],
    };
    [&[tag], &length[..], &content].concat()
}

/// A certificate in PEM, from a day ago until `until`, signed by nobody.
fn certificate(until: DateTime<Utc>) -> String {
    let now = Utc::now();
    // Until 2049 the year has two digits (RFC 5280, 4.1.2.5).
    let time = |time: DateTime<Utc>| match time.year() < 2050 {
        true => der(0x17, &[time.format("%y%m%d%H%M%SZ").to_string().as_bytes()]),
        false => der(0x18, &[time.format("%Y%m%d%H%M%SZ").to_string().as_bytes()]),
    };
    let ed25519 = der(0x30, &[&[0x06, 0x03, 0x2b, 0x65, 0x70]]);
    let name = der(0x30, &[]);
    let extensions = der(
        0xa3,
        &[&der(
            0x30,
            &[&der(
                0x30,
                &[&[0x06, 0x03, 0x55, 0x1d, 0x0e], &der(0x04, &[&[0x04, 0x00]])],
            )],
        )],
    );
    let body = der(
        0x30,
        &[
            &[0xa0, 0x03, 0x02, 0x01, 0x02, 0x02, 0x01, 0x01],
            &ed25519,
            &name,
            &der(0x30, &[&time(now - TimeDelta::days(1)), &time(until)]),
            &name,
            &der(0x30, &[&ed25519, &der(0x03, &[&[0; 33]])]),
            &extensions,
        ],
    );
    let whole = der(0x30, &[&body, &ed25519, &der(0x03, &[&[0; 65]])]);
    let base64 = STANDARD.encode(whole);
    let lines: Vec<&str> = base64
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).expect("ASCII"))
        .collect();
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        lines.join("\n")
    )
}

#[test]
fn certificates_are_good_end_soon_or_have_ended() {
    let home = folder();
    let days = |days| Utc::now() + TimeDelta::days(days);
    let write = |name: &str, pem: &str| {
        let path = home.path().join(name);
        fs::write(&path, pem).expect("a file");
        text(&path).to_owned()
    };
    let page = write("page.pem", &certificate(days(10)));
    let good = write("good.pem", &certificate(days(40 * 365)));
    let ended = write("ended.pem", &certificate(days(-1)));
    let both = write("both.pem", &(certificate(days(-1)) + &certificate(days(90))));
    let none = write("none.pem", "");
    let (findings, _) = doctor(
        home.path(),
        &format!(
            r#"
[web.network]
listen = "127.0.0.1:1"
certificate = "{page}"
key = "{none}"
[[web.network.users]]
name = "ward"
role = "view"
token_sha256 = "{}"
[dicom]
tls = {{ ca = "{good}", certificate = "{ended}", key = "{none}" }}
[[uplink]]
name = "pacs"
kind = "dimse"
address = "127.0.0.1:1"
called_ae = "X"
verify = "query"
tls = {{ ca = "{good}" }}
[[uplink]]
name = "web"
kind = "dicomweb"
url = "https://127.0.0.1:1"
tls = {{ ca = "{both}" }}
[[uplink]]
name = "other"
kind = "dicomweb"
url = "https://127.0.0.1:1"
tls = {{ ca = "{none}" }}
"#,
            "0".repeat(64)
        ),
    );
    for (name, level, words) in [
        (page.as_str(), "warning", "(page): good until"),
        (&good, "ok", "(listener, pacs): good until 20"),
        (&ended, "fault", "(listener): expired on"),
        (&both, "warning", "one of 2"),
        ("cannot use", "fault", "none.pem for TLS: it holds no certificate"),
    ] {
        let (is, said) = found(&findings, "certificate", name);
        assert!(is == level && said.contains(words), "{is}: {said}");
    }
    let year = days(40 * 365).format("until %Y-").to_string();
    assert!(found(&findings, "certificate", &good).1.contains(&year));
}
