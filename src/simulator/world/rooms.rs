//! Rooms and who is in them.

use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::event::Event;
use super::people::Account;
use super::refusal::Refusal;
use super::state::World;
use super::{ids, time};

/// What a room is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RoomType {
    /// Two people, one of them possibly a bot.
    Direct,
    /// A space.
    Group,
}

/// A room and what is in it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Room {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) kind: RoomType,
    pub(crate) creator_id: String,
    pub(crate) created: Timestamp,
    pub(crate) last_activity: Timestamp,
    #[serde(flatten)]
    pub(crate) traits: Traits,
    pub(crate) members: Vec<Member>,
    /// Places on the shelf of messages, oldest first.
    #[serde(skip)]
    pub(crate) messages: Vec<usize>,
}

/// What can be said of a space when it is made or later.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Traits {
    pub(crate) team_id: Option<String>,
    /// Moderated: only moderators add, remove and change.
    pub(crate) is_locked: bool,
    pub(crate) is_public: bool,
    /// Only moderators post.
    pub(crate) is_announcement_only: bool,
    pub(crate) description: Option<String>,
}

/// The body of `POST` and `PUT`. What is missing stays as it is.
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

/// One person in a room.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Member {
    pub(crate) person_id: String,
    pub(crate) is_moderator: bool,
    #[serde(default)]
    pub(crate) is_hidden: bool,
    pub(crate) created: Timestamp,
}

/// What can be changed of a membership.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct MemberDraft {
    is_moderator: Option<bool>,
    is_room_hidden: Option<bool>,
}

impl Room {
    pub(crate) fn has(&self, person_id: &str) -> bool {
        self.member(person_id).is_some()
    }

    pub(crate) fn member(&self, person_id: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.person_id == person_id)
    }

    pub(crate) fn is_moderator(&self, person_id: &str) -> bool {
        self.member(person_id).is_some_and(|member| member.is_moderator)
    }

    /// In a moderated space only moderators change who is in it and what it is called.
    fn lets_change(&self, person_id: &str) -> Result<(), Refusal> {
        if !self.traits.is_locked || self.is_moderator(person_id) {
            Ok(())
        } else {
            Err(Refusal::forbidden("Only a moderator can perform this action in a moderated room."))
        }
    }
}

/// A membership as REST and webhooks show it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Membership {
    pub(crate) id: String,
    pub(crate) room_id: String,
    pub(crate) room_type: RoomType,
    pub(crate) person_id: String,
    pub(crate) person_email: String,
    pub(crate) person_display_name: String,
    pub(crate) person_org_id: String,
    pub(crate) is_moderator: bool,
    pub(crate) is_monitor: bool,
    pub(crate) is_room_hidden: bool,
    #[serde(serialize_with = "time::millis")]
    pub(crate) created: Timestamp,
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

    /// The same as somebody asks for it over REST.
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
            // Whoever locks it moderates it.
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

    /// Deletes a space. Whoever does not moderate a moderated one only leaves it. Webhooks hear of each member that
    /// goes, and of no room.
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

    pub(crate) fn drop_room(&mut self, actor: &Account, id: &str) {
        let Some(room) = self.rooms.get(id) else { return };
        let members: Vec<_> = room.members.iter().map(|member| member.person_id.clone()).collect();
        // All of it is told before the first is gone, so that everybody hears of everybody.
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

    /// The direct room of two people; opened if they never spoke.
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

    /// The direct room of two people, if they ever spoke.
    pub(crate) fn existing_direct_room(&self, one: &str, other: &str) -> Option<&str> {
        self.direct.get(&pair(one, other)).map(String::as_str)
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
            traits: Traits::default(),
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

    /// Lets `actor` add a person to a space of theirs.
    pub(crate) fn add_member(
        &mut self,
        actor: &Account,
        room_id: &str,
        person: &Account,
        is_moderator: bool,
    ) -> Result<Membership, Refusal> {
        let room = self.rooms.get(room_id).ok_or_else(Refusal::no_such_room)?;
        if !room.has(&actor.id) {
            return Err(Refusal::new(StatusCode::BAD_GATEWAY, "Add participant failed."));
        }
        if room.kind == RoomType::Direct {
            return Err(Refusal::bad_request("Unable to add a participant to a direct room."));
        }
        room.lets_change(&actor.id)?;
        if room.has(&person.id) {
            return Err(Refusal::new(StatusCode::CONFLICT, "Person is already in the room."));
        }
        let id = room.id.clone();
        self.join(actor, &id, person, is_moderator).ok_or_else(Refusal::no_such_room)
    }

    /// Lets `actor` make a member a moderator, or hide the room from their own list.
    pub(crate) fn update_member(
        &mut self,
        actor: &Account,
        room_id: &str,
        person_id: &str,
        draft: MemberDraft,
    ) -> Result<Membership, Refusal> {
        let room = self.room_of(actor, room_id).map_err(|_| no_such_membership())?;
        if draft.is_moderator.is_some() {
            room.lets_change(&actor.id)?;
        }
        let id = room.id.clone();
        let room = self.rooms.get_mut(&id).ok_or_else(Refusal::no_such_room)?;
        let member = room.members.iter_mut().find(|member| member.person_id == person_id);
        let member = member.ok_or_else(no_such_membership)?;
        member.is_moderator = draft.is_moderator.unwrap_or(member.is_moderator);
        member.is_hidden = draft.is_room_hidden.unwrap_or(member.is_hidden);
        let membership = self.membership(&id, person_id).ok_or_else(no_such_membership)?;
        self.tell(Event::membership("updated", &actor.id, membership.clone()));
        Ok(membership)
    }

    /// Lets `actor` take a person out of a space of theirs.
    pub(crate) fn remove_member(&mut self, actor: &Account, room_id: &str, person: &Account) -> Result<(), Refusal> {
        let room = self.room_of(actor, room_id)?;
        if !room.has(&person.id) {
            return Err(no_such_membership());
        }
        if room.kind == RoomType::Direct {
            return Err(Refusal::forbidden("Unable to remove a participant from a direct room."));
        }
        if actor.id != person.id {
            room.lets_change(&actor.id)?;
        }
        let id = room.id.clone();
        self.leave(actor, &id, &person.id);
        Ok(())
    }

    pub(crate) fn join(
        &mut self,
        actor: &Account,
        room_id: &str,
        person: &Account,
        is_moderator: bool,
    ) -> Option<Membership> {
        let created = self.clock.now();
        let room = self.rooms.get_mut(room_id)?;
        room.members.push(Member { person_id: person.id.clone(), is_moderator, is_hidden: false, created });
        let membership = self.membership(room_id, &person.id)?;
        self.tell(Event::membership("created", &actor.id, membership.clone()));
        Some(membership)
    }

    /// Takes somebody out.
    pub(crate) fn leave(&mut self, actor: &Account, room_id: &str, person_id: &str) {
        // Told while the person is still in the room, so that it hears of its own removal.
        self.tell_of_leaving(actor, room_id, person_id);
        if let Some(room) = self.rooms.get_mut(room_id) {
            room.members.retain(|member| member.person_id != person_id);
        }
    }

    /// Webhooks hear of it where it is a space.
    fn tell_of_leaving(&mut self, actor: &Account, room_id: &str, person_id: &str) {
        let membership = self.membership(room_id, person_id);
        if let Some(membership) = membership.filter(|membership| membership.room_type == RoomType::Group) {
            self.tell(Event::membership("deleted", &actor.id, membership));
        }
    }

    /// The room, if this account is in it.
    pub(crate) fn room_of(&self, actor: &Account, room_id: &str) -> Result<&Room, Refusal> {
        self.rooms.get(room_id).filter(|room| room.has(&actor.id)).ok_or_else(Refusal::no_such_room)
    }

    /// The title as one member sees it: a direct room is called like the other one.
    pub(crate) fn title(&self, room: &Room, viewer: &str) -> String {
        match room.kind {
            RoomType::Group => room.title.clone(),
            RoomType::Direct => room
                .members
                .iter()
                .find(|member| member.person_id != viewer)
                .and_then(|other| self.people.get(&other.person_id))
                .map_or(String::new(), |other| other.display_name.clone()),
        }
    }

    /// A membership as others see it.
    pub(crate) fn membership(&self, room_id: &str, person_id: &str) -> Option<Membership> {
        let (room, person) = (self.rooms.get(room_id)?, self.people.get(person_id)?);
        let member = room.member(person_id)?;
        Some(Membership {
            id: ids::membership("MEMBERSHIP", &person.id, &room.id),
            room_id: room.id.clone(),
            room_type: room.kind,
            person_id: person.id.clone(),
            person_email: person.email.clone(),
            person_display_name: person.display_name.clone(),
            person_org_id: ids::organization(),
            is_moderator: member.is_moderator,
            is_monitor: false,
            is_room_hidden: member.is_hidden,
            created: member.created,
        })
    }
}

pub(crate) fn no_such_membership() -> Refusal {
    Refusal::not_found("Failed to get membership")
}

fn check_title(title: &str) -> Result<(), Refusal> {
    if title.trim().is_empty() { Err(Refusal::bad_request("title cannot be empty")) } else { Ok(()) }
}

/// Two people in an order that does not depend on who is named first.
fn pair(one: &str, other: &str) -> (String, String) {
    let (first, second) = if one < other { (one, other) } else { (other, one) };
    (first.to_owned(), second.to_owned())
}
