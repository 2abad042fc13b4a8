//! Keeps other web pages away from the simulator. Its own page asks for no password, so another page in the same
//! browser could send requests to it. Browsers tell from which page a request comes, and for which host it is meant.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName};
use axum::middleware::Next;
use axum::response::Response;
use url::{Host, Url};

use super::dress::refused;
use crate::simulator::scenario::cloud::Cloud;
use crate::simulator::world::Refusal;

/// Lets a request pass if it comes from our own page or from no page, and is meant for one of our names. A name that an
/// attacker has pointed at this machine is refused.
pub(crate) async fn guard(State(cloud): State<Cloud>, request: Request, next: Next) -> Response {
    let (listening, public_url) = (cloud.inner.address.ip(), cloud.inner.public_url.as_ref());
    match stranger(request.headers(), listening, public_url) {
        None => next.run(request).await,
        Some(why) => refused(&cloud, Refusal::forbidden(why)),
    }
}

fn stranger(headers: &HeaderMap, listening: IpAddr, public_url: Option<&Url>) -> Option<String> {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let Some(named) = text(HOST).and_then(|host| Url::parse(&format!("http://{host}")).ok()) else {
        return Some("The request names no host.".to_owned());
    };
    let Some(host) = named.host() else { return Some("The request names no host.".to_owned()) };
    let is_public_url = public_url.is_some_and(|url| url.host() == Some(host.clone()));
    if !is_local(&host, listening) && !is_public_url {
        let port = named.port().map_or_else(String::new, |port| format!(":{port}"));
        return Some(format!(
            "The simulator does not know the host {host}: call it by the address it listens on, or start it with \
             --public-url http://{host}{port}."
        ));
    }
    let is_ours = |origin: &Url| {
        let is_same = origin.host() == named.host() && origin.port_or_known_default() == named.port_or_known_default();
        is_same || public_url.is_some_and(|url| url.origin() == origin.origin())
    };
    match text(ORIGIN) {
        Some(origin) if !Url::parse(origin).is_ok_and(|origin| is_ours(&origin)) => {
            Some(format!("A web page of another address ({origin}) may not talk to the simulator."))
        }
        Some(_) | None => None,
    }
}

/// Whether this host can only be us: it is our address, or `localhost`, for which no name server is asked. A cloud that
/// listens on all addresses is reached by every address of the machine.
fn is_local(host: &Host<&str>, listening: IpAddr) -> bool {
    let is_address = |address: IpAddr| address.is_loopback() || address == listening || listening.is_unspecified();
    match host {
        Host::Domain(name) => name.eq_ignore_ascii_case("localhost"),
        Host::Ipv4(address) => is_address((*address).into()),
        Host::Ipv6(address) => is_address((*address).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(host: &str, origin: Option<&str>, listening: &str, public_url: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(ORIGIN, origin.parse().unwrap());
        }
        let public_url = public_url.map(|url| url.parse().unwrap());
        stranger(&headers, listening.parse().unwrap(), public_url.as_ref()).is_none()
    }

    #[test]
    fn only_our_own_page_and_programs_pass() {
        for (host, origin, expected) in [
            ("127.0.0.1:4000", None, true),
            ("localhost:4000", Some("http://localhost:4000"), true),
            ("[::1]:4000", Some("http://[::1]:4000"), true),
            ("127.0.0.1:4000", Some("http://127.0.0.1:5000"), false),
            ("127.0.0.1:4000", Some("https://evil.example"), false),
            ("127.0.0.1:4000", Some("null"), false),
            ("evil.example:4000", None, false),
            ("evil.example:4000", Some("http://evil.example:4000"), false),
            ("localhost.evil.example:4000", None, false),
            ("192.168.1.5:4000", None, false),
            ("", None, false),
        ] {
            assert_eq!(passes(host, origin, "127.0.0.1", None), expected, "{host} {origin:?}");
        }
    }

    #[test]
    fn who_listens_for_others_is_called_by_an_address_or_the_public_name() {
        let public = Some("https://sim.example");
        for (host, origin, listening, public_url, expected) in [
            ("192.168.1.5:4000", None, "192.168.1.5", None, true),
            ("192.168.1.6:4000", None, "192.168.1.5", None, false),
            ("127.0.0.1:4000", None, "192.168.1.5", None, true),
            ("192.168.1.5:4000", Some("http://192.168.1.5:4000"), "0.0.0.0", None, true),
            ("[2001:db8::5]:4000", None, "::", None, true),
            ("0.0.0.0:4000", None, "0.0.0.0", None, true),
            ("evil.example:4000", None, "0.0.0.0", None, false),
            ("evil.example:4000", None, "0.0.0.0", public, false),
            ("sim.example", None, "0.0.0.0", public, true),
            // Behind a proxy that speaks HTTPS, and one that says itself which host it wants.
            ("sim.example", Some("https://sim.example"), "127.0.0.1", public, true),
            ("127.0.0.1:4000", Some("https://sim.example"), "127.0.0.1", public, true),
            ("sim.example", Some("https://evil.example"), "127.0.0.1", public, false),
        ] {
            assert_eq!(passes(host, origin, listening, public_url), expected, "{host} {origin:?} {listening}");
        }
    }
}
