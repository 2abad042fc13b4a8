//! What arrived, reduced to ids: Webex never sends the text.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Unhandled;
use super::foreign::is_id;
use crate::clock;
use crate::event;
use crate::store::{Entry, Queue};
use crate::webex::{MessageId, PersonId, Read, RoomType, local_part, read};

/// The events this bot works on.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Somebody wrote.
    Message,
    /// Somebody clicked on a card.
    Action,
    /// Somebody was added to a space.
    Membership,
    /// A command that waits for approval has to be ended, as a rule since its time is over. No delivery says so: the
    /// daemon's own clock does.
    Expiry,
    /// A command has the approvals it takes, and is to be run. No delivery says so: the last click has said it.
    Approved,
}

impl Kind {
    /// Every kind that Webex tells of.
    pub const ALL: [Kind; 3] = [Kind::Message, Kind::Action, Kind::Membership];

    /// Webex's name of the resource; the event is always `created`.
    pub fn resource(self) -> &'static str {
        match self {
            Kind::Message => "messages",
            Kind::Action => "attachmentActions",
            Kind::Membership => "memberships",
            Kind::Expiry => "approvals",
            Kind::Approved => "approved",
        }
    }

    /// What has the id, in words.
    pub fn thing(self) -> &'static str {
        match self {
            Kind::Message => "message",
            Kind::Action => "click",
            Kind::Membership => "membership",
            Kind::Expiry | Kind::Approved => "card",
        }
    }

    fn of(resource: &str, event: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.resource() == resource && event == "created")
    }
}

/// One event of one of our kinds.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Envelope {
    /// What happened.
    pub kind: Kind,
    /// The id of the message, click or membership.
    pub id: String,
    /// The space, if the envelope names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
    /// Who did it. Good for dropping what is not answered; who is answered is judged on what is fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Who was added, for a membership.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// Whether the space is a direct one, if the envelope says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room_type: Option<RoomType>,
    /// When it happened, by Webex's clock: what its place in the order of its space is decided by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
}

/// What a body turns out to be.
#[derive(Debug)]
pub enum Parsed {
    /// An event to work on.
    Event(Envelope),
    /// An envelope of something this bot does not work on.
    Ignored(Unhandled),
    /// What `check --deep` sends through the public URL, to see it arrive.
    Canary,
}

impl Envelope {
    /// Reads the body of a delivery. Only resource, event and, where we work on it, the data's id must be there.
    ///
    /// # Errors
    /// What is wrong with it, for the log.
    pub fn parse(body: &[u8]) -> Result<Parsed, String> {
        #[derive(Deserialize)]
        struct Head {
            resource: String,
            event: String,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Delivery {
            actor_id: Option<String>,
            data: Data,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Data {
            id: String,
            room_id: Option<String>,
            person_id: Option<String>,
            room_type: Option<RoomType>,
            created: Option<Timestamp>,
        }
        // What is about something else may have any data.
        let head: Read<Head> = read(body).map_err(|error| error.to_string())?;
        let Head { resource, event } = head.value;
        if resource == CANARY {
            return Ok(Parsed::Canary);
        }
        let Some(kind) = Kind::of(&resource, &event) else {
            return Ok(Parsed::Ignored(Unhandled::posted(&resource, &event, body)));
        };
        let delivery: Read<Delivery> = read(body).map_err(|error| error.to_string())?;
        let Delivery { actor_id, data: Data { id, room_id, person_id, room_type, created } } = delivery.value;
        if !is_id(&id) {
            return Err("data.id is no id".to_owned());
        }
        let (room_id, person_id) = (room_id.filter(|id| is_id(id)), person_id.filter(|id| is_id(id)));
        let created = created.filter(is_plausible);
        // Of a membership, the person is who was added, and the actor who did it.
        let (actor, member) = match kind {
            Kind::Message | Kind::Action => (person_id.or(actor_id), None),
            Kind::Membership => (actor_id, person_id),
            Kind::Expiry | Kind::Approved => (None, None),
        };
        Ok(Parsed::Event(Envelope { kind, id, room: room_id, actor, member, room_type, created }))
    }

    /// The event of a message that was found in a list.
    pub fn of_message(
        id: MessageId,
        room: String,
        kind: RoomType,
        sender: Option<PersonId>,
        created: Option<Timestamp>,
    ) -> Envelope {
        Envelope {
            kind: Kind::Message,
            id: id.to_string(),
            room: Some(room),
            actor: sender.map(|sender| sender.to_string()),
            member: None,
            room_type: Some(kind),
            created: created.filter(is_plausible),
        }
    }

    /// The nth try to end what waits for approval under this card.
    pub fn of_expiry(card: Uuid, nth: u32, room: String, at: Option<Timestamp>) -> Envelope {
        let id = if nth == 0 { card.to_string() } else { format!("{card}/{nth}") };
        Envelope::of_approval(Kind::Expiry, id, room, at)
    }

    /// The run of what was approved under this card.
    pub fn of_approved(card: Uuid, room: String, at: Option<Timestamp>) -> Envelope {
        Envelope::of_approval(Kind::Approved, card.to_string(), room, at)
    }

    fn of_approval(kind: Kind, id: String, room: String, created: Option<Timestamp>) -> Envelope {
        let room_type = Some(RoomType::Group);
        Envelope { kind, id, room: Some(room), actor: None, member: None, room_type, created }
    }

    /// Under which card something waits for approval, or has waited, if this is about one.
    pub fn card(&self) -> Option<Uuid> {
        match self.kind {
            Kind::Expiry | Kind::Approved => self.id.split('/').next()?.parse().ok(),
            Kind::Message | Kind::Action | Kind::Membership => None,
        }
    }

    pub(super) fn is_by(&self, me: &PersonId) -> bool {
        self.actor.as_deref().is_some_and(|actor| PersonId::from(actor) == *me)
    }

    /// The id of the event in the ledger.
    pub fn event_id(&self) -> Uuid {
        event::id(self.kind.resource(), &self.id)
    }

    /// Events of one space are worked on in order; one whose space is not named is a space of its own.
    pub fn lane(&self) -> String {
        local_part(self.room.as_deref().unwrap_or(&self.id))
    }

    /// A row of the inbox, as of now.
    pub fn into_entry(self) -> Entry {
        let accepted_at = clock::wall_ms();
        Entry {
            id: self.event_id(),
            queue: Queue::Inbox,
            lane: self.lane(),
            accepted_at,
            happened_at: self.created.map_or(accepted_at, Timestamp::as_millisecond),
            body: self.to_json(),
            subject: None,
            label: None,
            file: None,
        }
    }

    fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The resource of the envelopes with which `check --deep` tests the way in. Only who has the secret can sign one.
pub const CANARY: &str = "switchboardCanary";

/// Whether something can have happened then. A time that is odd is as good as none: the event counts, its place in the
/// order does not. One that lies in the future would have everything said later wait for it.
pub fn is_plausible(at: &Timestamp) -> bool {
    /// Clocks differ, and so do ideas of time zones.
    const AHEAD: i64 = 26 * 3600;
    /// 2010: before there was Webex as it is.
    const EARLIEST: i64 = 1_262_304_000;
    (EARLIEST..=clock::wall_ms() / 1000 + AHEAD).contains(&at.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_needed_must_be_there() {
        let parse = |body: &str| Envelope::parse(body.as_bytes());
        let body =
            r#"{"resource":"messages","event":"created","data":{"id":"m1","roomId":"r1","personId":"p1"},"new":1}"#;
        let Ok(Parsed::Event(event)) = parse(body) else { panic!("not an event") };
        assert_eq!(
            (event.kind, event.id.as_str(), event.room.as_deref(), event.actor.as_deref()),
            (Kind::Message, "m1", Some("r1"), Some("p1"))
        );
        assert!(matches!(parse(r#"{"resource":"rooms","event":"created"}"#), Ok(Parsed::Ignored(_))));
        assert!(matches!(parse(r#"{"resource":"messages","event":"deleted","data":{}}"#), Ok(Parsed::Ignored(_))));
        assert!(matches!(
            parse(r#"{"resource":"meetings","event":"created","data":{"id":7}}"#),
            Ok(Parsed::Ignored(_))
        ));
        assert!(matches!(parse(r#"{"resource":"rooms","event":"created","data":null}"#), Ok(Parsed::Ignored(_))));
        for not_an_envelope in
            ["", "[]", "{}", "null", r#"{"resource":"messages","event":"created"}"#, r#"{"resource":1,"event":2}"#]
        {
            assert!(parse(not_an_envelope).is_err(), "{not_an_envelope}");
        }
    }

    #[test]
    fn what_is_odd_and_not_needed_counts_as_missing() {
        let body = |data: &str| format!(r#"{{"resource":"messages","event":"created","actorId":5,"data":{data}}}"#);
        for created in
            ["5", "null", r#""9999-12-30T22:00:00.999Z""#, r#""""#, r#""yesterday""#, r#""1970-01-01T00:00:00Z""#]
        {
            let data = format!(r#"{{"id":"m1","roomId":["r"],"personId":null,"roomType":7,"created":{created}}}"#);
            let Ok(Parsed::Event(event)) = Envelope::parse(body(&data).as_bytes()) else { panic!("{created}") };
            assert_eq!((event.id.as_str(), event.room, event.actor, event.created), ("m1", None, None, None));
        }
        for id in ["..", ".", "", "a b", "a\nb", "\u{e9}"].map(|id| serde_json::json!({"id": id}).to_string()) {
            assert!(Envelope::parse(body(&id).as_bytes()).is_err(), "{id}");
        }
    }

    #[test]
    fn the_bots_own_doing_is_recognised_in_any_spelling_of_its_id() {
        let uuid = "11111111-1111-4111-8111-111111111111";
        let body = |id: String| serde_json::json!({"resource": "messages", "event": "created", "data": {"id": "m", "personId": id}});
        let me = PersonId::from(crate::webex::encode("us", "PEOPLE", uuid));
        for (id, own) in [
            (crate::webex::encode("urn:TEAM:eu-central-1_k", "PEOPLE", uuid), true),
            (uuid.to_uppercase(), true),
            (crate::webex::encode("us", "PEOPLE", "22222222-2222-4222-8222-222222222222"), false),
        ] {
            let Ok(Parsed::Event(event)) = Envelope::parse(body(id).to_string().as_bytes()) else {
                panic!("not an event")
            };
            assert_eq!(event.is_by(&me), own, "{event:?}");
        }
    }
}
