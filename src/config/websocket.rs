//! `[websocket]`: the socket we hold open.

use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::check::{Check, DAY};
use super::values::{encrypted_or_loopback, url};

/// `[websocket]`
#[derive(Clone, Debug, Deserialize)]
pub struct Websocket {
    /// The address of Webex's list of its own hosts. The token is sent to the hosts in that list and to no others.
    #[serde(deserialize_with = "url")]
    pub catalog_url: Url,
    /// The name of the bot's own device at Webex, to which the socket belongs.
    pub device: String,
    /// How often a ping is sent over the socket.
    pub ping_interval: Duration,
    /// How long the answer to a ping may take.
    pub pong_timeout: Duration,
    /// The longest pause before a lost socket is opened again.
    pub backoff_max: Duration,
}

impl Websocket {
    pub(super) fn check(&self, check: &mut Check) {
        check.must(
            "websocket.catalog_url",
            encrypted_or_loopback(&self.catalog_url),
            "must be https (plain http only on loopback): the token is sent there",
        );
        check.must(
            "websocket.device",
            !self.device.trim().is_empty() && self.device.len() <= 64,
            "must be a name of at most 64 bytes, such as switchboard",
        );
        check.duration("websocket.ping_interval", self.ping_interval, DAY);
        check.duration("websocket.pong_timeout", self.pong_timeout, DAY);
        check.duration("websocket.backoff_max", self.backoff_max, DAY);
    }
}
