//! Events in the cloud, with the `data` of a webhook delivery: ids, never the text.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::Value;

use super::things::{Action, Meeting, Membership, Message, Room, RoomType};
use super::{ids, time};

/// An event that is delivered to webhooks.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) resource: &'static str,
    pub(crate) event: &'static str,
    /// The id of the account that caused the event.
    pub(crate) actor_id: String,
    pub(crate) room_id: String,
    pub(crate) room_type: RoomType,
    pub(crate) data: EventData,
}

/// The `data` of a delivery.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum EventData {
    Message(MessageData),
    Action(ActionData),
    Membership(Membership),
    Room(RoomData),
    Meeting(MeetingData),
}

/// A message without its end-to-end encrypted parts, which the bot has to fetch.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageData {
    pub(crate) id: String,
    pub(crate) room_id: String,
    pub(crate) room_type: RoomType,
    pub(crate) person_id: String,
    pub(crate) person_email: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) parent_id: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) mentioned_people: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) files: Vec<String>,
    #[serde(serialize_with = "time::millis")]
    pub(crate) created: Timestamp,
    /// Whether the message has attachments. Only filters use it.
    #[serde(skip)]
    pub(crate) has_attachments: bool,
}

/// A click without its inputs.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ActionData {
    pub(crate) id: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) message_id: String,
    pub(crate) person_id: String,
    pub(crate) room_id: String,
    #[serde(serialize_with = "time::millis")]
    pub(crate) created: Timestamp,
    /// The author of the card. A bot gets only the clicks on its own cards.
    #[serde(skip)]
    pub(crate) card_author: String,
}

/// A room without its title, which is encrypted and has to be fetched.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RoomData {
    pub(crate) id: String,
    #[serde(rename = "type")]
    pub(crate) kind: RoomType,
    pub(crate) is_locked: bool,
    #[serde(serialize_with = "time::millis")]
    pub(crate) last_activity: Timestamp,
    pub(crate) creator_id: String,
    #[serde(serialize_with = "time::millis")]
    pub(crate) created: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) team_id: Option<String>,
}

/// A meeting without its password and links.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct MeetingData {
    pub(crate) meeting: Value,
    #[serde(skip)]
    pub(crate) id: String,
    #[serde(skip)]
    pub(crate) host_id: String,
}

impl Event {
    /// `messages/created`, `messages/updated` or `messages/deleted`.
    pub(crate) fn message(event: &'static str, actor_id: &str, message: &Message) -> Event {
        Event {
            resource: "messages",
            event,
            actor_id: actor_id.to_owned(),
            room_id: message.room_id.clone(),
            room_type: message.room_type,
            data: EventData::Message(MessageData {
                id: message.id.clone(),
                room_id: message.room_id.clone(),
                room_type: message.room_type,
                person_id: message.person_id.clone(),
                person_email: message.person_email.clone(),
                parent_id: message.parent_id.clone(),
                mentioned_people: message.mentioned_people.clone(),
                files: message.files.clone(),
                created: message.created,
                has_attachments: !message.attachments.is_empty(),
            }),
        }
    }

    /// `attachmentActions/created`.
    pub(crate) fn action(action: &Action, card: &Message) -> Event {
        Event {
            resource: "attachmentActions",
            event: "created",
            actor_id: action.person_id.clone(),
            room_id: action.room_id.clone(),
            room_type: card.room_type,
            data: EventData::Action(ActionData {
                id: action.id.clone(),
                kind: action.kind.clone(),
                message_id: action.message_id.clone(),
                person_id: action.person_id.clone(),
                room_id: action.room_id.clone(),
                created: action.created,
                card_author: card.person_id.clone(),
            }),
        }
    }

    /// `rooms/created` or `rooms/updated`.
    pub(crate) fn room(event: &'static str, actor_id: &str, room: &Room) -> Event {
        Event {
            resource: "rooms",
            event,
            actor_id: actor_id.to_owned(),
            room_id: room.id.clone(),
            room_type: room.kind,
            data: EventData::Room(RoomData {
                id: room.id.clone(),
                kind: room.kind,
                is_locked: room.traits.is_locked,
                last_activity: room.last_activity,
                creator_id: room.creator_id.clone(),
                created: room.created,
                team_id: room.traits.team_id.clone(),
            }),
        }
    }

    /// `meetings/created`, `updated` or `deleted`. Each meeting has a lane of its own.
    pub(crate) fn meeting(event: &'static str, meeting: &Meeting) -> Event {
        let mut shown = meeting.shown(&TimeZone::UTC);
        if let Value::Object(fields) = &mut shown {
            fields.retain(|name, _| !matches!(name.as_str(), "password" | "hostKey" | "phoneAndVideoSystemPassword"));
        }
        let (id, host_id) = (meeting.id.clone(), meeting.host_id.clone());
        Event {
            resource: "meetings",
            event,
            actor_id: host_id.clone(),
            room_id: id.clone(),
            room_type: RoomType::Group,
            data: EventData::Meeting(MeetingData { meeting: shown, id, host_id }),
        }
    }

    /// `memberships/created`, `updated` or `deleted`.
    pub(crate) fn membership(event: &'static str, actor_id: &str, membership: Membership) -> Event {
        Event {
            resource: "memberships",
            event,
            actor_id: actor_id.to_owned(),
            room_id: membership.room_id.clone(),
            room_type: membership.room_type,
            data: EventData::Membership(membership),
        }
    }
}

impl EventData {
    /// The id of what the event is about.
    pub(crate) fn id(&self) -> &str {
        match self {
            EventData::Message(message) => &message.id,
            EventData::Action(action) => &action.id,
            EventData::Membership(membership) => &membership.id,
            EventData::Room(room) => &room.id,
            EventData::Meeting(meeting) => &meeting.id,
        }
    }

    /// The person whom the event is about: the author, the person who clicked, the member, the creator or the host.
    pub(crate) fn person_id(&self) -> &str {
        match self {
            EventData::Message(message) => &message.person_id,
            EventData::Action(action) => &action.person_id,
            EventData::Membership(membership) => &membership.person_id,
            EventData::Room(room) => &room.creator_id,
            EventData::Meeting(meeting) => &meeting.host_id,
        }
    }

    /// The data with all ids spelled as another cluster spells them, except those of people, which are the same
    /// everywhere.
    pub(crate) fn respelled(&self, cluster: &str) -> EventData {
        let spell = |id: &str, kind| ids::respelled(id, cluster, kind);
        match self.clone() {
            EventData::Message(message) => EventData::Message(MessageData {
                id: spell(&message.id, "MESSAGE"),
                room_id: spell(&message.room_id, "ROOM"),
                parent_id: message.parent_id.as_deref().map(|id| spell(id, "MESSAGE")),
                ..message
            }),
            EventData::Action(action) => EventData::Action(ActionData {
                id: spell(&action.id, "ATTACHMENT_ACTION"),
                message_id: spell(&action.message_id, "MESSAGE"),
                room_id: spell(&action.room_id, "ROOM"),
                ..action
            }),
            EventData::Membership(membership) => EventData::Membership(Membership {
                id: spell(&membership.id, "MEMBERSHIP"),
                room_id: spell(&membership.room_id, "ROOM"),
                ..membership
            }),
            EventData::Room(room) => EventData::Room(RoomData { id: spell(&room.id, "ROOM"), ..room }),
            meeting @ EventData::Meeting(_) => meeting,
        }
    }
}
