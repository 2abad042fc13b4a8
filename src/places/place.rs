//! How the settings name a destination.

use std::fmt;

use crate::config::{is_person, is_room};
use crate::outbox::Destination;
use crate::webex::{RoomType, is_person_id};

/// A destination as the settings name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// By an id or an address.
    Known(Destination),
    /// By the title of a space.
    Titled(String),
}

impl Place {
    /// Reads an entry of `to`. What looks like an address or an id is one; anything else is a title. An id may be of a
    /// space or of a person; Webex writes the kind into it.
    pub fn of(entry: &str) -> Place {
        let entry = entry.trim();
        if entry.contains('@') && is_person(entry) {
            Place::Known(Destination::Email(entry.to_owned()))
        } else if is_person_id(entry) {
            Place::Known(Destination::Person(entry.into()))
        } else if is_room(entry) {
            Place::Known(Destination::Space(entry.into(), RoomType::Group))
        } else {
            Place::Titled(entry.to_owned())
        }
    }

    /// The title, if it is named by one.
    pub fn title(&self) -> Option<&str> {
        match self {
            Place::Known(_) => None,
            Place::Titled(title) => Some(title),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Known(destination) => destination.fmt(f),
            Place::Titled(title) => write!(f, "the space \"{title}\""),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_an_id_or_an_address_is_one_and_the_rest_is_a_title() {
        let room = "Y2lzY29zcGFyazovL3VzL1JPT00vMTExMTExMTEtMTExMS00MTExLTgxMTEtMTExMTExMTExMTEx";
        let person = "Y2lzY29zcGFyazovL3VzL1BFT1BMRS8xMTExMTExMS0xMTExLTQxMTEtODExMS0xMTExMTExMTExMTE";
        assert_eq!(Place::of(&format!(" {room} ")), Place::Known(Destination::space(room)));
        assert_eq!(Place::of(person), Place::Known(Destination::Person(person.into())));
        assert_eq!(Place::of("a@example.com "), Place::Known(Destination::email("a@example.com")));
        for title in ["Ops / Incidents", "Build", "on call @ night", "a@b", "1111"] {
            let is_title = Place::of(title).title() == Some(title);
            assert_eq!(is_title, title != "a@b", "{title}");
        }
    }
}
