//! What the bot works on, and the ids and references of it.

mod ids;
mod other;
mod reference;

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use ids::{
    CLICKS, MEMBERSHIPS, MESSAGES, card_notice_id, decision_id, elsewhere_id, failure_id, id, notice_id, outcome_id,
    removal_id, reply_id, unhandled_id,
};
pub use other::{Other, Subscription};
pub use reference::{canonical_code, id_suffix, new_code, reference};

use crate::clock;
use crate::store::{Entry, Queue, Via};
use crate::webex::{MessageId, PersonId, RoomId, RoomType, local_part};

/// Our own resource for ends of approval requests.
const ENDS: &str = "approvals";
/// Our own resource for runs of approved commands.
const RUNS: &str = "approved";

/// What has an id that events are made of: the resource, and the word for people.
pub const THINGS: [(&str, &str); 5] =
    [(MESSAGES, "message"), (CLICKS, "click"), (MEMBERSHIPS, "membership"), (ENDS, "card"), (RUNS, "card")];

/// Something that the bot works on, as the ledger has it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Event {
    /// Somebody wrote.
    Message(Occurrence),
    /// Somebody clicked on a card.
    #[serde(rename = "action")]
    Click(Occurrence),
    /// Somebody was added to a space.
    #[serde(rename = "membership")]
    Added(Added),
    /// An approval request has to be ended by the daemon, mostly since its time is over.
    #[serde(rename = "expiry")]
    TimeUp(TimeUp),
    /// A command has its approvals and has to run. The last click put this event into the ledger.
    Approved(Approved),
    /// Something else happened at Webex.
    Other(Other),
}

/// Something that happened at Webex, reduced to ids: Webex never sends the text.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Occurrence {
    /// Webex's id of the message or the click.
    pub id: String,
    /// The space, if the delivery names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<RoomId>,
    /// Who did it, as the envelope says. That is enough to drop an event; whether it is answered is decided by what is fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<PersonId>,
    /// Whether the space is a direct one, if the delivery says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room_type: Option<RoomType>,
    /// When it happened, by Webex's clock. That decides its place in the order of its space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
}

/// Somebody was added to a space.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Added {
    /// The membership.
    #[serde(flatten)]
    pub membership: Occurrence,
    /// Who was added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<PersonId>,
}

/// The time of an approval request is over.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(from = "StoredTimeUp")]
pub struct TimeUp {
    /// The card of the request.
    pub card: Uuid,
    /// Which try to end it.
    pub nth: u32,
    /// The space.
    pub room: RoomId,
    /// By Webex's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
}

/// An approval request has the approvals it needs.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Approved {
    /// The card of the request.
    #[serde(alias = "id")]
    pub card: Uuid,
    /// The space.
    pub room: RoomId,
    /// By Webex's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
}

/// As ledgers have it. Those of earlier versions have the card and the try in one text.
#[derive(Deserialize)]
struct StoredTimeUp {
    card: Option<Uuid>,
    #[serde(default)]
    nth: u32,
    id: Option<String>,
    room: RoomId,
    created: Option<Timestamp>,
}

impl From<StoredTimeUp> for TimeUp {
    fn from(StoredTimeUp { card, nth, id, room, created }: StoredTimeUp) -> TimeUp {
        let before = id.as_deref().and_then(|id| id.get(..36)?.parse().ok());
        TimeUp { card: card.or(before).unwrap_or_default(), nth, room, created }
    }
}

impl Event {
    /// The message that was found in a list.
    pub fn of_message(
        id: &MessageId,
        room: RoomId,
        kind: RoomType,
        sender: Option<PersonId>,
        created: Option<Timestamp>,
    ) -> Event {
        let created = created.filter(is_plausible);
        Event::Message(Occurrence {
            id: id.to_string(),
            room: Some(room),
            actor: sender,
            room_type: Some(kind),
            created,
        })
    }

    /// Webex's name of the resource, or ours of what is not at Webex: the label in metrics.
    pub fn resource(&self) -> &'static str {
        match self {
            Event::Message(_) => MESSAGES,
            Event::Click(_) => CLICKS,
            Event::Added(_) => MEMBERSHIPS,
            Event::TimeUp(_) => ENDS,
            Event::Approved(_) => RUNS,
            Event::Other(other) => other.labels()[0],
        }
    }

    /// The id of the event in the ledger.
    pub fn event_id(&self) -> Uuid {
        match self {
            Event::Message(of) | Event::Click(of) | Event::Added(Added { membership: of, .. }) => {
                id(self.resource(), &of.id)
            }
            Event::TimeUp(TimeUp { card, nth: 0, .. }) | Event::Approved(Approved { card, .. }) => {
                id(self.resource(), &card.to_string())
            }
            Event::TimeUp(TimeUp { card, nth, .. }) => id(self.resource(), &format!("{card}/{nth}")),
            Event::Other(other) => other.event_id(),
        }
    }

    /// Events of one lane are worked on in order. The lane is the space; an event without one has a lane of its own.
    pub fn lane(&self) -> String {
        match self {
            Event::Message(of) | Event::Click(of) | Event::Added(Added { membership: of, .. }) => {
                of.room.as_ref().map_or_else(|| local_part(&of.id), RoomId::local)
            }
            Event::TimeUp(TimeUp { room, .. }) | Event::Approved(Approved { room, .. }) => room.local(),
            Event::Other(other) => other.lane(),
        }
    }

    /// Whether this person did it.
    pub fn is_by(&self, person: &PersonId) -> bool {
        match self {
            Event::Message(of) | Event::Click(of) | Event::Added(Added { membership: of, .. }) => {
                of.actor.as_ref() == Some(person)
            }
            Event::TimeUp(_) | Event::Approved(_) => false,
            Event::Other(other) => other.actor.as_ref() == Some(person),
        }
    }

    fn created(&self) -> Option<Timestamp> {
        match self {
            Event::Message(of) | Event::Click(of) | Event::Added(Added { membership: of, .. }) => of.created,
            Event::TimeUp(TimeUp { created, .. }) | Event::Approved(Approved { created, .. }) => *created,
            Event::Other(_) => None,
        }
    }

    /// How it came in, for the audit.
    pub fn via(&self) -> Via {
        match self {
            Event::Message(_) => Via::Message,
            Event::Click(_) => Via::Click,
            // The bot was put into a space, something else happened, or its clock says so: nobody asked it for anything.
            Event::Added(_) | Event::TimeUp(_) | Event::Approved(_) | Event::Other(_) => Via::Daemon,
        }
    }

    /// Whether it came from Webex, and not from the daemon itself.
    pub fn is_from_webex(&self) -> bool {
        !matches!(self, Event::TimeUp(_) | Event::Approved(_))
    }

    /// What it is, for people.
    pub fn described(&self) -> String {
        match self {
            Event::Message(_) => "a message".to_owned(),
            Event::Click(_) => "a click on a card".to_owned(),
            Event::Added(_) => "somebody added to a space".to_owned(),
            Event::TimeUp(_) => "the end of what waited for approval".to_owned(),
            Event::Approved(_) => "the run of what was approved".to_owned(),
            Event::Other(other) => format!("an event of the kind {}", other.kind()),
        }
    }

    /// The ids by which people know it, a sentence each.
    pub fn ids(&self) -> Vec<String> {
        match self {
            Event::Message(of) | Event::Click(of) | Event::Added(Added { membership: of, .. }) => {
                vec![format!("its Webex id is {}", of.id)]
            }
            Event::TimeUp(TimeUp { card, .. }) | Event::Approved(Approved { card, .. }) => {
                vec![format!("it is about the card {card}")]
            }
            Event::Other(Other { id, envelope, .. }) => {
                let of = id.iter().map(|id| format!("Webex's id of what it happened to is {id}"));
                of.chain(envelope.iter().map(|id| format!("Webex's id of the webhook or envelope is {id}"))).collect()
            }
        }
    }

    /// A row of the inbox, as of now.
    pub fn to_entry(&self) -> Entry {
        let accepted_at = clock::wall_ms();
        let label = if let Event::Other(other) = self { Some(other.kind()) } else { None };
        Entry {
            id: self.event_id(),
            queue: Queue::Inbox,
            lane: self.lane(),
            accepted_at,
            happened_at: self.created().map_or(accepted_at, Timestamp::as_millisecond),
            body: serde_json::to_string(self).unwrap_or_default(),
            label,
            ..Entry::default()
        }
    }
}

/// How an event came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Webex posted it.
    Webhook,
    /// It came over a socket.
    Websocket,
    /// A look found it, and no delivery is expected.
    Polling,
    /// A look found what ought to have been delivered.
    CatchUp,
    /// It happens because time has passed.
    Clock,
}

impl Source {
    /// Whether it proves that Webex delivers.
    pub fn is_delivery(self) -> bool {
        matches!(self, Source::Webhook | Source::Websocket)
    }

    /// The label in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Source::Webhook => "webhook",
            Source::Websocket => "websocket",
            Source::Polling => "polling",
            Source::CatchUp => "catch_up",
            Source::Clock => "clock",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether something can have happened then. An odd time is as good as none: the event counts, its place in the order does
/// not. A time in the future would make everything said later wait for it.
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
    fn what_a_ledger_of_before_holds_is_read() {
        let read = |body: &str| serde_json::from_str::<Event>(body).unwrap();
        let card = "11111111-1111-4111-8111-111111111111";
        let late = read(&format!(r#"{{"kind":"expiry","id":"{card}/2","room":"r","room_type":"group"}}"#));
        assert!(matches!(&late, Event::TimeUp(time_up) if time_up.card.to_string() == card));
        let approved = read(&format!(r#"{{"kind":"approved","id":"{card}","room":"r","room_type":"group"}}"#));
        assert!(matches!(&approved, Event::Approved(approved) if approved.card.to_string() == card));
        let added = read(r#"{"kind":"membership","id":"m","room":"r","actor":"a","member":"b"}"#);
        assert!(
            matches!(&added, Event::Added(added) if added.member == Some("b".into()) && added.membership.id == "m")
        );
        for event in [late, approved, added, read(r#"{"kind":"message","id":"m","room_type":"direct"}"#)] {
            let again = read(&event.to_entry().body);
            assert_eq!((again.event_id(), again.lane()), (event.event_id(), event.lane()));
        }
    }
}
