//! `[server]`: the public listener.

use std::net::SocketAddr;
use std::time::Duration;

use ipnet::IpNet;
use serde::Deserialize;

use super::check::{Check, DAY, MILLION};
use super::files::LARGEST;
use super::values::{address, networks};

/// `[server]`
#[derive(Clone, Debug, Deserialize)]
pub struct Server {
    /// The address of the webhook server.
    #[serde(deserialize_with = "address")]
    pub listen: SocketAddr,
    /// The largest body in bytes.
    pub body_limit: usize,
    /// The largest body of a request to the bearer API in bytes.
    pub api_body_limit: usize,
    /// The largest header of a request in bytes.
    pub header_limit: usize,
    /// Connections at one time.
    pub connections: usize,
    /// Connections of one public address at one time; 0 is no limit.
    pub per_address: usize,
    /// Proxies whose word about the address of their clients is believed.
    #[serde(deserialize_with = "networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// The most a client may take for its first byte, and then for the header.
    pub header_timeout: Duration,
    /// The most one request may take, and the longest a connection may be idle.
    pub timeout: Duration,
}

impl Server {
    pub(super) fn check(&self, check: &mut Check) {
        check.number("server.body_limit", self.body_limit, 1024..=LARGEST);
        check.number("server.api_body_limit", self.api_body_limit, 1024..=LARGEST);
        check.number("server.header_limit", self.header_limit, 1024..=MILLION);
        check.number("server.connections", self.connections, 1..=MILLION);
        check.duration("server.timeout", self.timeout, DAY);
        check.duration("server.header_timeout", self.header_timeout, DAY);
    }
}
