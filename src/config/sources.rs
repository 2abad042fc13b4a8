//! `[sources]`: what the bot fetches from others.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::check::{Check, DAY};
use super::files::LARGEST;

/// The most redirects that may be followed.
const MOST_REDIRECTS: u64 = 20;

/// `[sources]`
#[derive(Clone, Debug, Deserialize)]
pub struct Sources {
    /// Addresses inside the own network that may be called.
    #[serde(deserialize_with = "networks")]
    pub allow_addresses: Vec<IpNet>,
    /// How long a fetch may take, with its redirects and the whole body.
    pub timeout: Duration,
    /// The largest body, in bytes.
    pub max_bytes: u64,
    /// How many redirects are followed.
    pub redirects: usize,
}

impl Sources {
    pub(super) fn check(&self, check: &mut Check) {
        check.duration("sources.timeout", self.timeout, DAY);
        check.number("sources.max_bytes", self.max_bytes, 1..=LARGEST);
        check.number("sources.redirects", self.redirects, 0..=MOST_REDIRECTS);
    }
}

/// Reads networks such as `10.0.0.0/8`. An address alone is a network of one.
fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let network = |text: String| {
        let text = text.trim();
        let alone = || text.parse::<IpAddr>().map(IpNet::from).ok();
        let says = "holds what is no network: write \"10.0.0.0/8\", \"fd00::/8\" or an address";
        text.parse().ok().or_else(alone).ok_or_else(|| D::Error::custom(says))
    };
    Vec::<String>::deserialize(deserializer)?.into_iter().map(network).collect()
}
