//! `[pairing]`: how strangers are let in.

use std::time::Duration;

use serde::Deserialize;

use super::check::{Check, LONGEST};

/// `[pairing]`
#[derive(Clone, Debug, Deserialize)]
pub struct Pairing {
    /// How long a code is good.
    pub expires: Duration,
    /// How many strangers get a code within an hour.
    pub per_hour: u32,
    /// How long somebody who was denied gets no new code.
    pub quiet: Duration,
}

impl Pairing {
    pub(super) fn check(&self, check: &mut Check) {
        check.must(
            "pairing.per_hour",
            (1..=100_000).contains(&self.per_hour),
            "must be from 1 to 100000; if nobody may ask, set access.dm_policy to \"allowlist\"",
        );
        check.duration("pairing.expires", self.expires, LONGEST);
        check.duration_or_none("pairing.quiet", self.quiet, LONGEST);
    }
}
