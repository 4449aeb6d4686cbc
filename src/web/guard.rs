//! Who may ask: requests that name this machine, from its own pages; and the headers every answer carries.
//!
//! A foreign page that had its name point here (DNS rebinding) sends its own name as Host; a foreign page that
//! opens a WebSocket sends its own Origin. On the cart itself everybody may everything; to another machine [`access`] opens.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode, uri::Authority};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};

use super::access::{self, Access, Pass, Peer};
use super::problem::Problem;

const HEADERS: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; img-src 'self' blob:; connect-src 'self'; object-src 'none'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CACHE_CONTROL, "no-store"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// How requests come in.
#[derive(Clone)]
pub(super) struct Door {
    bound: IpAddr,
    names: Arc<[String]>,
    /// Who may; absent on the cart itself, where everybody may everything.
    access: Option<Arc<Access>>,
}

impl Door {
    /// From this machine, to `bound`.
    pub fn cart(bound: SocketAddr) -> Self {
        Self {
            bound: bound.ip(),
            names: Arc::new([]),
            access: None,
        }
    }

    /// From other machines, by TLS, to `bound` or by these names.
    pub fn network(bound: SocketAddr, names: Vec<String>, access: Arc<Access>) -> Self {
        Self {
            bound: bound.ip(),
            names: names.into(),
            access: Some(access),
        }
    }
}

/// Refuses foreign requests and those of people who may not, and adds the headers to every answer.
pub(super) async fn guard(State(door): State<Door>, mut request: Request, next: Next) -> Response {
    let refused = match refusal(request.headers(), &door) {
        Some((status, words)) => Some(Problem::new(status, words).into_response()),
        None => door
            .access
            .clone()
            .and_then(|access| unknown(&access, &mut request)),
    };
    let mut response = match refused {
        Some(refused) => refused,
        None => next.run(request).await,
    };
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    if door.access.is_some() {
        let year = HeaderValue::from_static("max-age=31536000");
        response
            .headers_mut()
            .insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
    response
}

/// The answer to somebody who may not; notes in the request who it is where they may.
fn unknown(access: &Arc<Access>, request: &mut Request) -> Option<Response> {
    let Some(&ConnectInfo(Peer(from))) = request.extensions().get() else {
        return Some(
            Problem::new(StatusCode::FORBIDDEN, "nobody knows where this comes from").into_response(),
        );
    };
    request.extensions_mut().insert(Arc::clone(access));
    let needed = access::needs(request.method(), request.uri().path())?;
    let person = match access.who(request.headers(), from, Instant::now()) {
        Err(seconds) => return Some(access::too_often(seconds).into_response()),
        Ok(person) => person,
    };
    let Some(person) = person else {
        let page =
            request.method() == Method::GET && ["/", "/review", "/device"].contains(&request.uri().path());
        return Some(match page {
            true => Redirect::to("/login").into_response(),
            false => Problem::new(StatusCode::UNAUTHORIZED, "log in first: /login").into_response(),
        });
    };
    if person.role < needed {
        let words = format!("this needs the role {needed:?}, you have {:?}", person.role).to_lowercase();
        return Some(Problem::new(StatusCode::FORBIDDEN, words).into_response());
    }
    let pass = Pass::of(access, request.headers());
    request.extensions_mut().insert(pass);
    request.extensions_mut().insert(person);
    None
}

/// Why a request is refused, if it is.
fn refusal(headers: &HeaderMap, door: &Door) -> Option<(StatusCode, &'static str)> {
    let Some(host) = only(headers, header::HOST).filter(|host| is_ours(host, door)) else {
        return Some((
            StatusCode::MISDIRECTED_REQUEST,
            "The Host header does not name this server: use its IP address or one of its names.",
        ));
    };
    let scheme = if door.access.is_some() {
        "https://"
    } else {
        "http://"
    };
    if headers.contains_key(header::ORIGIN) {
        let ours = only(headers, header::ORIGIN)
            .and_then(|origin| origin.strip_prefix(scheme))
            .is_some_and(|origin| origin.eq_ignore_ascii_case(host));
        if !ours {
            return Some((StatusCode::FORBIDDEN, "Requests from other sites are refused."));
        }
    }
    None
}

/// A header that must come once.
fn only(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(first)
}

/// Whether a Host header names the bound address or this machine. Bound to every address, any number will do:
/// rebinding needs a name.
fn is_ours(host: &str, door: &Door) -> bool {
    let bound = door.bound;
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    let name = authority.host();
    if host.contains('@') {
        return false;
    }
    if name.eq_ignore_ascii_case("localhost") || door.names.iter().any(|ours| name.eq_ignore_ascii_case(ours))
    {
        return true;
    }
    match name.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(ip) => ip == bound || ip.is_loopback() || bound.is_unspecified(),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(bound: &str, headers: &[(HeaderName, &str)]) -> Option<u16> {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_str(value).expect("a header")))
            .collect();
        let door = Door::cart(SocketAddr::new(bound.parse().expect("an address"), 8390));
        refusal(&headers, &door).map(|(status, _)| status.as_u16())
    }

    #[test]
    fn only_names_of_this_machine_are_served() {
        let host = |bound: &str, host: &str| answer(bound, &[(header::HOST, host)]);
        for ours in [
            "127.0.0.1:8390",
            "localhost:8390",
            "LOCALHOST",
            "[::1]:8390",
            "10.1.2.3:8390",
        ] {
            assert_eq!(host("10.1.2.3", ours), None, "{ours}");
        }
        for foreign in [
            "evil.example",
            "evil.example:8390",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "me@localhost",
            "10.9.9.9",
            "localhost:8390, evil.example",
            "",
        ] {
            assert_eq!(host("10.1.2.3", foreign), Some(421), "{foreign}");
        }
        assert_eq!(host("0.0.0.0", "10.9.9.9:8390"), None);
        assert_eq!(host("0.0.0.0", "evil.example:8390"), Some(421));
        assert_eq!(answer("127.0.0.1", &[]), Some(421), "no Host at all");
    }

    #[test]
    fn only_pages_of_this_server_are_served() {
        let origin = |origin: &str| {
            let headers = [(header::HOST, "localhost:8390"), (header::ORIGIN, origin)];
            answer("127.0.0.1", &headers)
        };
        assert_eq!(origin("http://localhost:8390"), None);
        for foreign in [
            "http://evil.example",
            "http://localhost:1",
            "https://localhost:8390",
            "null",
            "http://localhost:8390.evil.example",
        ] {
            assert_eq!(origin(foreign), Some(403), "{foreign}");
        }
    }
}
