//! Messages as REST shows them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::room::RoomType;
use crate::simulator::world::time;

/// A message as REST shows it, in the order of fields that Webex uses.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Message {
    pub id: String,
    pub room_id: String,
    pub room_type: RoomType,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    pub person_id: String,
    pub person_email: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub markdown: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentioned_people: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentioned_groups: Vec<String>,
    #[serde(serialize_with = "time::millis")]
    pub created: Timestamp,
    #[serde(serialize_with = "time::optional_millis", skip_serializing_if = "Option::is_none")]
    pub updated: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<String>,
    #[serde(skip)]
    pub(crate) edits: u8,
}

impl Message {
    /// What the message says: its markdown, or else its text.
    pub fn said(&self) -> &str {
        self.markdown.as_deref().or(self.text.as_deref()).unwrap_or_default()
    }
}
