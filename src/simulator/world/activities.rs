//! What is sent over a socket: Webex's internal activities, in which everything that a person wrote is encrypted, and
//! other messages that are of no use to a bot.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::event::{ActionData, Event, EventData, MessageData};
use super::state::World;
use super::things::{AccountType, Membership, RoomType};
use crate::webex::local_part;

/// The service that holds spaces, as activities name it. Nothing here answers there.
const CONVERSATIONS: &str = "https://conv.invalid/conversation/api/v1/conversations";
const KEYS: &str = "kms://kms.invalid/keys";

/// The activity of an event; `None` if it is not sent to sockets.
pub(crate) fn of(world: &mut World, event: &Event) -> Option<Value> {
    let activity = match (&event.data, event.event) {
        (EventData::Message(message), "created") => written(world, message),
        (EventData::Message(message), "deleted") => about(world, "delete", &message.id),
        (EventData::Message(message), _) => about(world, "update", &message.id),
        (EventData::Action(action), _) => clicked(world, action),
        (EventData::Membership(membership), "created") if membership.room_type == RoomType::Group => {
            of_member(world, "add", membership)
        }
        (EventData::Membership(membership), "deleted") => of_member(world, "leave", membership),
        (EventData::Membership(membership), "updated") if membership.is_moderator => {
            of_member(world, "assignModerator", membership)
        }
        (EventData::Membership(membership), "updated") => of_member(world, "unassignModerator", membership),
        // The members of a direct room are part of its creation.
        (EventData::Membership(_), _) => return None,
        (EventData::Room(_), what) => {
            let object = json!({"objectType": "conversation", "id": local_part(&event.room_id)});
            let verb = if what == "created" { "create" } else { "update" };
            json!({"id": world.mint.uuid(), "verb": verb, "object": object})
        }
        (EventData::Meeting(_), _) => return None,
    };
    Some(envelope(world, with_context(world, event, activity)))
}

/// Activities that come just before an event and are of no use to a bot.
pub(crate) fn before(world: &mut World, event: &Event) -> Option<Value> {
    let is_typed = matches!(event.data, EventData::Message(_)) && event.event == "created";
    let is_person = world.people.get(&event.actor_id).is_some_and(|actor| actor.kind == AccountType::Person);
    (is_typed && is_person).then(|| noise(world, "status.start_typing"))
}

/// Another message that Webex's apps get.
pub(crate) fn noise(world: &mut World, kind: &str) -> Value {
    envelope(world, json!({"eventType": kind}))
}

/// The message by which the other end knows that its token was accepted.
pub(crate) fn buffer_state(world: &mut World) -> Value {
    envelope(world, json!({"eventType": "mercury.buffer_state", "bufferState": {}}))
}

fn envelope(world: &mut World, data: Value) -> Value {
    json!({
        "id": world.mint.uuid(),
        "data": data,
        "timestamp": world.clock.now().as_millisecond(),
        "trackingId": world.mint.tracking_id(),
        "alertType": "none",
        "headers": {},
        "filterMessage": false,
    })
}

/// Adds to an activity who did it, where and when.
fn with_context(world: &World, event: &Event, mut activity: Value) -> Value {
    let room = local_part(&event.room_id);
    let mut target = json!({
        "id": room,
        "objectType": "conversation",
        "url": format!("{CONVERSATIONS}/{room}"),
        "tags": match event.room_type {
            RoomType::Direct => vec!["ONE_ON_ONE"],
            RoomType::Group => Vec::new(),
        },
    });
    if !world.mercury.manner.bare_targets {
        target["globalId"] = event.room_id.clone().into();
    }
    activity["objectType"] = "activity".into();
    activity["actor"] = person(world, &event.actor_id);
    activity["target"] = target;
    if activity.get("published").is_none() {
        activity["published"] = time(world.clock.now());
    }
    json!({"eventType": "conversation.activity", "activity": activity})
}

fn time(at: Timestamp) -> Value {
    format!("{at:.3}").into()
}

fn person(world: &World, id: &str) -> Value {
    let uuid = local_part(id);
    let account = world.people.get(id);
    let kind = match account.map(|account| account.kind) {
        Some(AccountType::Bot) => "ROBOT",
        Some(AccountType::Person) | None => "PERSON",
    };
    json!({
        "id": uuid,
        "entryUUID": uuid,
        "objectType": "person",
        "emailAddress": account.map(|account| account.email.as_str()),
        "orgId": local_part(&super::ids::organization()),
        "type": kind,
    })
}

/// A text that looks encrypted.
fn encrypted(world: &mut World) -> String {
    format!("eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..{}.{}", world.mint.hex(), world.mint.hex())
}

fn key(world: &mut World) -> String {
    format!("{KEYS}/{}", world.mint.uuid())
}

fn written(world: &mut World, message: &MessageData) -> Value {
    let (verb, kind) = if message.files.is_empty() { ("post", "comment") } else { ("share", "content") };
    let mentions = message.mentioned_people.iter().map(|id| json!({"id": local_part(id), "objectType": "person"}));
    let mentions: Vec<_> = mentions.collect();
    let mut activity = json!({
        "id": local_part(&message.id),
        "verb": verb,
        "object": {
            "objectType": kind,
            "displayName": encrypted(world),
            "content": encrypted(world),
            "mentions": {"items": mentions},
        },
        "encryptionKeyUrl": key(world),
        "published": time(message.created),
    });
    if let Some(parent) = &message.parent_id {
        activity["parent"] = json!({"id": local_part(parent), "type": "reply"});
    }
    activity
}

fn clicked(world: &mut World, action: &ActionData) -> Value {
    json!({
        "id": local_part(&action.id),
        "verb": "cardAction",
        "object": {"objectType": "submit", "inputs": encrypted(world)},
        "parent": {"id": local_part(&action.message_id), "type": "cardAction"},
        "encryptionKeyUrl": key(world),
    })
}

/// An activity about an earlier one.
fn about(world: &mut World, verb: &str, id: &str) -> Value {
    json!({"id": world.mint.uuid(), "verb": verb, "object": {"objectType": "activity", "id": local_part(id)}})
}

fn of_member(world: &mut World, verb: &str, membership: &Membership) -> Value {
    json!({"id": world.mint.uuid(), "verb": verb, "object": person(world, &membership.person_id)})
}
