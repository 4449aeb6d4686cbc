//! Who may ask: requests that name this machine, from its own pages; and the headers every answer carries.
//!
//! A foreign page that had its name point here (DNS rebinding) sends its own name as Host; a foreign page that
//! opens a WebSocket sends its own Origin. From another machine the live picture may be looked at, and nothing else.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode, uri::Authority};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

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

/// Refuses foreign requests and adds the headers to every answer.
pub(super) async fn guard(State(bound): State<SocketAddr>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let here = peer.is_some_and(|ConnectInfo(peer)| peer.ip().to_canonical().is_loopback());
    let refused = refusal(request.headers(), bound.ip())
        .or_else(|| (!here && only_here(request.method(), request.uri().path())).then_some(ELSEWHERE));
    let mut response = match refused {
        Some((status, words)) => Problem::new(status, words).into_response(),
        None => next.run(request).await,
    };
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

/// What is asked from another machine. There is no login yet, and so nobody there may change or see whose exam it is.
const ELSEWHERE: (StatusCode, &str) = (
    StatusCode::FORBIDDEN,
    "Exams are changed and reviewed on the cart itself.",
);

/// Whether something is for the cart's own browser alone: everything that changes an exam or names a patient.
fn only_here(method: &Method, path: &str) -> bool {
    !method.is_safe() || path.starts_with("/api/v1/exam") || path.starts_with("/api/v1/uplink")
}

/// Why a request is refused, if it is.
fn refusal(headers: &HeaderMap, bound: IpAddr) -> Option<(StatusCode, &'static str)> {
    let Some(host) = only(headers, header::HOST).filter(|host| is_ours(host, bound)) else {
        return Some((
            StatusCode::MISDIRECTED_REQUEST,
            "The Host header does not name this server: use its IP address or localhost.",
        ));
    };
    if headers.contains_key(header::ORIGIN) {
        let ours = only(headers, header::ORIGIN)
            .and_then(|origin| origin.strip_prefix("http://"))
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
fn is_ours(host: &str, bound: IpAddr) -> bool {
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    let name = authority.host();
    if host.contains('@') {
        return false;
    }
    if name.eq_ignore_ascii_case("localhost") {
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
        refusal(&headers, bound.parse().expect("an address")).map(|(status, _)| status.as_u16())
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
