//! `[conversations]`: questions that replies ask.

use std::time::Duration;

use serde::Deserialize;

use super::check::{Check, WEEK};

/// The longest time a question may wait for its answer. Later than that, people have forgotten the question and mean
/// something else by what they write.
pub(crate) const LONGEST_QUESTION: Duration = WEEK;

/// `[conversations]`
#[derive(Clone, Debug, Deserialize)]
pub struct Conversations {
    /// How long the bot waits for the answer to a question.
    pub within: Duration,
}

impl Conversations {
    pub(super) fn check(&self, check: &mut Check) {
        check.duration("conversations.within", self.within, LONGEST_QUESTION);
    }
}
