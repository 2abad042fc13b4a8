//! A message that waits in the outbox, and what is noted of it once it was sent.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock;
use crate::store::{Entry, Queue};
use crate::webex::{FileInfo, MessageId, NewMessage, RoomType};

/// The body of an outbox row.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Letter {
    /// The event it answers.
    pub event: Uuid,
    /// Whether the space can be read back.
    pub room_type: RoomType,
    /// What is posted.
    pub message: NewMessage,
    /// The file that is posted with it; its bytes are beside the row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileInfo>,
    /// Whom its message asks something: when Webex has it, their time to answer begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asks: Option<String>,
    /// Why the card that it was to have is not in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without_card: Option<String>,
    /// In place of a message to be posted: one of the bot's own to be deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remove: Option<Removal>,
}

/// A message of the bot's own that is deleted once another one stands in its place.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Removal {
    /// The message's row in the ledger, which has Webex's id of it once it was sent.
    pub row: Uuid,
    /// Webex's ids of it as far as they are known besides: the row may be older than what the ledger keeps, and what was
    /// sent again after an uncertain send stands there twice.
    #[serde(default)]
    pub messages: Vec<MessageId>,
    /// The row of what stands in its place. Unless that was sent the message stays.
    pub successor: Uuid,
}

impl Letter {
    /// A message that answers an event.
    pub fn of(event: Uuid, room_type: RoomType, message: NewMessage) -> Letter {
        Letter { event, room_type, message, file: None, asks: None, without_card: None, remove: None }
    }

    /// A row of the outbox, as of now. Rows of one lane are sent in the order in which they were made.
    pub fn into_entry(self, id: Uuid, lane: String, subject: &str) -> Entry {
        Entry {
            id,
            queue: Queue::Outbox,
            lane,
            accepted_at: clock::wall_ms(),
            happened_at: 0,
            body: serde_json::to_string(&self).unwrap_or_default(),
            subject: Some(subject.to_owned()),
            label: None,
            file: None,
        }
    }
}

/// What the outbox notes of a letter that Webex has taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Webex's id of the message.
    pub id: String,
    /// Why Webex has it without its card.
    pub without_card: Option<String>,
}

const WITHOUT_CARD: &str = " without its card: ";

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.without_card {
            None => f.write_str(&self.id),
            Some(why) => write!(f, "{}{WITHOUT_CARD}{why}", self.id),
        }
    }
}

impl Receipt {
    /// From what was noted; nothing where no id was, since Webex's answer could not be read.
    pub fn read(note: &str) -> Option<Receipt> {
        let (id, without_card) = match note.split_once(WITHOUT_CARD) {
            Some((id, why)) => (id, Some(why.to_owned())),
            None => (note, None),
        };
        let is_id = !id.is_empty() && !id.contains(char::is_whitespace);
        is_id.then(|| Receipt { id: id.to_owned(), without_card })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_is_read_as_it_was_noted() {
        for without_card in [None, Some("Webex answered 400 without its card: or so".to_owned())] {
            let receipt = Receipt { id: "Y2lz".to_owned(), without_card };
            assert_eq!(Receipt::read(&receipt.to_string()), Some(receipt));
        }
        assert_eq!(Receipt::read("Webex answered messages with a body that cannot be read"), None);
        assert_eq!(Receipt::read(""), None);
    }
}
