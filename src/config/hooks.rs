//! `[hooks]`: hooks that admins make from the chat.

use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;

use super::check::{Check, DAY};

/// `[hooks]`
#[derive(Clone, Debug, Deserialize)]
pub struct Hooks {
    /// What the secrets of these hooks are derived from, in place of the bot's token; never printed.
    pub secret: Option<SecretString>,
    /// How long the old secret of a hook is good beside the new one.
    pub rotation: Duration,
    /// How long before its end the maker of a hook is told.
    pub notice: Duration,
}

impl Hooks {
    pub(super) fn check(&self, check: &mut Check) {
        check.duration_or_none("hooks.rotation", self.rotation, 366 * DAY);
        check.duration_or_none("hooks.notice", self.notice, 366 * DAY);
        check.secrets("hooks.secret", &self.secret, "can post in the name of every sender", ", or leave it out");
    }
}
