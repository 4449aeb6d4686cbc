//! Who may what, and who is kept out.

use std::cell::RefCell;
use std::path::Path;
use std::thread::JoinHandle;

use super::*;
use crate::audit::Trail;

/// With an audit trail in `store`; the thread ends when the first is dropped.
fn audited(store: &Path) -> (Access, JoinHandle<()>) {
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
    let (audit, writing) = Recorder::start(Trail::of_store(store));
    (Access::new(users, audit), writing)
}

fn access() -> Access {
    audited(tempfile::tempdir().expect("a temporary folder").path()).0
}

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 7));

fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
    HeaderMap::from_iter([(name, value.parse().expect("a header"))])
}

#[test]
fn a_pin_opens_and_a_wrong_one_does_not() {
    let access = access();
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
    let (access, now) = (access(), Instant::now());
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
fn who_comes_goes_and_is_refused_is_in_the_audit_trail() {
    let store = tempfile::tempdir().expect("a temporary folder");
    let ((access, writing), now) = (audited(store.path()), Instant::now());
    let ada = access.check("ada", "tauben-2468").expect("ada");
    let cookie = access.enter(&ada, HERE, now).expect("random numbers");
    access.leave(&headers(
        header::COOKIE,
        cookie.split_once(';').expect("attributes").0,
    ));
    access.enter(&ada, HERE, now).expect("random numbers");
    access
        .who(&HeaderMap::new(), HERE, now + Duration::from_secs(3600))
        .expect("no wait");
    access.failed("ada", HERE, now);
    access.failed("tauben-2468", HERE, now);
    let token = headers(header::AUTHORIZATION, "Bearer guess");
    access.who(&token, HERE, now).expect("no wait yet");
    drop(access);
    writing.join().expect("no panic");
    let said = RefCell::new(Vec::new());
    let trail = Trail::of_store(store.path());
    trail
        .last(|record| {
            let event = serde_json::to_value(&record.event).expect("JSON");
            said.borrow_mut().push(format!(
                "{} {} {}",
                record.who.name(),
                event["event"].as_str()?,
                event["from"].as_str()?
            ));
            None::<()>
        })
        .expect("a trail");
    let mut said = said.into_inner();
    said.reverse();
    let wanted = [
        "ada logged-in 10.0.0.7",
        "ada logged-out 10.0.0.7",
        "ada logged-in 10.0.0.7",
        "ada logged-out 10.0.0.7",
        "ada log-in-refused 10.0.0.7",
        "unknown log-in-refused 10.0.0.7",
        "unknown log-in-refused 10.0.0.7",
    ];
    assert_eq!(said, wanted, "a PIN in the field of the name is in no trail");
}

#[test]
fn what_was_opened_under_a_session_ends_with_it() {
    let (access, now) = (Arc::new(access()), Instant::now());
    let ada = access.check("ada", "tauben-2468").expect("ada");
    let cookie = access.enter(&ada, HERE, now).expect("random numbers");
    let sent = headers(header::COOKIE, cookie.split_once(';').expect("attributes").0);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let over = || Stay::over(access.stay(&sent));
        let soon = |over| tokio::time::timeout(2 * LOOK, over);
        assert!(soon(over()).await.is_err(), "it lasts");
        access.leave(&sent);
        assert!(soon(over()).await.is_ok(), "logged out");
    });
}

#[test]
fn guesses_of_pins_and_tokens_are_throttled() {
    let (access, now) = (access(), Instant::now());
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
    ] {
        assert_eq!(needs(&method, path), role, "{method} {path}");
    }
    assert!(View < Operate && Operate < Admin);
}
