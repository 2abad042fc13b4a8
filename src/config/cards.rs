//! `[cards]`, `[commands]` and `[conversations]`.

use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;

use super::duration;

/// `[cards]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cards {
    /// Whether replies carry cards at all.
    pub enabled: bool,
    /// Seals the buttons; never printed. Without it the webhook's secret does, or one of the ledger's own.
    pub secret: Option<SecretString>,
    /// What sealed buttons before, and still opens them; never printed.
    pub previous_secrets: Vec<SecretString>,
    /// How long a button works.
    #[serde(deserialize_with = "duration")]
    pub expire: Duration,
}

/// `[conversations]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conversations {
    /// How long an answer to a question is waited for.
    #[serde(deserialize_with = "duration")]
    pub within: Duration,
}

/// `[commands]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commands {
    /// Whether there is `echo`.
    pub echo: bool,
}
