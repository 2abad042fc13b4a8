//! The messages that Webex is given of one that a rule made: as many as its text needs, or one edit.

use super::rule::Told;
use crate::event;
use crate::text::{MOST_BYTES, split};

impl Told {
    /// The key of its thread in the outbox. None if it is in no thread.
    pub(super) fn thread_key(&self, hook: &str) -> Option<String> {
        (!self.thread.is_empty()).then(|| format!("hooks/{hook}/{}", event::short_key(&self.thread)))
    }

    /// The state that an edit of the first message of its thread tells. None if it is posted: Webex edits no message with
    /// a card.
    pub(super) fn edits(&self) -> Option<&str> {
        self.updates.as_deref().filter(|_| !self.thread.is_empty() && self.card.is_none())
    }

    /// The text of each message. That of an edit is cut where one message ends.
    pub(super) fn texts(&self) -> Vec<String> {
        let mut texts = split(&self.markdown, MOST_BYTES);
        if self.edits().is_some() && texts.len() > 1 {
            texts.truncate(1);
            texts[0].push_str("\n\n…");
        }
        texts
    }
}
