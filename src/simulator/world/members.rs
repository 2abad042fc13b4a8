//! Adds people to rooms, changes their membership, and removes them.

use axum::http::StatusCode;
use serde::Deserialize;

use super::event::Event;
use super::refusal::Refusal;
use super::state::World;
use super::things::{Account, Member, Membership, RoomType};

/// The fields of a membership that can be changed.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct MemberDraft {
    is_moderator: Option<bool>,
    is_room_hidden: Option<bool>,
}

impl World {
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

    /// Lets `actor` remove a person from a space of theirs.
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

    /// Removes a person from a room.
    pub(crate) fn leave(&mut self, actor: &Account, room_id: &str, person_id: &str) {
        // The event happens while the person is still in the room, so that they get the event of their own removal.
        self.tell_of_leaving(actor, room_id, person_id);
        if let Some(room) = self.rooms.get_mut(room_id) {
            room.members.retain(|member| member.person_id != person_id);
        }
    }

    /// Tells webhooks that a person leaves, if the room is a space.
    pub(crate) fn tell_of_leaving(&mut self, actor: &Account, room_id: &str, person_id: &str) {
        let membership = self.membership(room_id, person_id);
        if let Some(membership) = membership.filter(|membership| membership.room_type == RoomType::Group) {
            self.tell(Event::membership("deleted", &actor.id, membership));
        }
    }
}

pub(crate) fn no_such_membership() -> Refusal {
    Refusal::not_found("Failed to get membership")
}
