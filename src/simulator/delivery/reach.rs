//! Decides from which addresses a file may be fetched. Otherwise anybody who can post a message could read pages of
//! this machine, or of its network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// The address is not public.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0} is an address of this machine or of a private network; the simulator fetches from one with --fetch-private"
)]
pub(crate) struct Private(IpAddr);

/// Resolves names, and gives only public addresses. The client connects to the addresses that were checked, so a name
/// that changes meanwhile leads nowhere else.
pub(crate) struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let (public, private): (Vec<_>, Vec<_>) =
                tokio::net::lookup_host((name.as_str(), 0)).await?.partition(|found| is_public(found.ip()));
            match private.first() {
                Some(found) if public.is_empty() => Err(Private(found.ip()).into()),
                Some(_) | None => Ok(Box::new(public.into_iter()) as Addrs),
            }
        })
    }
}

/// Checks a URL that contains an address. Names are checked when they are resolved, which an address never is.
pub(crate) fn check(url: &Url) -> Result<(), Private> {
    let address: IpAddr = match url.host() {
        Some(Host::Ipv4(address)) => address.into(),
        Some(Host::Ipv6(address)) => address.into(),
        Some(Host::Domain(_)) | None => return Ok(()),
    };
    if is_public(address) { Ok(()) } else { Err(Private(address)) }
}

/// The private address because of which a request was refused, if that was the reason.
pub(crate) fn private(error: &reqwest::Error) -> Option<&Private> {
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if let Some(private) = error.downcast_ref::<Private>() {
            return Some(private);
        }
        source = error.source();
    }
    None
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        // "This network", multicast, and everything reserved, up to the broadcast address.
        || a == 0
        || a >= 224
        // Addresses shared by the customers of a provider, and addresses for benchmarks.
        || (a == 100 && b & 0b1100_0000 == 64)
        || (a == 198 && b & 0b1111_1110 == 18)
        || (a == 192 && b == 0 && c == 0))
}

/// Only 2000::/3 has public addresses. Some addresses there and elsewhere are other spellings of IPv4 addresses.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        // Mapped, and the translation of NAT64.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        // 6to4.
        [0x2002, high, low, ..] => embedded(high, low),
        // Teredo and the other protocols of 2001::/23, and documentation.
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_this_machine_and_of_private_networks_are_known_in_every_spelling() {
        for (address, expected) in [
            ("8.8.8.8", true),
            ("100.63.255.255", true),
            ("172.32.0.1", true),
            ("2606:4700::1111", true),
            ("::ffff:8.8.8.8", true),
            ("64:ff9b::808:808", true),
            ("2002:808:808::1", true),
            ("127.0.0.1", false),
            ("127.8.9.10", false),
            ("0.0.0.0", false),
            ("0.1.2.3", false),
            ("10.1.2.3", false),
            ("100.64.0.1", false),
            ("100.127.255.255", false),
            ("169.254.169.254", false),
            ("172.16.0.1", false),
            ("192.0.0.8", false),
            ("192.168.1.1", false),
            ("198.19.0.1", false),
            ("203.0.113.5", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("::", false),
            ("::1", false),
            ("::7f00:1", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:10.0.0.1", false),
            ("::ffff:0:7f00:1", false),
            ("64:ff9b::7f00:1", false),
            ("64:ff9b:1::808:808", false),
            ("2002:7f00:1::1", false),
            ("2002:a00:1::", false),
            ("2001:0:808:808::1", false),
            ("2001:db8::1", false),
            ("fc00::1", false),
            ("fd12:3456::1", false),
            ("fe80::1", false),
            ("fec0::1", false),
            ("ff02::1", false),
        ] {
            assert_eq!(is_public(address.parse().unwrap()), expected, "{address}");
        }
        for spelling in ["http://127.1/", "http://2130706433/", "http://0x7f.0.0.1/", "http://[::ffff:7f00:1]/"] {
            assert!(check(&spelling.parse().unwrap()).is_err(), "{spelling}");
        }
    }

    #[tokio::test]
    async fn a_name_of_a_private_address_gives_none_to_connect_to() {
        let resolved = PublicOnly.resolve("localhost".parse().unwrap()).await;
        assert!(resolved.err().unwrap().downcast_ref::<Private>().is_some());
    }
}
