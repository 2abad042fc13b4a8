//! The address that a delivery comes from. Behind a proxy it is the one that the proxy names.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use ipnet::IpNet;

/// The header to which each proxy adds the address of its client, at the right.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The address of the client. What a trusted proxy says of its own client is believed, and nothing else.
///
/// None if that cannot be read.
pub(super) fn origin(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> Option<IpAddr> {
    let mut address = peer.to_canonical();
    let values: Vec<_> = headers.get_all(FORWARDED_FOR).iter().collect();
    let mut hops = values.iter().rev().flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','));
    while is_in(trusted, address) {
        let Some(hop) = hops.next() else { break };
        address = read(std::str::from_utf8(hop).ok()?.trim())?;
    }
    Some(address)
}

/// Whether an address is in one of the networks.
pub(super) fn is_in(networks: &[IpNet], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(&address))
}

/// An address, to which some proxies add the port.
fn read(hop: &str) -> Option<IpAddr> {
    let address = hop.parse().or_else(|_| hop.parse::<SocketAddr>().map(|address| address.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_trusted_proxies_say_is_believed_from_the_right() {
        let trusted: Vec<IpNet> = ["10.0.0.0/8", "192.0.2.1/32", "fd00::/8"].map(|net| net.parse().unwrap()).into();
        let from = |peer: &str, forwarded: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in forwarded {
                headers.append(FORWARDED_FOR, value.parse().unwrap());
            }
            origin(peer.parse().unwrap(), &headers, &trusted).map(|address| address.to_string())
        };
        for (peer, forwarded, found) in [
            ("203.0.113.5", &["10.0.0.1"][..], Some("203.0.113.5")),
            ("10.0.0.1", &["203.0.113.5"], Some("203.0.113.5")),
            ("::ffff:10.0.0.1", &["::ffff:203.0.113.5"], Some("203.0.113.5")),
            ("fd00::1", &["2001:db8::7"], Some("2001:db8::7")),
            ("10.0.0.1", &["198.51.100.1, 203.0.113.5"], Some("203.0.113.5")),
            ("10.0.0.1", &["198.51.100.1, 203.0.113.5 , 10.1.2.3,192.0.2.1"], Some("203.0.113.5")),
            ("10.0.0.1", &["198.51.100.1", "203.0.113.5", "10.1.2.3"], Some("203.0.113.5")),
            ("10.0.0.1", &["junk, 203.0.113.5"], Some("203.0.113.5")),
            ("10.0.0.1", &["203.0.113.5:4711, [fd00::2]:443"], Some("203.0.113.5")),
            ("10.0.0.1", &[], Some("10.0.0.1")),
            ("10.0.0.1", &["10.0.0.7"], Some("10.0.0.7")),
            ("10.0.0.1", &[""], None),
            ("10.0.0.1", &["203.0.113.5, junk"], None),
            ("10.0.0.1", &["203.0.113.5,"], None),
            ("10.0.0.1", &["203.0.113.5", "unknown"], None),
            ("10.0.0.1", &["203.0.113.5 198.51.100.1"], None),
            ("10.0.0.1", &["203.0.113.05"], None),
        ] {
            assert_eq!(from(peer, forwarded).as_deref(), found, "{peer} {forwarded:?}");
        }
    }
}
