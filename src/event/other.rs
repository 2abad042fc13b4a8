//! Events that are no message, click or membership: a resource, and what happened to it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::ids::{CLICKS, MEMBERSHIPS, MESSAGES, id_of};
use crate::webex::{PersonId, WEBHOOK_EVENTS, WEBHOOK_RESOURCES, local_part};

/// The label in metrics for a word that Webex does not document.
const OTHER: &str = "other";

/// The events that a thing can have only once. The thing's id then shows a repeat.
const ONCE: [&str; 2] = ["created", "deleted"];

/// Something that happened at Webex, with what Webex sent about it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Other {
    /// Webex's name of the resource, as it was sent.
    pub resource: String,
    /// What happened to it, as it was sent.
    pub event: String,
    /// The id of the thing it happened to.
    #[serde(rename = "data_id", default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The id of the envelope: that of the webhook, or of the frame of a websocket.
    #[serde(rename = "envelope_id", default, skip_serializing_if = "Option::is_none")]
    pub envelope: Option<String>,
    /// Who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<PersonId>,
    /// The `data` of the envelope.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub data: Value,
    /// Differs between deliveries as far as Webex lets them be told apart.
    #[serde(default)]
    pub delivery: Uuid,
}

impl Other {
    /// The resource and event as labels for a metric. All words that Webex does not document share one label.
    pub fn labels(&self) -> [&'static str; 2] {
        let known = |list: &[&'static str], word: &str| list.iter().copied().find(|known| *known == word);
        let resource = known(&WEBHOOK_RESOURCES, &self.resource);
        [resource, known(&WEBHOOK_EVENTS, &self.event)].map(|known| known.unwrap_or(OTHER))
    }

    /// The resource and event, as one word that fits into a path.
    pub fn kind(&self) -> String {
        format!("{}/{}", self.resource, self.event)
    }

    /// The event without its `data`, which may be long.
    pub fn without_data(&self) -> Other {
        Other { data: Value::Null, ..self.clone() }
    }

    /// Whether the thing has this id of Webex, in any spelling.
    pub fn has(&self, id: &str) -> bool {
        let id = local_part(id);
        [&self.id, &self.envelope].into_iter().flatten().any(|own| local_part(own) == id)
    }

    /// The id of the event's row. Webex gives a delivery no id of its own, and the same thing may happen again: then
    /// two equal deliveries are two events. The id of a membership is made of its person and its space. So somebody who
    /// leaves, comes back and leaves again has the same id each time.
    pub(super) fn event_id(&self) -> Uuid {
        let is_once = ONCE.contains(&self.event.as_str()) && self.resource != MEMBERSHIPS;
        match &self.id {
            Some(of) if is_once => id_of(&self.resource, &self.event, of),
            Some(_) | None => self.delivery,
        }
    }

    /// The lane holds all events of one thing. They are worked on in order, and wait for no others.
    pub(super) fn lane(&self) -> String {
        let of = self.id.as_deref().map(local_part).unwrap_or_default();
        format!("{}/{of}", self.resource)
    }
}

/// A resource, and what has to happen to it for a handler to be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The resource, by Webex's name.
    pub resource: String,
    /// The event, by Webex's name.
    pub event: String,
}

impl Subscription {
    /// Whether this event is one that the subscription asks for.
    pub fn covers(&self, other: &Other) -> bool {
        self.resource == other.resource && self.event == other.event
    }

    /// What is wrong with the subscription, for the author who wrote it.
    pub fn wrong(&self) -> Option<String> {
        let Subscription { resource, event } = self;
        let unknown = |what, word, known: &[&str]| {
            Some(format!("Webex has no {what} \"{word}\" for webhooks; it has {}", known.join(", ")))
        };
        match (resource.as_str(), event.as_str()) {
            (resource, _) if !WEBHOOK_RESOURCES.contains(&resource) => {
                unknown("resource", resource, &WEBHOOK_RESOURCES)
            }
            (_, event) if !WEBHOOK_EVENTS.contains(&event) => unknown("event", event, &WEBHOOK_EVENTS),
            (MESSAGES | CLICKS | MEMBERSHIPS, "created") => {
                Some("the bot works on these itself; commands and their actions are what they lead to".to_owned())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn other(resource: &str, event: &str, id: Option<&str>) -> Other {
        let (resource, event, delivery) = (resource.to_owned(), event.to_owned(), Uuid::new_v4());
        Other { resource, event, id: id.map(Into::into), envelope: None, actor: None, data: Value::Null, delivery }
    }

    #[test]
    fn labels_are_words_of_webex_or_one_word() {
        let labels = |resource, event| other(resource, event, None).labels();
        assert_eq!(labels("rooms", "migrated"), ["rooms", "migrated"]);
        assert_eq!(labels("messages", "exploded"), ["messages", "other"]);
        assert_eq!(labels("x\"} 1\n", ""), ["other", "other"]);
    }

    #[test]
    fn what_happens_once_is_known_when_it_is_told_again_and_what_may_happen_again_is_not() {
        let same = |event, id| other("rooms", event, id).event_id() == other("rooms", event, id).event_id();
        assert!(same("deleted", Some("r")) && same("created", Some("r")));
        assert!(!same("updated", Some("r")) && !same("deleted", None));
        let left = || other("memberships", "deleted", Some("p:r")).event_id();
        assert_ne!(left(), left());
        assert_ne!(other("rooms", "created", Some("r")).event_id(), other("rooms", "deleted", Some("r")).event_id());
    }

    #[test]
    fn only_what_webex_tells_of_and_the_bot_does_not_work_on_can_be_asked_for() {
        let wrong = |resource: &str, event: &str| {
            Subscription { resource: resource.to_owned(), event: event.to_owned() }.wrong()
        };
        assert_eq!(wrong("rooms", "updated"), None);
        assert_eq!(wrong("messages", "deleted"), None);
        assert!(wrong("room", "updated").unwrap().contains("no resource \"room\""));
        assert!(wrong("rooms", "all").unwrap().contains("no event \"all\""));
        assert!(wrong("messages", "created").unwrap().contains("works on these itself"));
    }
}
