//! The messages that Webex is given of one that a rule made: as many as its text needs, or one edit.

use serde_json::Value;

use super::rule::Told;
use crate::event;
use crate::text::{MOST_BYTES, split};

/// One of the messages.
pub struct Piece {
    pub text: String,
    /// The JSON of its card.
    pub card: Option<Value>,
    /// The address of its picture.
    pub picture: Option<String>,
}

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

    /// The messages. The card, or the picture, goes with the first. An edit takes no picture along, and its text is cut
    /// where one message ends.
    pub(super) fn pieces(&self) -> Vec<Piece> {
        let is_edit = self.edits().is_some();
        let mut texts = split(&self.markdown, MOST_BYTES);
        if is_edit && texts.len() > 1 {
            texts.truncate(1);
            texts[0].push_str("\n\n…");
        }
        let (mut card, mut picture) = (self.card.clone(), self.picture.clone().filter(|_| !is_edit));
        let piece = |text| Piece { text, card: card.take(), picture: picture.take() };
        texts.into_iter().map(piece).collect()
    }
}
