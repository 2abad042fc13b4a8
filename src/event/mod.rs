//! The events the bot works on, their ids, and the references that people read.

mod hook;
mod ids;
mod other;
mod reference;
mod silence;

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use hook::{HookPost, short_key};
pub use ids::{
    CLICKS, MEMBERSHIPS, MESSAGES, card_notice_id, decision_id, elsewhere_id, failure_id, fresh_id, hook_id,
    hook_letter_id, hook_notice_id, hook_part_id, id, notice_id, outcome_id, part_id, removal_id, reply_id,
    unhandled_id,
};
pub use other::{Other, Subscription};
pub use reference::{canonical_code, id_suffix, new_code, reference};
pub use silence::Silence;

use crate::clock;
use crate::store::{Entry, Queue, Via};
use crate::text::iso_time;
use crate::webex::{MessageId, PersonId, RoomId, RoomType, local_part};

/// Our own resource for the ends of approval requests.
const ENDS: &str = "approvals";
/// Our own resource for what other systems post.
const HOOKS: &str = "hooks";
/// Our own resource for the silences of hooks.
const SILENCES: &str = "silences";
/// Our own resource for the runs of approved commands.
const RUNS: &str = "approved";

/// The resources with ids from which event ids are made, each with its word for people.
pub const THINGS: [(&str, &str); 5] =
    [(MESSAGES, "message"), (CLICKS, "click"), (MEMBERSHIPS, "membership"), (ENDS, "card"), (RUNS, "card")];

/// Something the bot works on, as the ledger stores it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Event {
    /// Somebody wrote a message.
    Message(Occurrence),
    /// Somebody clicked on a card.
    #[serde(rename = "action")]
    Click(Occurrence),
    /// Somebody was added to a space.
    #[serde(rename = "membership")]
    Added(Added),
    /// The daemon has to end an approval request, mostly because its time is over.
    #[serde(rename = "expiry")]
    TimeUp(TimeUp),
    /// A command has its approvals and must run. The last vote put this event into the ledger.
    Approved(Approved),
    /// Another system posted to a hook.
    Hook(HookPost),
    /// Nothing has come to a hook for too long, or something has come again.
    Silence(Silence),
    /// Something else happened at Webex.
    Other(Other),
}

/// Something that happened at Webex, reduced to ids. Webex never sends the text.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Occurrence {
    /// Webex's id of the message or the click.
    pub id: String,
    /// The space, if the delivery names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<RoomId>,
    /// Who did it, as the envelope says. That is enough to drop an event. Whether it is answered is decided by what is
    /// fetched later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<PersonId>,
    /// Whether the space is a direct one, if the delivery says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room_type: Option<RoomType>,
    /// When it happened, by Webex's clock. This decides its place among the events of the space.
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

/// The time of an approval request is over, or the daemon ends it for another reason.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(from = "StoredTimeUp")]
pub struct TimeUp {
    /// The card of the request.
    pub card: Uuid,
    /// The number of the try to end it.
    pub nth: u32,
    /// The space.
    pub room: RoomId,
    /// When, by Webex's clock.
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
    /// When, by Webex's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
}

/// The form in the ledger. Earlier versions wrote the card and the try as one text.
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
    /// The event of a message that was found in a list.
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

    /// Webex's name of the resource, or ours if Webex has none. It is the label in metrics.
    pub fn resource(&self) -> &'static str {
        match self {
            Event::Message(_) => MESSAGES,
            Event::Click(_) => CLICKS,
            Event::Added(_) => MEMBERSHIPS,
            Event::TimeUp(_) => ENDS,
            Event::Approved(_) => RUNS,
            Event::Hook(_) => HOOKS,
            Event::Silence(_) => SILENCES,
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
            Event::Hook(post) => post.id,
            Event::Silence(silence) => id(SILENCES, &silence.name()),
            Event::Other(other) => other.event_id(),
        }
    }

    /// Events of one lane are worked on in order. The lane is the space. An event without a space has a lane of its
    /// own.
    pub fn lane(&self) -> String {
        match self {
            Event::Message(of) | Event::Click(of) | Event::Added(Added { membership: of, .. }) => {
                of.room.as_ref().map_or_else(|| local_part(&of.id), RoomId::local)
            }
            Event::TimeUp(TimeUp { room, .. }) | Event::Approved(Approved { room, .. }) => room.local(),
            Event::Hook(post) => post.lane(),
            Event::Silence(silence) => silence.lane(),
            Event::Other(other) => other.lane(),
        }
    }

    /// Whether this person did it.
    pub fn is_by(&self, person: &PersonId) -> bool {
        match self {
            Event::Message(of) | Event::Click(of) | Event::Added(Added { membership: of, .. }) => {
                of.actor.as_ref() == Some(person)
            }
            Event::TimeUp(_) | Event::Approved(_) | Event::Hook(_) | Event::Silence(_) => false,
            Event::Other(other) => other.actor.as_ref() == Some(person),
        }
    }

    fn created(&self) -> Option<Timestamp> {
        match self {
            Event::Message(of) | Event::Click(of) | Event::Added(Added { membership: of, .. }) => of.created,
            Event::TimeUp(TimeUp { created, .. }) | Event::Approved(Approved { created, .. }) => *created,
            Event::Hook(_) | Event::Silence(_) | Event::Other(_) => None,
        }
    }

    /// What the audit says about how the event came in.
    pub fn via(&self) -> Via {
        match self {
            Event::Message(_) => Via::Message,
            Event::Click(_) => Via::Click,
            // Nobody asked the bot for anything: somebody was added, something else happened, or the daemon made the
            // event itself.
            Event::Added(_)
            | Event::TimeUp(_)
            | Event::Approved(_)
            | Event::Hook(_)
            | Event::Silence(_)
            | Event::Other(_) => Via::Daemon,
        }
    }

    /// Whether it came from Webex, and not from the daemon itself.
    pub fn is_from_webex(&self) -> bool {
        !matches!(self, Event::TimeUp(_) | Event::Approved(_) | Event::Hook(_) | Event::Silence(_))
    }

    /// A description for people.
    pub fn described(&self) -> String {
        match self {
            Event::Message(_) => "a message".to_owned(),
            Event::Click(_) => "a click on a card".to_owned(),
            Event::Added(_) => "somebody added to a space".to_owned(),
            Event::TimeUp(_) => "the end of what waited for approval".to_owned(),
            Event::Approved(_) => "the run of what was approved".to_owned(),
            Event::Hook(post) => format!("a post to the hook {}", post.hook),
            Event::Silence(Silence { hook, is_over: false, .. }) => format!("the silence of the hook {hook}"),
            Event::Silence(Silence { hook, .. }) => format!("the end of the silence of the hook {hook}"),
            Event::Other(other) => format!("an event of the kind {}", other.kind()),
        }
    }

    /// The ids by which people know the event, each in a sentence.
    pub fn ids(&self) -> Vec<String> {
        match self {
            Event::Message(of) | Event::Click(of) | Event::Added(Added { membership: of, .. }) => {
                vec![format!("its Webex id is {}", of.id)]
            }
            Event::TimeUp(TimeUp { card, .. }) | Event::Approved(Approved { card, .. }) => {
                vec![format!("it is about the card {card}")]
            }
            Event::Hook(post) => vec![format!("it is {}", post.kind())],
            Event::Silence(Silence { since, .. }) => vec![format!("the silence began at {}", iso_time(*since))],
            Event::Other(Other { id, envelope, .. }) => {
                let of = id.iter().map(|id| format!("Webex's id of what it happened to is {id}"));
                of.chain(envelope.iter().map(|id| format!("Webex's id of the webhook or envelope is {id}"))).collect()
            }
        }
    }

    /// A row of the inbox, accepted now.
    pub fn to_entry(&self) -> Entry {
        let accepted_at = clock::wall_ms();
        let label = match self {
            Event::Other(other) => Some(other.kind()),
            Event::Hook(post) => Some(post.kind()),
            Event::Silence(silence) => Some(silence.kind()),
            _ => None,
        };
        let heard = match self {
            Event::Hook(post) if post.is_expected => Some(post.hook.clone()),
            _ => None,
        };
        Entry {
            id: self.event_id(),
            queue: Queue::Inbox,
            lane: self.lane(),
            accepted_at,
            happened_at: self.created().map_or(accepted_at, Timestamp::as_millisecond),
            body: serde_json::to_string(self).unwrap_or_default(),
            label,
            heard,
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
    /// A read-back by polling found it. No delivery is expected.
    Polling,
    /// A read-back found it, though it should have been delivered.
    CatchUp,
    /// It happens because time has passed.
    Clock,
    /// Another system posted it to a hook.
    Hook,
}

impl Source {
    /// Whether such an event proves that Webex delivers.
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
            Source::Hook => "hook",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether an event can have happened at this time. An implausible time counts as none: the event is worked on, but has
/// no place in the order. If it were in the future, everything said later would have to wait for it.
pub fn is_plausible(at: &Timestamp) -> bool {
    /// Seconds that a time may lie ahead, since clocks and time zones may be wrong.
    const AHEAD: i64 = 26 * 3600;
    /// The year 2010, before Webex had its present form.
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
