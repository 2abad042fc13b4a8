//! A delivery of a kind that nobody here works on, reduced to what explains it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::foreign::{is_id, name};
use crate::clock;
use crate::event;
use crate::store::{Entry, Queue};
use crate::webex::{WEBHOOK_EVENTS, WEBHOOK_RESOURCES, local_part, read};

/// What a metric says of anything else.
const OTHER: &str = "other";

/// A delivery of a kind that nobody here works on.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Unhandled {
    /// Webex's name of the resource, as it came.
    pub resource: String,
    /// What happened to it, as it came.
    pub event: String,
    /// The id of what it happened to.
    #[serde(rename = "data_id", default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The id that the envelope itself has: the webhook's, or that of the frame of a websocket.
    #[serde(rename = "envelope_id", default, skip_serializing_if = "Option::is_none")]
    pub envelope: Option<String>,
    /// Tells this delivery from others of the same thing.
    #[serde(skip)]
    key: Uuid,
}

impl Unhandled {
    /// What a webhook delivered. The same bytes are the same delivery.
    pub(super) fn posted(resource: &str, event: &str, body: &[u8]) -> Self {
        #[derive(Default, Deserialize)]
        struct Ids {
            /// The webhook's.
            id: Option<String>,
            data: Option<Value>,
        }
        let Ids { id, data } = read(body).map(|read| read.value).unwrap_or_default();
        let of = data.and_then(|data| data["id"].as_str().map(str::to_owned));
        Unhandled::new(resource, event, of, id, event::unhandled_id(body))
    }

    /// What a websocket delivered. The same frame may come again, over this socket or the next.
    pub(super) fn heard(resource: &str, event: &str, id: Option<String>, envelope: String) -> Self {
        let key = event::unhandled_id(envelope.as_bytes());
        Unhandled::new(resource, event, id, Some(envelope), key)
    }

    fn new(resource: &str, event: &str, id: Option<String>, envelope: Option<String>, key: Uuid) -> Self {
        let known = |id: &String| is_id(id);
        Unhandled {
            resource: name(resource),
            event: name(event),
            id: id.filter(known),
            envelope: envelope.filter(known),
            key,
        }
    }

    /// Resource and event for the labels of a metric: words that Webex documents, or one for all others.
    pub fn labels(&self) -> [&'static str; 2] {
        let known =
            |list: &[&'static str], word: &str| list.iter().copied().find(|known| *known == word).unwrap_or(OTHER);
        [known(&WEBHOOK_RESOURCES, &self.resource), known(&WEBHOOK_EVENTS, &self.event)]
    }

    /// The id of its row.
    pub fn event_id(&self) -> Uuid {
        self.key
    }

    /// What it is of, in words that fit into a path.
    pub fn kind(&self) -> String {
        format!("{}/{}", self.resource, self.event)
    }

    /// Why nothing is done about it.
    pub fn reason(&self) -> String {
        format!("the bot does not work on {}", self.kind())
    }

    /// Whether it has this id of Webex's, in any spelling.
    pub fn has(&self, id: &str) -> bool {
        let id = local_part(id);
        [&self.id, &self.envelope].into_iter().flatten().any(|own| local_part(own) == id)
    }

    /// A row of the inbox that is closed at once.
    pub fn to_entry(&self) -> Entry {
        let accepted_at = clock::wall_ms();
        Entry {
            id: self.key,
            queue: Queue::Inbox,
            lane: self.kind(),
            accepted_at,
            happened_at: accepted_at,
            body: serde_json::to_string(self).unwrap_or_default(),
            ..Entry::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn labels_are_words_of_webex_or_one_word() {
        let labels = |resource, event| Unhandled::posted(resource, event, b"").labels();
        assert_eq!(labels("rooms", "migrated"), ["rooms", "migrated"]);
        assert_eq!(labels("messages", "exploded"), ["messages", "other"]);
        assert_eq!(labels("x\"} 1\n", ""), ["other", "other"]);
    }

    #[test]
    fn what_is_foreign_is_kept_short_and_readable() {
        let long = "x".repeat(9999);
        let body = json!({"id": long, "data": {"id": "two words"}}).to_string();
        let unhandled = Unhandled::posted("a\nb", &long, body.as_bytes());
        assert_eq!((unhandled.resource.as_str(), unhandled.event.len()), ("a?b", 64));
        assert_eq!((unhandled.id, unhandled.envelope), (None, None));
    }
}
