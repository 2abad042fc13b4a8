//! `[cards]`: buttons to press.

use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;

use super::check::{Check, DAY};

/// `[cards]`
#[derive(Clone, Debug, Deserialize)]
pub struct Cards {
    /// Whether replies carry cards at all.
    pub enabled: bool,
    /// The secret that seals the buttons; never printed. Without it a secret from the ledger seals them.
    pub secret: Option<SecretString>,
    /// Earlier secrets, which still open the buttons they sealed; never printed.
    pub previous_secrets: Vec<SecretString>,
    /// How long a button works.
    pub expire: Duration,
}

impl Cards {
    pub(super) fn check(&self, check: &mut Check) {
        // The ledger remembers for this long which cards were used.
        check.duration("cards.expire", self.expire, 366 * DAY);
        check.secrets("cards.secret", &self.secret, "can press any button", ", or leave it out");
        check.secrets("cards.previous_secrets", &self.previous_secrets, "can press any button", ", or leave it out");
    }
}
