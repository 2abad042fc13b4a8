//! Keeps other web pages out. The simulator asks nobody for a password, so a page open in the same browser could talk
//! to it behind the person's back; browsers say where a request comes from and what host it was meant for.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use url::{Host, Url};

use crate::simulator::Cloud;

/// Lets a request pass that comes from our own page or from no page at all, and, on a loopback address, was meant for
/// one: a name that an attacker has pointed at this machine is refused.
pub(in crate::simulator) async fn guard(State(cloud): State<Cloud>, request: Request, next: Next) -> Response {
    match stranger(request.headers(), cloud.inner.address.ip()) {
        None => next.run(request).await,
        Some(why) => (StatusCode::FORBIDDEN, why).into_response(),
    }
}

fn stranger(headers: &HeaderMap, listening: IpAddr) -> Option<&'static str> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let host = text(HOST).and_then(|host| Url::parse(&format!("http://{host}")).ok());
    let Some(host) = host else { return Some("the request names no host\n") };
    let is_local = match host.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if listening.is_loopback() && !is_local {
        return Some("the simulator listens on this machine only; call it localhost or 127.0.0.1\n");
    }
    let is_ours = |origin: &str| {
        Url::parse(origin).is_ok_and(|origin| {
            origin.host() == host.host() && origin.port_or_known_default() == host.port_or_known_default()
        })
    };
    match text(ORIGIN) {
        Some(origin) if !is_ours(origin) => Some("another web page may not talk to the simulator\n"),
        Some(_) | None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_page_and_programs_pass() {
        for (host, origin, passes) in [
            ("127.0.0.1:4000", None, true),
            ("localhost:4000", Some("http://localhost:4000"), true),
            ("[::1]:4000", Some("http://[::1]:4000"), true),
            ("127.0.0.1:4000", Some("http://127.0.0.1:5000"), false),
            ("127.0.0.1:4000", Some("https://evil.example"), false),
            ("127.0.0.1:4000", Some("null"), false),
            ("evil.example:4000", None, false),
            ("evil.example:4000", Some("http://evil.example:4000"), false),
            ("", None, false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, host.parse().unwrap());
            if let Some(origin) = origin {
                headers.insert(ORIGIN, origin.parse().unwrap());
            }
            let refused = stranger(&headers, "127.0.0.1".parse().unwrap());
            assert_eq!(refused.is_none(), passes, "{host} {origin:?}");
        }
    }

    #[test]
    fn who_listens_for_everybody_takes_any_host_but_no_other_page() {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, "sim.example:4000".parse().unwrap());
        assert_eq!(stranger(&headers, "0.0.0.0".parse().unwrap()), None);
        headers.insert(ORIGIN, "http://evil.example:4000".parse().unwrap());
        assert!(stranger(&headers, "0.0.0.0".parse().unwrap()).is_some());
    }
}
