//! `[log]`: what is logged.

use serde::Deserialize;

use super::check::Check;

/// `[log]`
#[derive(Clone, Debug, Deserialize)]
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

impl Log {
    pub(super) fn check(&self, check: &mut Check) {
        check.must(
            "log.level",
            is_log_filter(&self.level),
            "must be error, warn, info, debug or trace, or a filter such as info,switchboard::webex=debug",
        );
    }
}

/// Whether the text is a level, or a filter with a level in each part. The log would take any other word for a module's
/// name and switch everything else off.
fn is_log_filter(filter: &str) -> bool {
    let is_level = |word: &str| ["off", "error", "warn", "info", "debug", "trace"].contains(&word);
    filter.split(',').all(|part| match part.split_once('=') {
        Some((target, level)) => !target.trim().is_empty() && is_level(level.trim()),
        None => is_level(part.trim()),
    })
}
