//! `[conversations]`: questions that replies ask.

use std::time::Duration;

use serde::Deserialize;

use super::check::{Check, WEEK};

/// Who comes back to it later does not know any more what was asked, and what they then say is meant otherwise.
pub(crate) const LONGEST_QUESTION: Duration = WEEK;

/// `[conversations]`
#[derive(Clone, Debug, Deserialize)]
pub struct Conversations {
    /// How long an answer to a question is waited for.
    pub within: Duration,
}

impl Conversations {
    pub(super) fn check(&self, check: &mut Check) {
        check.duration("conversations.within", self.within, LONGEST_QUESTION);
    }
}
