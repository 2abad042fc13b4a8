//! Where a letter goes.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::webex::{PersonId, RoomId, RoomType};

/// Where a letter goes. Letters to one destination are sent in order, and the key of a thread is valid for one
/// destination. A person's address, their id and the id of the direct space with them are three destinations: use the
/// same one in all letters that belong together. Capital letters in an address make no difference.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Destination {
    /// A space. The bot can read its messages back if the space is direct.
    Space(RoomId, RoomType),
    /// The direct space with a person, by their id. Webex makes the space if there is none.
    Person(PersonId),
    /// The direct space with a person, by their email address.
    Email(String),
}

impl Destination {
    /// A group space, by its id.
    pub fn space(room: impl Into<RoomId>) -> Destination {
        Destination::Space(room.into(), RoomType::Group)
    }

    /// The direct space with somebody, by their email address.
    pub fn email(email: impl Into<String>) -> Destination {
        Destination::Email(email.into())
    }

    /// The person's id or address, if the letter goes to one person.
    pub(crate) fn person(&self) -> Option<String> {
        match self {
            Destination::Space(..) => None,
            Destination::Person(person) => Some(person.local()),
            Destination::Email(email) => Some(email.clone()),
        }
    }

    /// The name of its lane in the ledger.
    pub(crate) fn lane(&self) -> String {
        match self {
            Destination::Space(room, _) => room.local(),
            Destination::Person(person) => format!("to {}", person.local()),
            Destination::Email(email) => format!("to {}", email.to_lowercase()),
        }
    }

    /// Whether only one person reads it.
    pub(crate) fn is_direct(&self) -> bool {
        match self {
            Destination::Space(_, kind) => *kind == RoomType::Direct,
            Destination::Person(_) | Destination::Email(_) => true,
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Destination::Space(room, _) => write!(f, "the space {room}"),
            Destination::Person(person) => write!(f, "the person {person}"),
            Destination::Email(email) => f.write_str(email),
        }
    }
}
