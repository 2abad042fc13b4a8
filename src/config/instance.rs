//! `[instance]` and `[log]`: the process itself.

use std::time::Duration;

use serde::Deserialize;

use super::duration;

/// This daemon beside others with the same token.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    /// Whether it stands back while a daemon with another, older ledger answers.
    pub alone: bool,
    /// How often its mark at Webex is renewed.
    #[serde(deserialize_with = "duration")]
    pub renew: Duration,
}

/// `[log]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// How a line looks.
    pub format: LogFormat,
    /// A level, or a filter by module.
    pub level: String,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For a terminal.
    Human,
    /// One object a line.
    Json,
}
