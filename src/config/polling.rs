//! `[polling]`: what we ask Webex.

use std::time::Duration;

use serde::Deserialize;

use super::check::{Check, DAY, MILLION};

/// `[polling]`
#[derive(Clone, Debug, Deserialize)]
pub struct Polling {
    /// How often Webex is asked.
    pub interval: Duration,
    /// How many spaces are read at one time.
    pub concurrency: usize,
    /// The most calls a minute that nobody waits for, such as polling.
    pub rate: u32,
}

impl Polling {
    pub(super) fn check(&self, check: &mut Check) {
        check.number("polling.concurrency", self.concurrency, 1..=256);
        check.number("polling.rate", self.rate, 1..=MILLION);
        check.duration("polling.interval", self.interval, DAY);
    }
}
