//! Opens, changes and deletes rooms.

use serde::Deserialize;

use super::event::Event;
use super::refusal::Refusal;
use super::sight::pair;
use super::state::World;
use super::things::{Account, Room, RoomType, SpaceTraits};

/// The body of `POST` and `PUT`. Missing fields stay as they are.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RoomDraft {
    pub(crate) title: String,
    pub(crate) team_id: Option<String>,
    pub(crate) is_locked: Option<bool>,
    pub(crate) is_public: Option<bool>,
    pub(crate) is_announcement_only: Option<bool>,
    pub(crate) description: Option<String>,
}

impl World {
    /// Opens a space whose only member is its creator.
    pub(crate) fn open_space(&mut self, creator: &Account, title: &str) -> String {
        let id = self.mint.id("ROOM");
        self.open_room(creator, &id, title.to_owned(), RoomType::Group);
        self.join(creator, &id, creator, true);
        self.tell_of_room("created", &creator.id, &id);
        id
    }

    /// Opens a space with the fields of a REST call.
    pub(crate) fn create_room(&mut self, actor: &Account, draft: RoomDraft) -> Result<String, Refusal> {
        check_title(&draft.title)?;
        if let Some(team) = &draft.team_id {
            self.team_of(actor, team)?;
        }
        let id = self.open_space(actor, &draft.title);
        self.dress(&id, draft);
        Ok(id)
    }

    pub(crate) fn update_room(&mut self, actor: &Account, id: &str, draft: RoomDraft) -> Result<String, Refusal> {
        let room = self.room_of(actor, id)?;
        check_title(&draft.title)?;
        if room.kind == RoomType::Direct {
            return Err(Refusal::bad_request("Unable to update a direct room."));
        }
        room.lets_change(&actor.id)?;
        let (id, locks) = (room.id.clone(), draft.is_locked == Some(true) && !room.traits.is_locked);
        if let (true, Some(room)) = (locks, self.rooms.get_mut(&id)) {
            // The person who locks a space becomes its moderator.
            for member in room.members.iter_mut().filter(|member| member.person_id == actor.id) {
                member.is_moderator = true;
            }
        }
        self.dress(&id, draft);
        self.tell_of_room("updated", &actor.id, &id);
        Ok(id)
    }

    fn dress(&mut self, id: &str, draft: RoomDraft) {
        let Some(room) = self.rooms.get_mut(id) else { return };
        room.title = draft.title;
        let traits = &mut room.traits;
        traits.team_id = draft.team_id.or(traits.team_id.take());
        traits.is_locked = draft.is_locked.unwrap_or(traits.is_locked);
        traits.is_public = draft.is_public.unwrap_or(traits.is_public);
        traits.is_announcement_only = draft.is_announcement_only.unwrap_or(traits.is_announcement_only);
        traits.description = draft.description.or(traits.description.take());
    }

    /// Deletes a space. In a moderated space somebody who is no moderator only leaves it. Webhooks get an event for
    /// each member that leaves, and none for the room.
    pub(crate) fn delete_room(&mut self, actor: &Account, id: &str) -> Result<(), Refusal> {
        let room = self.room_of(actor, id)?;
        let (id, is_team) = (room.id.clone(), self.teams.get(&room.id).is_some());
        if room.kind == RoomType::Direct {
            return Err(Refusal::bad_request("Unable to delete a direct room."));
        }
        if is_team {
            return Err(Refusal::bad_request("The general room of a team goes with the team."));
        }
        if room.lets_change(&actor.id).is_err() {
            self.leave(actor, &id, &actor.id);
        } else {
            self.drop_room(actor, &id);
        }
        Ok(())
    }

    /// Moves a space to another region, as Webex does with the spaces of an organisation. The space and its messages stay
    /// as they are, and the space has another id. Gives that id.
    pub(crate) fn migrate_room(&mut self, id: &str) -> Option<String> {
        let room = self.rooms.get(id)?;
        let (old, actor_id, messages) = (room.id.clone(), room.creator_id.clone(), room.messages.clone());
        let said: Vec<_> = messages.iter().filter_map(|place| Some(self.messages.at(*place)?.id.clone())).collect();
        let new = self.mint.id("ROOM");
        for message in said {
            if let Some(message) = self.messages.get_mut(&message) {
                message.room_id.clone_from(&new);
            }
        }
        let room = Room { id: new.clone(), ..self.rooms.remove(&old)? };
        self.rooms.push(&new, room);
        self.tell_of_room("migrated", &actor_id, &new);
        Some(new)
    }

    pub(crate) fn drop_room(&mut self, actor: &Account, id: &str) {
        let Some(room) = self.rooms.get(id) else { return };
        let members: Vec<_> = room.members.iter().map(|member| member.person_id.clone()).collect();
        // All events happen before the first member is removed, so that every member gets all of them.
        for person_id in members {
            self.tell_of_leaving(actor, id, &person_id);
        }
        let Some(room) = self.rooms.remove(id) else { return };
        let said = room.messages.iter().filter_map(|place| self.messages.at(*place));
        let said: Vec<_> = said.map(|message| (message.id.clone(), message.files.len())).collect();
        for (message, files) in said {
            self.messages.remove(&message);
            self.drop_files(&message, files);
        }
    }

    /// The direct room of two people, which is opened if there is none.
    pub(crate) fn direct_room(&mut self, from: &Account, to: &Account) -> String {
        if let Some(id) = self.existing_direct_room(&from.id, &to.id) {
            return id.to_owned();
        }
        let id = self.mint.id("ROOM");
        self.open_room(from, &id, String::new(), RoomType::Direct);
        self.know_direct(&from.id, &to.id, &id);
        self.join(from, &id, from, false);
        self.join(from, &id, to, false);
        self.tell_of_room("created", &from.id, &id);
        id
    }

    pub(crate) fn know_direct(&mut self, one: &str, other: &str, room_id: &str) {
        self.direct.insert(pair(one, other), room_id.to_owned());
    }

    pub(crate) fn open_room(&mut self, creator: &Account, id: &str, title: String, kind: RoomType) {
        let now = self.clock.now();
        let room = Room {
            id: id.to_owned(),
            title,
            kind,
            creator_id: creator.id.clone(),
            created: now,
            last_activity: now,
            traits: SpaceTraits::default(),
            members: Vec::new(),
            messages: Vec::new(),
        };
        self.rooms.push(id, room);
    }

    fn tell_of_room(&mut self, event: &'static str, actor_id: &str, id: &str) {
        if let Some(room) = self.rooms.get(id) {
            self.tell(Event::room(event, actor_id, room));
        }
    }
}

fn check_title(title: &str) -> Result<(), Refusal> {
    if title.trim().is_empty() { Err(Refusal::bad_request("title cannot be empty")) } else { Ok(()) }
}
