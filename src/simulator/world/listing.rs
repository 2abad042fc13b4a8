//! Lists of messages, newest first, a page at a time.

use jiff::Timestamp;

use super::ids;
use super::refusal::Refusal;
use super::state::World;
use super::things::{Account, AccountType, Message, RoomType};

/// The messages to list. Ids are as the caller spelled them.
pub(crate) struct MessageListing {
    pub(crate) room_id: String,
    pub(crate) parent_id: Option<String>,
    pub(crate) mentioned_people: Option<String>,
    pub(crate) before: Option<Timestamp>,
    pub(crate) before_message: Option<String>,
    pub(crate) max: usize,
}

impl World {
    /// The newest messages of a room, newest first, and whether there are older ones.
    pub(crate) fn list(&self, actor: &Account, listing: &MessageListing) -> Result<(Vec<&Message>, bool), Refusal> {
        let room = self.room_of(actor, &listing.room_id)?;
        let is_me = |id: &str| id == "me" || ids::same(id, &actor.id);
        match &listing.mentioned_people {
            Some(who) if !is_me(who) => return Err(Refusal::forbidden("Failed to get activity")),
            // A bot may not read all messages of a space.
            None if actor.kind == AccountType::Bot && room.kind == RoomType::Group => {
                return Err(Refusal::forbidden("Failed to get activity"));
            }
            Some(_) | None => {}
        }
        let mut end = room.messages.len();
        if let Some(before) = listing.before {
            let older = |place: &usize| self.messages.at(*place).is_some_and(|message| message.created < before);
            end = end.min(room.messages.partition_point(older));
        }
        if let Some(id) = &listing.before_message {
            let place = self.messages.place(id).ok_or_else(Refusal::no_such_message)?;
            end = end.min(room.messages.partition_point(|other| *other < place));
        }
        let wanted = |message: &&Message| {
            (listing.mentioned_people.is_none() || message.mentioned_people.contains(&actor.id))
                && listing
                    .parent_id
                    .as_ref()
                    .is_none_or(|thread| message.parent_id.as_ref().is_some_and(|parent| ids::same(parent, thread)))
        };
        let newest_first = room.messages.iter().take(end).rev().filter_map(|place| self.messages.at(*place));
        let mut found: Vec<_> = newest_first.filter(wanted).take(listing.max.saturating_add(1)).collect();
        let more = found.len() > listing.max;
        found.truncate(listing.max);
        Ok((found, more))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::world::draft::MessageDraft;

    #[test]
    fn pages_go_back_without_gaps_or_repeats_and_survive_a_deletion() {
        let mut world = World::default();
        let (alice, bob) = (world.account("alice@example.com"), world.account("bob@example.com"));
        let room = world.direct_room(&alice, &bob);
        let draft = |text: usize| MessageDraft { text: Some(text.to_string()), ..MessageDraft::default() };
        let ids: Vec<_> = (0..10).map(|text| world.put(&alice, &room, draft(text), "").id).collect();
        let page = |world: &World, before_message: Option<&String>| {
            let listing = MessageListing {
                room_id: ids::respelled(&room, ids::US, "ROOM"),
                parent_id: None,
                mentioned_people: None,
                before: None,
                before_message: before_message.map(|id| ids::respelled(id, ids::US, "MESSAGE")),
                max: 4,
            };
            let (found, more) = world.list(&bob, &listing).unwrap();
            (found.iter().map(|message| message.text.clone().unwrap()).collect::<String>(), more)
        };
        assert_eq!(page(&world, None), ("9876".to_owned(), true));
        assert_eq!(page(&world, Some(&ids[6])), ("5432".to_owned(), true));
        world.delete(&alice, &ids[2]).unwrap();
        assert_eq!(page(&world, Some(&ids[2])), ("10".to_owned(), false));
    }
}
