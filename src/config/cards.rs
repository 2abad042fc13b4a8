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
    /// Seals the buttons; never printed. Without it a secret that the ledger keeps does.
    pub secret: Option<SecretString>,
    /// What sealed buttons before, and still opens them; never printed.
    pub previous_secrets: Vec<SecretString>,
    /// How long a button works.
    pub expire: Duration,
}

impl Cards {
    pub(super) fn check(&self, check: &mut Check) {
        // The use of a card is remembered for so long.
        check.duration("cards.expire", self.expire, 366 * DAY);
        check.secrets("cards.secret", &self.secret, "can press any button", ", or leave it out");
        check.secrets("cards.previous_secrets", &self.previous_secrets, "can press any button", ", or leave it out");
    }
}
