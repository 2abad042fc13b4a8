//! `[hooks]`: what all hooks have in common.

use serde::Deserialize;

use super::check::Check;
use super::values::size;

/// The least that is kept of payloads, in bytes: one of the largest size.
const LEAST: u64 = 32 * 1024 * 1024;

/// `[hooks]`
#[derive(Clone, Debug, Deserialize)]
pub struct Hooks {
    /// The bytes of payloads that the ledger keeps.
    #[serde(deserialize_with = "size")]
    pub keep: u64,
    /// The most messages that a rule makes of one delivery that it splits.
    pub parts: usize,
}

impl Hooks {
    pub(super) fn check(&self, check: &mut Check) {
        check.must(
            "hooks.keep",
            self.keep >= LEAST,
            "must be 33554432 bytes (32 MiB) or more: one payload may be as large",
        );
        check.number("hooks.parts", self.parts, 1..=1000);
    }
}
