//! Values that are written as text in the settings: durations, URLs, addresses.
//!
//! A message says what is wrong with the value and gives the right form, in quotes as a file needs them. For a variable
//! the quotes are removed later.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net};
use secrecy::SecretString;
use serde::Deserializer;
use serde::de::{self, SeqAccess, Unexpected, Visitor};
use url::{Host, Url};

/// The host and port suggested for a listener's address that leaves one out.
struct UsualAddress {
    host: &'static str,
    port: u16,
}

const PUBLIC: UsualAddress = UsualAddress { host: "0.0.0.0", port: 3000 };
const OPERATORS: UsualAddress = UsualAddress { host: "127.0.0.1", port: 9090 };

/// The duration that a setting holds, or what is wrong with it and the right form.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    const FORMS: &str = "write \"500ms\", \"30s\", \"5m\", \"24h\" or \"30d\"";
    parse_duration(text).ok_or_else(|| {
        let text = text.trim();
        if !text.is_empty() && text.len() < 10 && text.chars().all(|c| c.is_ascii_digit()) {
            let other = if text == "0" { String::new() } else { format!(", or \"{text}ms\", \"{text}m\"") };
            format!("has no unit: write \"{text}s\" for seconds{other}")
        } else if is_too_long(text) {
            format!("is too long to mean anything; {FORMS}")
        } else if text.starts_with('-') {
            format!("is negative, which is not a duration; {FORMS}")
        } else if text.is_empty() {
            format!("is not a duration; {FORMS}, or leave it out")
        } else {
            format!("is not a duration; {FORMS}")
        }
    })
}

/// Whether the text has the form of a duration that is too long to count with.
fn is_too_long(text: &str) -> bool {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    unit.len() < text.len() && ["ms", "s", "m", "h", "d"].contains(&unit)
}

/// Reads `500ms`, `30s`, `5m`, `24h` or `30d`; a day is 24 hours.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let span: jiff::Span = text.trim().parse().ok()?;
    let duration = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).ok()?;
    Duration::try_from(duration).ok()
}

/// Reads `64KB`, `25 MB` or `1GiB` as bytes, by powers of 1024; the settings take the number alone.
pub(super) fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim().to_lowercase();
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let power = match unit.trim() {
        "b" | "bytes" => 0,
        "k" | "kb" | "kib" => 1,
        "m" | "mb" | "mib" => 2,
        "g" | "gb" | "gib" => 3,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1024_u64.pow(power))
}

/// A number of bytes, or a text such as `1GiB`.
pub(super) fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let parse = |text: &str| {
        let number = text.trim().parse().ok().or_else(|| parse_size(text));
        number.ok_or_else(|| "is no number of bytes: write 1073741824, or \"1GiB\"".to_owned())
    };
    deserializer.deserialize_any(TextVisitor { parse, off: false })
}

pub(super) fn url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    let parse = |text: &str| {
        let url = Url::parse(text).ok().filter(Url::has_host);
        url.ok_or_else(|| "is not a URL: write it whole, with https:// before the host".to_owned())
    };
    deserializer.deserialize_str(TextVisitor { parse, off: false })
}

/// Whether nobody on the way can read what is sent to this address.
pub(crate) fn encrypted_or_loopback(url: &Url) -> bool {
    match (url.scheme(), url.host()) {
        ("https", Some(_)) => true,
        ("http", Some(Host::Domain(name))) => name == "localhost",
        ("http", Some(Host::Ipv4(address))) => address.is_loopback(),
        ("http", Some(Host::Ipv6(address))) => address.is_loopback(),
        _ => false,
    }
}

/// The public address.
pub(super) fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    deserializer.deserialize_any(TextVisitor { parse: |text: &str| parse_address(text, PUBLIC), off: false })
}

/// The operators' address. An empty text turns the listener off.
pub(super) fn optional_address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    let parse = |text: &str| match text.trim() {
        "" => Ok(None),
        "off" | "none" | "false" | "no" => Err("is not an address; write \"\" to turn it off".to_owned()),
        text => parse_address(text, OPERATORS).map(Some),
    };
    deserializer.deserialize_any(TextVisitor { parse, off: true })
}

/// Reads a value from its text, or says what is wrong with the text. If `off` is set, a boolean is read as the word.
struct TextVisitor<F> {
    parse: F,
    off: bool,
}

impl<T, F: Fn(&str) -> Result<T, String>> Visitor<'_> for TextVisitor<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<T, E> {
        if self.off { self.visit_str(&value.to_string()) } else { Err(E::invalid_type(Unexpected::Bool(value), &self)) }
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text).map_err(E::custom)
    }
}

fn parse_address(text: &str, usual: UsualAddress) -> Result<SocketAddr, String> {
    let text = text.trim();
    let UsualAddress { host, port } = usual;
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let says = |what: &str, form: String| Err(format!("{what}: write \"{form}\""));
    let is_number = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    if let Some(rest) = text.split_once("://").map(|(_, rest)| rest.trim_end_matches('/')) {
        let form = rest.parse::<SocketAddr>().map_or_else(|_| format!("{host}:{port}"), |address| address.to_string());
        return says("is a URL, and takes an address alone", form);
    }
    if let Ok(ip) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
        return says("is an address without a port", SocketAddr::new(ip, port).to_string());
    }
    let (name, number) = match text.rsplit_once(':') {
        Some((name, number)) => (name, number),
        None if is_number(text) => ("", text),
        None => return says("is not an address, which is a host and a port", format!("{host}:{port}")),
    };
    let Ok(number) = number.parse::<u16>() else {
        return says("has no port from 1 to 65535", format!("{host}:{port}"));
    };
    if name.is_empty() {
        return says("is a port without a host", format!("{host}:{number}"));
    }
    if name == "*" {
        return says("is not an address", format!("0.0.0.0:{number}"));
    }
    match resolve(name, number) {
        Some(address) => Ok(address),
        None => says("has a host whose address cannot be found", format!("{host}:{number}")),
    }
}

/// The address of a name, IPv4 if it has both. `localhost` is 127.0.0.1, where a proxy on this machine finds it.
fn resolve(name: &str, port: u16) -> Option<SocketAddr> {
    if name.eq_ignore_ascii_case("localhost") {
        return Some((Ipv4Addr::LOCALHOST, port).into());
    }
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if !name.chars().all(is_name) {
        return None;
    }
    let mut addresses: Vec<_> = (name, port).to_socket_addrs().ok()?.collect();
    addresses.sort_by_key(SocketAddr::is_ipv6);
    addresses.into_iter().next()
}

/// A text, or a list of texts.
pub(super) fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    deserializer.deserialize_any(OneOrMany)
}

/// A secret, or a list of secrets.
pub(super) fn secrets<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<SecretString>, D::Error> {
    Ok(one_or_many(deserializer)?.into_iter().map(SecretString::from).collect())
}

/// Networks, each as `10.0.0.0/8`, or an address alone.
pub(super) fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let read = |text: &String| {
        let network = network(text.trim());
        network.ok_or_else(|| de::Error::custom("holds what is no network: write \"10.0.0.0/8\" or \"192.0.2.7\""))
    };
    one_or_many(deserializer)?.iter().map(read).collect()
}

/// IPv4 in the form of IPv6 becomes IPv4, as the addresses that are compared with it.
fn network(text: &str) -> Option<IpNet> {
    const MAPPED: u8 = 96;
    let network: IpNet = text.parse().ok().or_else(|| Some(text.parse::<IpAddr>().ok()?.into()))?;
    Some(match (network, network.addr().to_canonical()) {
        (IpNet::V6(v6), IpAddr::V4(v4)) => Ipv4Net::new(v4, v6.prefix_len().checked_sub(MAPPED)?).ok()?.into(),
        _ => network.trunc(),
    })
}

/// The same, for a setting that may be left out.
pub(super) fn some_networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<IpNet>>, D::Error> {
    networks(deserializer).map(Some)
}

struct OneOrMany;

impl<'de> Visitor<'de> for OneOrMany {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a list of texts")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<String>, E> {
        Ok(vec![text.to_owned()])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<String>, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = list.next_element()? {
            texts.push(text);
        }
        Ok(texts)
    }
}
