//! `[instance]`: this daemon beside others with the same token.

use std::time::Duration;

use serde::Deserialize;

use super::check::{Check, DAY};

/// `[instance]`
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Instance {
    /// Whether this daemon stays silent while one with another, older ledger answers.
    pub alone: bool,
    /// How often its mark at Webex is renewed.
    pub renew: Duration,
}

impl Instance {
    pub(super) fn check(&self, check: &mut Check) {
        check.duration("instance.renew", self.renew, DAY);
    }
}
