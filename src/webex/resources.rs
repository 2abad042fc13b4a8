//! The values that Webex sends, spelled as Webex spells them. Unknown fields are ignored, and most fields may be
//! missing. `lenient` reads these values and handles fields of an odd form.

use std::fmt;

use bytes::Bytes;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::{ActionId, MessageId, PersonId, RoomId, WebhookId};

/// A person or a bot.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Person {
    pub id: PersonId,
    #[serde(default, deserialize_with = "or_none")]
    pub emails: Vec<String>,
    #[serde(default)]
    pub display_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nick_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org_id: Option<String>,
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
}

/// Reads a list. `null` counts as an empty one.
fn or_none<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

impl Person {
    /// Whether this is a bot and not a person. Webex may leave out the type.
    pub fn is_bot(&self) -> bool {
        self.kind.as_deref().is_none_or(|kind| kind == "bot")
    }

    /// A description: bot or person, with name, address and id.
    pub fn described(&self) -> String {
        let kind = match self.kind.as_deref() {
            None | Some("bot") => "bot",
            Some("person") => "person",
            Some(_) => "account",
        };
        format!("the {kind} {} <{}>, id {}", self.display_name, self.email(), self.id)
    }

    /// The first address, or an empty text.
    pub fn email(&self) -> &str {
        self.emails.first().map_or("", String::as_str)
    }
}

/// A direct message or a space with several people.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RoomType {
    /// One person and the bot.
    Direct,
    /// A space with others, in which the bot sees only messages that mention it. If Webex gives no type, this stricter
    /// one is assumed.
    #[default]
    #[serde(other)]
    Group,
}

/// A space.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Room {
    pub id: RoomId,
    #[serde(default)]
    pub title: String,
    #[serde(default, rename = "type")]
    pub kind: RoomType,
    #[serde(default)]
    pub is_locked: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_activity: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creator_id: Option<PersonId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
}

/// The membership of a person in a space.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Membership {
    #[serde(default)]
    pub id: String,
    pub room_id: RoomId,
    pub person_id: PersonId,
    #[serde(default)]
    pub person_email: String,
    #[serde(default)]
    pub person_display_name: String,
    #[serde(default)]
    pub is_moderator: bool,
}

/// A message. Everything but ids and time may be missing.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Message {
    pub id: MessageId,
    pub room_id: RoomId,
    #[serde(default)]
    pub room_type: RoomType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub markdown: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    #[serde(default, deserialize_with = "or_none", skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    #[serde(default, deserialize_with = "or_none", skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    pub person_id: PersonId,
    #[serde(default)]
    pub person_email: String,
    #[serde(default, deserialize_with = "or_none", skip_serializing_if = "Vec::is_empty")]
    pub mentioned_people: Vec<PersonId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<MessageId>,
}

/// A message of which only ids and the time are read, such as one in a long list.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Listed {
    pub id: MessageId,
    #[serde(default)]
    pub person_id: Option<PersonId>,
    #[serde(default)]
    pub created: Option<Timestamp>,
}

/// A card beside a message.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Attachment {
    pub content_type: String,
    pub content: Value,
}

impl Attachment {
    /// Wraps the JSON of an Adaptive Card.
    pub fn adaptive_card(content: Value) -> Attachment {
        Attachment { content_type: "application/vnd.microsoft.card.adaptive".to_owned(), content }
    }
}

/// A file with its bytes, to be sent or just fetched.
#[derive(Clone)]
#[allow(missing_docs)]
pub struct File {
    pub name: String,
    pub content_type: String,
    pub bytes: Bytes,
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {} bytes)", self.name, self.content_type, self.bytes.len())
    }
}

/// A click on a card. The inputs are whatever the clicking client sent: hostile until checked.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct AttachmentAction {
    pub id: ActionId,
    pub message_id: MessageId,
    #[serde(default)]
    pub inputs: Value,
    pub person_id: PersonId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room_id: Option<RoomId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
}

/// The resources that Webex documents for webhooks, except `all`.
pub(crate) const WEBHOOK_RESOURCES: [&str; 16] = [
    "attachmentActions",
    "dataSources",
    "memberships",
    "messages",
    "rooms",
    "meetings",
    "recordings",
    "convergedRecordings",
    "meetingParticipants",
    "meetingTranscripts",
    "telephony_calls",
    "telephony_conference",
    "telephony_mwi",
    "uc_counters",
    "serviceApp",
    "adminBatchJobs",
];

/// The events that Webex documents for webhooks, except `all`.
pub(crate) const WEBHOOK_EVENTS: [&str; 11] = [
    "created",
    "updated",
    "deleted",
    "started",
    "ended",
    "joined",
    "left",
    "migrated",
    "authorized",
    "deauthorized",
    "statusChanged",
];

/// A webhook, as Webex sends it.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Webhook {
    pub id: WebhookId,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub target_url: String,
    #[serde(default)]
    pub resource: String,
    #[serde(default)]
    pub event: String,
    #[serde(default)]
    pub filter: Option<String>,
    #[serde(default)]
    pub secret: Option<SecretString>,
    #[serde(default)]
    pub status: Option<String>,
    #[serde(default)]
    pub created: Option<Timestamp>,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{} -> {}", self.name, self.resource, self.event, self.target_url)
    }
}

/// A webhook, as it should be.
#[derive(Clone)]
#[allow(missing_docs)]
pub struct WebhookSpec {
    pub name: String,
    pub target_url: String,
    pub resource: String,
    pub event: String,
    pub secret: SecretString,
}

impl WebhookSpec {
    /// Whether `found` is as wanted in everything that cannot be changed: resource, event and filter.
    pub fn can_become(&self, found: &Webhook) -> bool {
        let unfiltered = found.filter.as_deref().is_none_or(str::is_empty);
        found.resource == self.resource && found.event == self.event && unfiltered
    }

    /// Whether `found` needs no change.
    pub fn is_met_by(&self, found: &Webhook) -> bool {
        let secret = found.secret.as_ref().map(ExposeSecret::expose_secret);
        found.name == self.name
            && self.can_become(found)
            && found.target_url == self.target_url
            && found.status.as_deref().is_none_or(|status| status == "active")
            && secret == Some(self.secret.expose_secret())
    }
}
