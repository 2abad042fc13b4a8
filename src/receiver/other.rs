//! Makes events of kinds that the bot itself does not work on. Texts from outside are kept short.

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::foreign::{is_id, name};
use crate::event::{Other, unhandled_id};
use crate::webex::read;

/// The event that a webhook delivered.
pub(super) fn posted(resource: &str, event: &str, body: &[u8]) -> Other {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct OtherEnvelope {
        /// The id of the webhook.
        id: Option<String>,
        actor_id: Option<String>,
        #[serde(default)]
        data: Value,
    }
    let OtherEnvelope { id: envelope, actor_id, data } = read(body).map(|read| read.value).unwrap_or_default();
    Other {
        resource: name(resource),
        event: name(event),
        id: usable_id(data["id"].as_str().map(str::to_owned)),
        envelope: usable_id(envelope),
        actor: usable_id(actor_id).map(Into::into),
        data,
        delivery: Uuid::new_v4(),
    }
}

/// The event that a websocket delivered in the frame with this id. The same frame may come again, over this socket or
/// the next.
pub(super) fn other_event(resource: &str, event: &str, id: Option<String>, envelope: &str) -> Other {
    Other {
        resource: name(resource),
        event: name(event),
        id: usable_id(id),
        envelope: usable_id(Some(envelope.to_owned())),
        actor: None,
        data: Value::Null,
        delivery: unhandled_id(envelope.as_bytes()),
    }
}

/// The id, if it is one that may be stored.
fn usable_id(id: Option<String>) -> Option<String> {
    id.filter(|id| is_id(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_foreign_is_kept_short_and_readable() {
        let long = "x".repeat(9999);
        let body = json!({"id": long, "actorId": "a b", "data": {"id": "two words"}}).to_string();
        let other = posted("a\nb", &long, body.as_bytes());
        assert_eq!((other.resource.as_str(), other.event.len()), ("a?b", 64));
        assert_eq!((other.id, other.envelope, other.actor), (None, None, None));
    }
}
