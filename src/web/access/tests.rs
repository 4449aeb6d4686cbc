//! Who may what, and who is kept out.

use super::*;

fn access() -> Access {
    let user = |name: &str, role, pin: Option<&str>, token: Option<&str>| User {
        name: name.into(),
        role,
        pin_hash: pin.map(|pin| pin_hash(pin).expect("a hash")),
        token_sha256: token.map(|token| crate::hex(&Sha256::digest(token))),
    };
    Access::new(vec![
        user("ada", Role::Operate, Some("tauben-2468"), None),
        user("prometheus", Role::View, None, Some("t0k3n")),
    ])
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
