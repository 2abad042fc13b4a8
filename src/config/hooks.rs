//! `[hooks]`: what all hooks have in common, and those that admins make from the chat.

use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;

use super::check::{Check, DAY};
use super::hook::LARGEST_BODY;
use super::values::size;

/// The least that is kept of payloads, in bytes: one of the largest size.
const LEAST: u64 = 32 * 1024 * 1024;

/// `[hooks]`
#[derive(Clone, Debug, Deserialize)]
pub struct Hooks {
    /// Bytes of bodies that are held at one time.
    pub in_flight: usize,
    /// The bytes of payloads that the ledger keeps.
    #[serde(deserialize_with = "size")]
    pub keep: u64,
    /// The most messages that a rule makes of one delivery that it splits.
    pub parts: usize,
    /// What the secrets of hooks from the chat are derived from, in place of the bot's token; never printed.
    pub secret: Option<SecretString>,
    /// How long the old secret of a hook is good beside the new one.
    pub rotation: Duration,
    /// How long before its end the maker of a hook is told.
    pub notice: Duration,
}

impl Hooks {
    pub(super) fn check(&self, check: &mut Check) {
        // There is room for the largest body that a hook may allow.
        check.number("hooks.in_flight", self.in_flight, LARGEST_BODY..=1 << 40);
        check.must(
            "hooks.keep",
            self.keep >= LEAST,
            "must be 33554432 bytes (32 MiB) or more: one payload may be as large",
        );
        check.number("hooks.parts", self.parts, 1..=1000);
        check.duration_or_none("hooks.rotation", self.rotation, 366 * DAY);
        check.duration_or_none("hooks.notice", self.notice, 366 * DAY);
        check.secrets("hooks.secret", &self.secret, "can post in the name of every sender", ", or leave it out");
    }
}
