//! `[delivery]`: how messages reach the bot.

use std::time::Duration;

use serde::Deserialize;

use super::check::{Check, DAY, LONGEST, MILLION};

/// `[delivery]`
#[derive(Clone, Debug, Deserialize)]
pub struct Delivery {
    /// How messages reach the bot.
    pub mode: Mode,
    /// How far back missed messages are fetched.
    pub catch_up: Duration,
    /// The most messages fetched from one space at a time.
    pub catch_up_limit: usize,
    /// How often the bot looks for messages whose delivery was lost.
    pub reconcile: Duration,
    /// The space to which canaries are sent. Without it none are sent.
    pub canary: Option<String>,
    /// The pause between two canaries.
    pub canary_interval: Duration,
    /// How long a canary may take to come back.
    pub canary_within: Duration,
}

/// How messages reach the bot.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Webex posts to us.
    Webhook,
    /// We ask Webex.
    Polling,
    /// We hold a socket open.
    Websocket,
    /// Webhook and polling.
    Both,
}

impl Mode {
    /// The word used in the settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Webhook => "webhook",
            Mode::Polling => "polling",
            Mode::Websocket => "websocket",
            Mode::Both => "both",
        }
    }
}

impl Delivery {
    pub(super) fn check(&self, check: &mut Check) {
        check.number("delivery.catch_up_limit", self.catch_up_limit, 1..=100 * MILLION);
        check.duration_or_none("delivery.catch_up", self.catch_up, LONGEST);
        check.duration("delivery.reconcile", self.reconcile, 30 * DAY);
        check.duration("delivery.canary_interval", self.canary_interval, 30 * DAY);
        check.duration("delivery.canary_within", self.canary_within, DAY);
    }
}
