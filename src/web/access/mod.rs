//! Who may: on the network a person with a PIN or a program with a token, each in a role; on the cart itself everybody.
//!
//! `settings` is what the config says, `sessions` who is logged in and who failed too often, `login` the requests. PINs are kept
//! as Argon2id (RFC 9106), tokens, which nobody can guess, as SHA-256. Nothing here is written to a log, nothing is kept
//! over a restart; who came, went, was refused, or stayed away until the session was over is in the audit trail.

mod login;
mod sessions;
mod settings;
mod tls;

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use axum::extract::FromRequestParts;
use axum::http::Method;
use axum::http::header::{self, HeaderMap};
use axum::http::request::Parts;
use sha2::{Digest, Sha256};

use crate::audit::{Actor, Event, Recorder};
pub(super) use login::{login, logout, too_often};
use sessions::{Ration, Sessions, Throttle};
pub use settings::{Network, Role, User};
pub(super) use tls::{Peer, TlsListener};
pub use tls::{TlsError, server_config};

/// The session's cookie. The prefix makes browsers refuse one that is not of this very host, or not by TLS.
const COOKIE: &str = "__Host-sonograde";
/// How often an open connection's session is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// The shortest PIN, in characters.
pub const SHORTEST_PIN: usize = 6;
/// As much of a name that nobody vouches for as the audit trail keeps, in characters.
const LONGEST_NAME: usize = 64;
/// The longest that is hashed, in bytes.
const LONGEST_PIN: usize = 128;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Person {
    pub name: String,
    pub role: Role,
}

/// Who asks, for the audit trail: the person who logged in or the program of the token; at the cart itself nobody is known.
pub(super) struct Who(pub Option<Actor>);

impl<S: Sync> FromRequestParts<S> for Who {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let person = parts.extensions.get::<Person>();
        Ok(Self(person.map(|person| Actor::named(&person.name))))
    }
}

/// What an open connection was let in by; it is hung up on once that no longer holds.
#[derive(Clone)]
pub(super) struct Pass {
    access: Arc<Access>,
    /// The hash of the session's secret; a token has no end.
    session: Option<String>,
}

impl Pass {
    /// By the headers that [`Access::who`] has accepted.
    pub fn of(access: &Arc<Access>, headers: &HeaderMap) -> Self {
        let session = match bearer(headers) {
            Some(_) => None,
            None => cookie(headers).map(sessions::key),
        };
        Self {
            access: Arc::clone(access),
            session,
        }
    }

    /// Completes when it no longer holds.
    pub async fn over(&self) {
        let lives = |session: &String| self.access.sessions().lives(session, Instant::now());
        while self.session.as_ref().is_none_or(lives) {
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// Completes when what let a connection in no longer holds; at the cart itself never.
pub(super) async fn over(pass: Option<&Pass>) {
    match pass {
        Some(pass) => pass.over().await,
        None => std::future::pending().await,
    }
}

/// Those who may, and those who are logged in.
pub(super) struct Access {
    users: Vec<User>,
    sessions: Mutex<Sessions>,
    throttle: Mutex<Throttle>,
    audit: Recorder,
    ration: Mutex<Ration>,
    /// One PIN is checked at a time: each check takes 19 MiB and a processor.
    pub checking: Arc<tokio::sync::Semaphore>,
}

impl Access {
    pub fn new(users: Vec<User>, audit: Recorder) -> Self {
        Self {
            users,
            sessions: Mutex::default(),
            throttle: Mutex::default(),
            audit,
            ration: Mutex::new(Ration::new(Instant::now())),
            checking: Arc::new(tokio::sync::Semaphore::new(1)),
        }
    }

    /// Who sends these headers: by session or by token. The error is how many seconds a guesser has to wait.
    pub fn who(&self, headers: &HeaderMap, from: IpAddr, now: Instant) -> Result<Option<Person>, u64> {
        if let Some(token) = bearer(headers) {
            let hash = crate::hex(&Sha256::digest(token));
            let mut throttle = self.throttle();
            throttle.wait_for(&address(from), now)?;
            let of_token = |user: &&User| user.token_sha256.as_deref() == Some(hash.as_str());
            let found = self.users.iter().find(of_token).map(Person::from);
            if found.is_none() {
                throttle.failed(address(from), now);
                self.refused("a token", from, now);
            }
            return Ok(found);
        }
        let Some(id) = cookie(headers) else {
            return Ok(None);
        };
        self.sweep(now);
        let name = self.sessions().user(id, now);
        let user = name.and_then(|name| self.users.iter().find(|user| user.name == name));
        Ok(user.map(Person::from))
    }

    /// Ends the sessions that are over, and records it.
    fn sweep(&self, now: Instant) {
        for session in self.sessions().sweep(now) {
            let from = session.from.to_string();
            self.audit
                .record_by(Actor::named(&session.user), Event::LoggedOut { from });
        }
    }

    /// Records that `who`, which nobody vouches for, was refused.
    fn refused(&self, who: &str, from: IpAddr, now: Instant) {
        let taken = self
            .ration
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take(now);
        if let Some(unrecorded) = taken {
            let event = Event::LogInRefused {
                from: from.to_string(),
                unrecorded: (unrecorded > 0).then_some(unrecorded),
            };
            let who: String = who.chars().take(LONGEST_NAME).collect();
            self.audit.record_by(Actor::named(&who), event);
        }
    }

    /// Whether somebody may try a PIN now; the error is how many seconds they have to wait.
    pub fn may_try(&self, name: &str, from: IpAddr, now: Instant) -> Result<(), u64> {
        let throttle = self.throttle();
        throttle.wait_for(&address(from), now)?;
        throttle.wait_for(&user(name), now)
    }

    /// The person of this name and PIN. Slow on purpose, and as slow for a name that does not exist.
    pub fn check(&self, name: &str, pin: &str) -> Option<Person> {
        let known = self.users.iter().find(|user| user.name == name);
        let hash = known.and_then(|user| user.pin_hash.as_deref());
        let Some(hash) = hash.and_then(|hash| argon2::PasswordHash::new(hash).ok()) else {
            let _ = pin_hash(pin);
            return None;
        };
        let right = Argon2::default().verify_password(pin.as_bytes(), &hash).is_ok();
        known.filter(|_| right).map(Person::from)
    }

    /// A PIN was wrong.
    pub fn failed(&self, name: &str, from: IpAddr, now: Instant) {
        let mut throttle = self.throttle();
        throttle.failed(address(from), now);
        // Names that nobody has are not remembered: there is no end to them.
        if self.users.iter().any(|user| user.name == name) {
            throttle.failed(user(name), now);
        }
        drop(throttle);
        self.refused(name, from, now);
    }

    /// Logs in; gives the value of `Set-Cookie`.
    pub fn enter(&self, person: &Person, from: IpAddr, now: Instant) -> Result<String, getrandom::Error> {
        self.throttle().passed(&[address(from), user(&person.name)]);
        let id = self.sessions().begin(&person.name, from, now)?;
        self.sweep(now);
        Ok(format!(
            "{COOKIE}={id}; Path=/; Secure; HttpOnly; SameSite=Strict"
        ))
    }

    /// Logs out; gives the value of `Set-Cookie`.
    pub fn leave(&self, headers: &HeaderMap) -> String {
        if let Some(id) = cookie(headers) {
            self.sessions().end(id);
        }
        format!("{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0")
    }

    fn sessions(&self) -> std::sync::MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn throttle(&self) -> std::sync::MutexGuard<'_, Throttle> {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<&User> for Person {
    fn from(user: &User) -> Self {
        Self {
            name: user.name.clone(),
            role: user.role,
        }
    }
}

/// The role that a request needs; none for what everybody may have.
pub(super) fn needs(method: &Method, path: &str) -> Option<Role> {
    let open = ["/healthz", "/login", "/icon.svg", "/api/v1/login"];
    let dress = path.ends_with(".css") || path.ends_with(".js");
    if open.contains(&path) || (dress && method.is_safe()) {
        return None;
    }
    Some(match path {
        "/api/v1/logout" => Role::View,
        "/device" | "/api/v1/device" | "/api/v1/log" | "/api/v1/settings" => Role::Admin,
        _ if !method.is_safe() => Role::Operate,
        // What leaves the cart.
        _ if path.ends_with("/export") || path.ends_with("/report") => Role::Operate,
        _ => Role::View,
    })
}

/// An Argon2id hash of a PIN, as the config keeps it.
///
/// # Errors
/// Words for people: the PIN is too short or too long, or the system gives no random numbers.
pub fn pin_hash(pin: &str) -> Result<String, String> {
    if pin.chars().count() < SHORTEST_PIN || pin.len() > LONGEST_PIN {
        return Err(format!(
            "expected a PIN of {SHORTEST_PIN} characters or more, at most {LONGEST_PIN} bytes"
        ));
    }
    let hash = Argon2::default().hash_password(pin.as_bytes());
    hash.map(|hash| hash.to_string())
        .map_err(|error| error.to_string())
}

/// A new token for a program, and the hash that the config keeps.
///
/// # Errors
/// The system gives no random numbers.
pub fn token() -> Result<(String, String), getrandom::Error> {
    let token = sessions::random()?;
    let hash = crate::hex(&Sha256::digest(&token));
    Ok((token, hash))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .strip_prefix("Bearer ")
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let values = headers.get_all(header::COOKIE).iter();
    let pairs = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split("; "));
    pairs
        .filter_map(|pair| pair.split_once('='))
        .find_map(|(name, id)| (name == COOKIE).then_some(id))
}

/// What the throttle calls a machine: an IPv6 network has more addresses than anyone could remember.
fn address(ip: IpAddr) -> String {
    match ip.to_canonical() {
        IpAddr::V4(ip) => format!("from {ip}"),
        IpAddr::V6(ip) => format!("from {:x?}", &ip.segments()[..4]),
    }
}

fn user(name: &str) -> String {
    format!("user {name}")
}

#[cfg(test)]
mod tests;
