//! Chooses the space that a title means, among those that the bot is in. Pure.

use std::fmt;

use crate::store::Pin;
use crate::webex::{Room, RoomId, RoomType};

/// The most spaces of one title whose ids are shown.
const MOST_SHOWN: usize = 5;

/// Why a title means no space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unplaced {
    /// The bot is in no space of this title.
    Missing {
        /// The title as the settings have it.
        title: String,
        /// The title of a space that differs only in capital letters.
        close: Option<String>,
    },
    /// The bot is in several spaces of this title.
    Ambiguous {
        /// The title as the settings have it.
        title: String,
        /// Webex's ids of these spaces.
        rooms: Vec<RoomId>,
    },
}

impl fmt::Display for Unplaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unplaced::Missing { title, close } => {
                write!(f, "the bot is in no space with the title \"{title}\"")?;
                close.iter().try_for_each(|close| write!(f, ", but in one with the title \"{close}\""))?;
                f.write_str("; add the bot to that space, or name one that `switchboard rooms` shows")
            }
            Unplaced::Ambiguous { title, rooms } => {
                let shown: Vec<_> = rooms.iter().take(MOST_SHOWN).map(RoomId::as_str).collect();
                let (count, rooms) = (rooms.len(), shown.join(" and "));
                write!(
                    f,
                    "{count} spaces have the title \"{title}\"; name one by its id in place of the title: {rooms}"
                )
            }
        }
    }
}

/// The space that a title means. The pinned space goes before all others, whatever its title is now. Without one, the
/// title must be that of one group space: capital letters count, blanks around it do not.
///
/// # Errors
/// No space has the title, or several have it.
pub fn choose<'a>(title: &str, pin: Option<&Pin>, rooms: &'a [Room]) -> Result<&'a Room, Unplaced> {
    let spaces = || rooms.iter().filter(|room| room.kind == RoomType::Group);
    if let Some(pin) = pin
        && let Some(room) = spaces().find(|room| is_pinned(pin, room))
    {
        return Ok(room);
    }
    let named: Vec<_> = spaces().filter(|room| room.title.trim() == title.trim()).collect();
    match named[..] {
        [room] => Ok(room),
        [] => {
            let in_small = title.trim().to_lowercase();
            let close = spaces().find(|room| room.title.trim().to_lowercase() == in_small);
            Err(Unplaced::Missing { title: title.to_owned(), close: close.map(|room| room.title.clone()) })
        }
        _ => {
            let rooms = named.iter().map(|room| room.id.clone()).collect();
            Err(Unplaced::Ambiguous { title: title.to_owned(), rooms })
        }
    }
}

/// Whether this is the pinned space. One that Webex moved to another region has another id, and is known by its title
/// and by when it was created.
fn is_pinned(pin: &Pin, room: &Room) -> bool {
    let made_at = room.created.map(|created| created.as_millisecond());
    let is_moved = || made_at.is_some() && made_at == pin.made_at && room.title == pin.seen;
    room.id == pin.room.as_str().into() || is_moved()
}

/// What is remembered of a space that was chosen.
pub(super) fn pin_of(title: &str, room: &Room) -> Pin {
    Pin {
        title: title.to_owned(),
        room: room.id.to_string(),
        seen: room.title.clone(),
        made_at: room.created.map(|created| created.as_millisecond()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(id: &str, title: &str, created: &str) -> Room {
        serde_json::from_value(serde_json::json!({"id": id, "title": title, "type": "group", "created": created}))
            .unwrap()
    }

    const THEN: &str = "2026-01-01T00:00:00Z";
    const LATER: &str = "2026-02-01T00:00:00Z";

    #[test]
    fn a_title_means_the_one_space_that_has_it() {
        let rooms =
            [room("a", "Ops", THEN), room("b", " Build ", LATER), room("c", "Lab", THEN), room("d", "Lab", THEN)];
        assert_eq!(choose("Build", None, &rooms).unwrap().id, "b".into());
        let says = |title| choose(title, None, &rooms).unwrap_err().to_string();
        assert!(says("Lab").contains("2 spaces") && says("Lab").contains("c and d"), "{}", says("Lab"));
        assert!(says("ops").contains("in no space") && says("ops").contains("\"Ops\""), "{}", says("ops"));
        assert!(!says("Op").contains("but"), "{}", says("Op"));
    }

    #[test]
    fn a_pin_goes_before_titles_and_is_found_after_a_move() {
        let pin = pin_of("Ops", &room("a", "Ops", THEN));
        let renamed = [room("b", "Ops", LATER), room("a", "Operations", THEN)];
        assert_eq!(choose("Ops", Some(&pin), &renamed).unwrap().id, "a".into());
        let pin = pin_of("Ops", &renamed[1]);
        let moved = [room("b", "Ops", LATER), room("z", "Operations", THEN)];
        assert_eq!(choose("Ops", Some(&pin), &moved).unwrap().id, "z".into());
        let gone = [room("b", "Ops", LATER), room("c", "Operations", LATER)];
        assert_eq!(choose("Ops", Some(&pin), &gone).unwrap().id, "b".into(), "another space of that title is no move");
    }
}
