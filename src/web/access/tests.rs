//! Who may what, and who is kept out.

use super::*;
use crate::audit::{Record, Trail};

/// Where what it records goes, and that it is written.
struct Door {
    folder: tempfile::TempDir,
    written: std::thread::JoinHandle<()>,
}

impl Door {
    /// What the trail of `access` holds in the end.
    fn trail(self, access: Access) -> Vec<(String, Event)> {
        drop(access);
        self.written.join().expect("no panic");
        let mut events = Vec::new();
        let trail = Trail::of_store(self.folder.path());
        let read = trail.lines(|_, _, line, _| {
            let record = Record::decode(line).expect("a record");
            events.push((record.who.name().to_owned(), record.event));
            Ok(())
        });
        read.expect("a trail");
        events
    }
}

fn access() -> (Access, Door) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (audit, written) = Recorder::start(Trail::of_store(folder.path()));
    let user = |name: &str, role, pin: Option<&str>, token: Option<&str>| User {
        name: name.into(),
        role,
        pin_hash: pin.map(|pin| pin_hash(pin).expect("a hash")),
        token_sha256: token.map(|token| crate::hex(&Sha256::digest(token))),
    };
    let users = vec![
        user("ada", Role::Operate, Some("tauben-2468"), None),
        user("prometheus", Role::View, None, Some("t0k3n")),
    ];
    (Access::new(users, audit), Door { folder, written })
}

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 7));

fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
    HeaderMap::from_iter([(name, value.parse().expect("a header"))])
}

#[test]
fn a_pin_opens_and_a_wrong_one_does_not() {
    let (access, _door) = access();
    assert_eq!(
        access.check("ada", "tauben-2468").map(|p| p.role),
        Some(Role::Operate)
    );
    for (name, pin) in [
        ("ada", "tauben-2469"),
        ("eve", "tauben-2468"),
        ("prometheus", "t0k3n"),
    ] {
        assert_eq!(access.check(name, pin), None, "{name} {pin}");
    }
    assert!(pin_hash("12345").is_err_and(|words| words.contains('6')));
}

#[test]
fn a_session_is_known_by_its_cookie_until_it_is_left() {
    let ((access, _door), now) = (access(), Instant::now());
    let ada = access.check("ada", "tauben-2468").expect("ada");
    let cookie = access.enter(&ada, HERE, now).expect("random numbers");
    assert!(
        ["Secure", "HttpOnly", "SameSite=Strict"]
            .iter()
            .all(|word| cookie.contains(word))
    );
    let sent = headers(header::COOKIE, cookie.split_once(';').expect("attributes").0);
    assert_eq!(access.who(&sent, HERE, now), Ok(Some(ada)));
    assert_eq!(
        access.who(&headers(header::COOKIE, "__Host-sonograde=00"), HERE, now),
        Ok(None)
    );
    access.leave(&sent);
    assert_eq!(access.who(&sent, HERE, now), Ok(None));
}

#[test]
fn guesses_of_pins_and_tokens_are_throttled() {
    let ((access, _door), now) = (access(), Instant::now());
    let token = |text: &str| {
        access.who(
            &headers(header::AUTHORIZATION, &format!("Bearer {text}")),
            HERE,
            now,
        )
    };
    assert_eq!(token("t0k3n").expect("no wait").map(|p| p.role), Some(Role::View));
    (0..3).for_each(|_| access.failed("ada", HERE, now));
    assert_eq!(
        access.may_try("ada", "10.0.0.8".parse().expect("an address"), now),
        Err(2),
        "from anywhere"
    );
    assert_eq!(access.may_try("bob", HERE, now), Err(2), "whoever is guessed");
    assert_eq!(token("t0k3n"), Err(2));
}

/// A wrong token left no trace, and neither did a session that ended by itself.
#[test]
fn who_is_refused_and_whose_session_is_over_is_in_the_trail() {
    let ((access, door), now) = (access(), Instant::now());
    let ada = access.check("ada", "tauben-2468").expect("ada");
    let cookie = access.enter(&ada, HERE, now).expect("random numbers");
    let sent = headers(header::COOKIE, cookie.split_once(';').expect("attributes").0);
    let day = now + Duration::from_secs(86_400);
    for _ in 0..3 {
        assert_eq!(access.who(&sent, HERE, day), Ok(None));
    }
    assert_eq!(
        access.who(&headers(header::AUTHORIZATION, "Bearer s3cr3t"), HERE, day),
        Ok(None)
    );
    access.failed(&"eve".repeat(99), HERE, day);
    let from = || HERE.to_string();
    let refused = || Event::LogInRefused {
        from: from(),
        unrecorded: None,
    };
    assert_eq!(
        door.trail(access),
        [
            ("ada".into(), Event::LoggedOut { from: from() }),
            ("a token".into(), refused()),
            ("eve".repeat(99)[..64].to_owned(), refused()),
        ]
    );
}

#[test]
fn each_request_needs_its_role() {
    use Role::{Admin, Operate, View};
    for (method, path, role) in [
        (Method::GET, "/", Some(View)),
        (Method::GET, "/login", None),
        (Method::GET, "/style.css", None),
        (Method::GET, "/healthz", None),
        (Method::POST, "/api/v1/login", None),
        (Method::POST, "/api/v1/logout", Some(View)),
        (Method::GET, "/metrics", Some(View)),
        (Method::GET, "/api/v1/live", Some(View)),
        (Method::GET, "/api/v1/exams/x", Some(View)),
        (Method::GET, "/api/v1/exams/x/export", Some(Operate)),
        (Method::POST, "/api/v1/exam/start", Some(Operate)),
        (Method::PUT, "/style.css", Some(Operate)),
        (Method::GET, "/api/v1/device", Some(Admin)),
        (Method::GET, "/api/v1/log", Some(Admin)),
        (Method::GET, "/api/v1/model", Some(View)),
        (Method::PUT, "/api/v1/settings", Some(Admin)),
    ] {
        assert_eq!(needs(&method, path), role, "{method} {path}");
    }
    assert!(View < Operate && Operate < Admin);
}
