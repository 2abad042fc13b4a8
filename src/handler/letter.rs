//! A message that waits in the outbox.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::store::{Entry, Queue, now_ms};
use crate::webex::{FileInfo, NewMessage, RoomType};

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
    /// Why the card that it was to have is not in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without_card: Option<String>,
}

impl Letter {
    /// A row of the outbox, as of now. Rows of one lane are sent in the order in which they were made.
    pub fn into_entry(self, id: Uuid, lane: String, subject: &str) -> Entry {
        Entry {
            id,
            queue: Queue::Outbox,
            lane,
            accepted_at: now_ms(),
            happened_at: 0,
            body: serde_json::to_string(&self).unwrap_or_default(),
            subject: Some(subject.to_owned()),
            label: None,
            file: None,
        }
    }
}
