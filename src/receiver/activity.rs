//! Reads frames of the websocket and reduces activities to ids: each becomes the envelope that a webhook for the same
//! event would bring.
//!
//! An activity has a person's text only in encrypted form. So the text is fetched by REST later, as for every other
//! source.

use serde::Deserialize;
use serde_json::{Value, json};

use super::other::other_event;
use crate::event::{Added, Event, MEMBERSHIPS, MESSAGES, Occurrence, Other, Subscription, is_plausible};
use crate::webex::{Read, RoomType, cluster, encode, local_part, read_value};

/// The cluster in ids if an activity names none. Webex accepts the id of a thing with any cluster.
const US: &str = "us";

const ROOMS: &str = "rooms";
const CONVERSATION: &str = "conversation";

/// The resource and event of an edit.
const EDIT: (&str, &str) = (MESSAGES, "updated");

/// The verbs of activities, each with the resource and event that webhooks use for it.
const OTHERS: [(&str, (&str, &str)); 8] = [
    ("delete", (MESSAGES, "deleted")),
    ("leave", (MEMBERSHIPS, "deleted")),
    ("assignModerator", (MEMBERSHIPS, "updated")),
    ("unassignModerator", (MEMBERSHIPS, "updated")),
    ("create", (ROOMS, "created")),
    ("update", (ROOMS, "updated")),
    ("lock", (ROOMS, "updated")),
    ("unlock", (ROOMS, "updated")),
];

/// A frame that could be read.
#[derive(Debug)]
pub(super) enum Frame {
    /// The pong to the ping with this id.
    Pong(String),
    /// Something that happened. It is acknowledged by its id.
    Event {
        /// The id of the envelope, not of what happened.
        id: String,
        /// The envelope's number among those sent over this socket.
        sequence: Option<u64>,
        /// What happened.
        what: FrameContent,
    },
    /// Neither, such as the answer to something else that we sent.
    Other,
}

/// What happened.
#[derive(Debug)]
pub(super) enum FrameContent {
    /// An event. If the bot does not work on it, it has a webhook's names of resource and event, or the websocket's own
    /// where webhooks have none. It has no id if frames of its kind never stop, such as those about somebody typing.
    Happened(Event),
    /// An activity of a kind that the bot works on, but without the fields it needs.
    Unreadable(&'static str),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "a JSON object")]
struct Outer {
    id: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    data: Option<FrameData>,
    sequence_number: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FrameData {
    event_type: Option<String>,
    /// The activity, read only if the event is one that has an activity of the known shape.
    activity: Option<Value>,
}

#[derive(Deserialize)]
struct FrameActivity {
    #[serde(default)]
    id: String,
    #[serde(default)]
    verb: String,
    actor: Option<Party>,
    object: Option<Party>,
    target: Option<FrameTarget>,
    parent: Option<Parent>,
    published: Option<String>,
}

/// A person, or something else with an id.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Party {
    id: Option<String>,
    #[serde(rename = "entryUUID")]
    entry_uuid: Option<String>,
    object_type: Option<String>,
}

impl Party {
    /// The UUID of the party. It is preferred to the id, which for a person may be an address.
    fn uuid(self) -> Option<String> {
        self.entry_uuid.or(self.id)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FrameTarget {
    id: Option<String>,
    global_id: Option<String>,
    tags: Option<Vec<String>>,
}

impl FrameTarget {
    /// The type of the space. Direct spaces are marked by a tag.
    fn kind(&self) -> Option<RoomType> {
        let is_direct = self.tags.as_ref()?.iter().any(|tag| tag == "ONE_ON_ONE");
        Some(if is_direct { RoomType::Direct } else { RoomType::Group })
    }

    /// The cluster of the space, and the id that REST has for it.
    fn place(&self) -> (String, Option<String>) {
        let home = self.global_id.as_deref().and_then(cluster).unwrap_or_else(|| US.to_owned());
        let bare = || self.id.as_deref().map(|room| encode(&home, "ROOM", room));
        let room = self.global_id.clone().or_else(bare);
        (home, room)
    }
}

#[derive(Deserialize)]
struct Parent {
    id: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

impl Frame {
    /// Reads a frame, whether it came as text or as bytes.
    ///
    /// # Errors
    /// A sentence for the log about what is wrong with the frame.
    pub(super) fn read(frame: &[u8]) -> Result<Frame, String> {
        // The JSON library's own message may quote what was sent.
        let problem = |error: serde_json::Error| format!("{:?} error at byte {}", error.classify(), error.column());
        let outer: Outer = serde_json::from_slice(frame).map_err(problem)?;
        Ok(match (outer.kind.as_deref(), outer.id, outer.data) {
            (Some("pong"), Some(id), _) => Frame::Pong(id),
            (_, Some(id), Some(data)) => {
                let sequence = outer.sequence_number.as_ref().and_then(number);
                let what = FrameContent::of(data, &id);
                Frame::Event { id, sequence, what }
            }
            _ => Frame::Other,
        })
    }
}

/// The id that REST has for a person. It has only this cluster's spelling.
fn person_id(uuid: &str) -> String {
    encode(US, "PEOPLE", uuid)
}

/// A number, or a number written as text.
fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

impl FrameContent {
    fn of(data: FrameData, envelope: &str) -> FrameContent {
        let event_type = data.event_type.unwrap_or_default();
        if event_type != "conversation.activity" {
            let (resource, event) = event_type.split_once('.').unwrap_or((&event_type, ""));
            return FrameContent::Happened(Event::Other(other_event(resource, event, None, envelope)));
        }
        let read = data.activity.and_then(|activity| read_value::<FrameActivity>(activity).ok());
        let Some(Read { value: activity, .. }) = read else {
            return FrameContent::Unreadable("an activity is not of the known shape");
        };
        let event = match activity.verb.as_str() {
            // An edit comes as a message whose parent is the edited one. REST has no message with the edit's id.
            "post" | "share" if activity.is_edit() => Ok(Event::Other(activity.other(EDIT, envelope))),
            "post" | "share" => activity.occurrence("MESSAGE").map(Event::Message),
            "cardAction" => activity.occurrence("ATTACHMENT_ACTION").map(Event::Click),
            "add" if activity.is_about_person() => activity.added().map(Event::Added),
            // Read receipts come all the time, and nobody asks about them.
            "acknowledge" => Ok(Event::Other(other_event(CONVERSATION, "acknowledge", None, envelope))),
            verb => {
                let known = OTHERS.iter().find(|(known, _)| *known == verb).map(|(_, kind)| *kind);
                let verb = verb.to_owned();
                Ok(Event::Other(activity.other(known.unwrap_or((CONVERSATION, &verb)), envelope)))
            }
        };
        event.map_or_else(FrameContent::Unreadable, FrameContent::Happened)
    }
}

/// Whether the websocket brings events of this kind.
pub fn is_told_over_websocket(wanted: &Subscription) -> bool {
    let mut kinds = OTHERS.iter().map(|(_, kind)| *kind).chain([EDIT]);
    kinds.any(|kind| kind == (wanted.resource.as_str(), wanted.event.as_str()))
}

impl FrameActivity {
    /// The event, with as much of the same webhook's `data` as the activity has.
    fn other(self, (resource, event): (&str, &str), envelope: &str) -> Other {
        let FrameActivity { id, verb, actor, object, target, parent, .. } = self;
        let (home, room) = target.as_ref().map_or((US.to_owned(), None), FrameTarget::place);
        let kind = target.as_ref().and_then(FrameTarget::kind);
        let actor = actor.and_then(Party::uuid);
        let object = object.and_then(Party::uuid);
        let of = |kind: &str, id: Option<&str>| id.map(|id| encode(&home, kind, &local_part(id)));
        let data = match resource {
            ROOMS => json!({"id": room, "type": kind}),
            MEMBERSHIPS => {
                // Somebody who leaves or joins by themselves is named only as the actor.
                let person = object.as_deref().or(actor.as_deref());
                let pair = person.zip(room.as_deref()).map(|(person, room)| format!("{person}:{}", local_part(room)));
                let id = of("MEMBERSHIP", pair.as_deref());
                json!({"id": id, "roomId": room, "roomType": kind, "personId": person.map(person_id)})
            }
            MESSAGES => {
                // A deletion names its message; an edit names it as its parent.
                let edited = parent.and_then(|parent| parent.id);
                let message = if verb == "delete" { object.as_deref() } else { edited.as_deref() };
                json!({"id": of("MESSAGE", message), "roomId": room, "roomType": kind})
            }
            _ => Value::Null,
        };
        // The activity's own id is new each time. The thing's id makes all that happens to the thing go in order.
        let thing = data["id"].as_str().map_or(id, str::to_owned);
        Other {
            actor: actor.as_deref().map(|actor| person_id(actor).into()),
            data,
            ..other_event(resource, event, Some(thing), envelope)
        }
    }

    fn is_edit(&self) -> bool {
        self.parent.as_ref().is_some_and(|parent| parent.kind.as_deref() == Some("edit"))
    }

    fn is_about_person(&self) -> bool {
        self.object.as_ref().is_some_and(|object| object.object_type.as_deref() == Some("person"))
    }

    /// The event, with the ids that REST has for the same things.
    fn occurrence(self, resource: &str) -> Result<Occurrence, &'static str> {
        let FrameActivity { id, actor, target, published, .. } = self;
        if id.is_empty() {
            return Err("an activity has no id");
        }
        let room_type = target.as_ref().and_then(FrameTarget::kind);
        let (home, room) = target.as_ref().map_or((US.to_owned(), None), FrameTarget::place);
        let created = published.and_then(|published| published.parse().ok()).filter(is_plausible);
        Ok(Occurrence {
            id: encode(&home, resource, &id),
            room: room.map(Into::into),
            actor: actor.and_then(Party::uuid).map(Into::into),
            room_type,
            created,
        })
    }

    /// A membership has no id of its own here: it is its person and its space.
    fn added(mut self) -> Result<Added, &'static str> {
        let member = self.object.take().and_then(Party::uuid).ok_or("who was added is not named")?;
        let space = self.target.as_ref().and_then(|target| target.global_id.as_deref().or(target.id.as_deref()));
        let space = space.map(local_part).ok_or("a member's space is not named")?;
        self.id = format!("{member}:{space}");
        Ok(Added { membership: self.occurrence("MEMBERSHIP")?, member: Some(member.into()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::receiver::ParsedEnvelope;
    use crate::webex::PersonId;
    use serde_json::json;

    const HOME: &str = "urn:TEAM:eu-central-1_k";
    const MESSAGE: &str = "44444444-4444-11f1-8444-444444444444";
    const ROOM: &str = "55555555-5555-11f1-8555-555555555555";
    const ALICE: &str = "11111111-1111-4111-8111-111111111111";

    fn activity(verb: &str, more: &Value) -> Value {
        let mut activity = json!({
            "id": MESSAGE, "verb": verb, "objectType": "activity",
            "actor": {"id": "alice@example.com", "entryUUID": ALICE, "type": "PERSON"},
            "target": {"id": ROOM, "globalId": encode(HOME, "ROOM", ROOM), "tags": []},
        });
        activity.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        activity
    }

    fn what(activity: &Value) -> FrameContent {
        let data = json!({"eventType": "conversation.activity", "activity": activity});
        match Frame::read(json!({"id": "e1", "data": data, "sequenceNumber": 7}).to_string().as_bytes()) {
            Ok(Frame::Event { id, sequence: Some(7), what }) if id == "e1" => what,
            other => panic!("{other:?}"),
        }
    }

    fn ours(activity: &Value) -> Event {
        match what(activity) {
            FrameContent::Happened(event) => event,
            other => panic!("{other:?}"),
        }
    }

    fn ids(event: Event) -> (String, [Option<PersonId>; 2]) {
        match event {
            Event::Message(Occurrence { id, actor, .. }) | Event::Click(Occurrence { id, actor, .. }) => {
                (id, [actor, None])
            }
            Event::Added(Added { membership, member }) => (membership.id, [membership.actor, member]),
            Event::TimeUp(_) | Event::Approved(_) | Event::Hook(_) | Event::Silence(_) | Event::Other(_) => {
                panic!("{event:?}")
            }
        }
    }

    #[test]
    fn an_activity_is_the_same_event_as_the_webhook_of_it() {
        for (resource, kind, verb, more, person) in [
            ("messages", "MESSAGE", "post", json!({}), ALICE),
            ("messages", "MESSAGE", "share", json!({"parent": {"id": "m", "type": "reply"}}), ALICE),
            ("attachmentActions", "ATTACHMENT_ACTION", "cardAction", json!({"object": {"inputs": "ey"}}), ALICE),
            ("memberships", "MEMBERSHIP", "add", json!({"object": {"objectType": "person", "id": ALICE}}), ALICE),
        ] {
            let local = if resource == "memberships" { format!("{ALICE}:{ROOM}") } else { MESSAGE.to_owned() };
            let body = json!({"resource": resource, "event": "created", "actorId": person, "data": {
                "id": encode("us", kind, &local), "roomId": encode("us", "ROOM", ROOM), "personId": person,
            }});
            let Ok(ParsedEnvelope::Event(posted)) = ParsedEnvelope::parse(body.to_string().as_bytes()) else {
                panic!("not an envelope")
            };
            let mut bare = activity(verb, &more);
            bare["target"].as_object_mut().unwrap().remove("globalId");
            for (activity, home) in [(activity(verb, &more), HOME), (bare, "us")] {
                let event = ours(&activity);
                assert_eq!((event.event_id(), event.lane()), (posted.event_id(), posted.lane()));
                let (id, people) = ids(event);
                assert_eq!(id, encode(home, kind, &local));
                assert_eq!(people, ids(posted.clone()).1);
            }
        }
    }

    #[test]
    fn what_the_bot_does_not_work_on_is_told_apart_from_what_is_broken() {
        for verb in ["delete", "update", "leave", "create", "hide", "acknowledge", "lock", "assignModerator", ""] {
            assert!(matches!(what(&activity(verb, &json!({}))), FrameContent::Happened(Event::Other(_))), "{verb}");
        }
        assert!(matches!(
            what(&activity("post", &json!({"parent": {"type": "edit", "id": "m"}}))),
            FrameContent::Happened(Event::Other(_))
        ));
        assert!(matches!(
            what(&activity("add", &json!({"object": {"objectType": "team"}}))),
            FrameContent::Happened(Event::Other(_))
        ));
        for broken in [
            activity("post", &json!({"id": ""})),
            activity("post", &json!({"id": 7})),
            activity("add", &json!({"object": {"objectType": "person"}})),
            activity("add", &json!({"object": {"objectType": "person", "id": ALICE}, "target": {}})),
            json!([]),
        ] {
            assert!(matches!(what(&broken), FrameContent::Unreadable(_)), "{broken}");
        }
    }

    #[test]
    fn what_else_happened_has_the_ids_that_webhooks_give() {
        let data = |verb: &str, more: Value| match what(&activity(verb, &more)) {
            FrameContent::Happened(Event::Other(other)) => {
                let thing = other.data["id"].as_str().unwrap_or(MESSAGE);
                assert_eq!(other.id.as_deref(), Some(thing), "it is in the lane of what it happened to");
                (other.kind(), other.data)
            }
            what => panic!("{what:?}"),
        };
        let (room, person) = (encode(HOME, "ROOM", ROOM), encode("us", "PEOPLE", ALICE));
        let edited = json!({"parent": {"type": "edit", "id": MESSAGE}, "id": "another"});
        let message = json!({"id": encode(HOME, "MESSAGE", MESSAGE), "roomId": room, "roomType": "group"});
        let membership = encode(HOME, "MEMBERSHIP", &format!("{ALICE}:{ROOM}"));
        let member = json!({"id": membership, "roomId": room, "roomType": "group", "personId": person});
        let whole_room = json!({"id": room, "type": "group"});
        for (verb, more, kind, expected) in [
            ("post", edited, "messages/updated", message.clone()),
            ("delete", json!({"object": {"id": MESSAGE}}), "messages/deleted", message),
            ("leave", json!({}), "memberships/deleted", member.clone()),
            ("assignModerator", json!({"object": {"id": "a@b.c", "entryUUID": ALICE}}), "memberships/updated", member),
            ("create", json!({}), "rooms/created", whole_room.clone()),
            ("lock", json!({}), "rooms/updated", whole_room),
            ("hide", json!({}), "conversation/hide", Value::Null),
        ] {
            assert_eq!(data(verb, more), (kind.to_owned(), expected));
        }
    }

    #[test]
    fn frames_of_whatever_kind_are_read_or_refused() {
        let read = |frame: &str| Frame::read(frame.as_bytes());
        assert!(matches!(read(r#"{"id":"p","type":"pong","wsWriteTimestamp":1}"#), Ok(Frame::Pong(id)) if id == "p"));
        let state = r#"{"id":"e","data":{"eventType":"mercury.buffer_state"},"sequenceNumber":"12"}"#;
        assert!(matches!(
            read(state),
            Ok(Frame::Event { sequence: Some(12), what: FrameContent::Happened(Event::Other(_)), .. })
        ));
        assert!(matches!(
            read(r#"{"id":"e","data":{"eventType":"locus.difference","locus":[1]}}"#),
            Ok(Frame::Event { .. })
        ));
        assert!(matches!(read(r#"{"id":"e"}"#), Ok(Frame::Other)));
        assert!(matches!(read("{}"), Ok(Frame::Other)));
        for garbage in ["", "[]", "null", "hello", "{", "\u{0}", r#"{"id":7}"#, r#"{"id":"e","data":7}"#] {
            assert!(read(garbage).is_err(), "{garbage}");
        }
    }
}
