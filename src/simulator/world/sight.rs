//! What each account may see: the rooms it is in, and the messages, files, clicks and meetings of those.

use super::event::{Event, EventData};
use super::ids;
use super::refusal::Refusal;
use super::state::World;
use super::things::{
    Account, AccountType, Action, Content, Meeting, Member, Membership, Message, Room, RoomType, Team, TeamMembership,
    Webhook, general_room, no_such_content, no_such_team, no_such_webhook, only_people,
};
use crate::webex::local_part;

impl World {
    pub(crate) fn by_email(&self, email: &str) -> Option<&Account> {
        self.people.get(self.by_email.get(&email.trim().to_ascii_lowercase())?)
    }

    pub(crate) fn by_token(&self, token: &str) -> Option<&Account> {
        self.people.get(self.by_token.get(token)?)
    }

    /// The room, if this account is in it.
    pub(crate) fn room_of(&self, actor: &Account, room_id: &str) -> Result<&Room, Refusal> {
        self.rooms.get(room_id).filter(|room| room.has(&actor.id)).ok_or_else(Refusal::no_such_room)
    }

    /// The title as one member sees it. A direct room has the name of the other person.
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

    /// The direct room of two people, if they ever spoke.
    pub(crate) fn existing_direct_room(&self, one: &str, other: &str) -> Option<&str> {
        self.direct.get(&pair(one, other)).map(String::as_str)
    }

    /// The team, if this account is in it.
    pub(crate) fn team_of(&self, actor: &Account, id: &str) -> Result<&Team, Refusal> {
        let team = self.teams.get(id).ok_or_else(no_such_team)?;
        self.team_member(&team.id, &actor.id).map(|_| team).ok_or_else(no_such_team)
    }

    /// A member of the team, who is a member of its general room.
    pub(crate) fn team_member(&self, team_id: &str, person_id: &str) -> Option<&Member> {
        self.rooms.get(&general_room(team_id))?.member(person_id)
    }

    pub(crate) fn team_memberships(&self, actor: &Account, team_id: &str) -> Result<Vec<TeamMembership>, Refusal> {
        let team = self.team_of(actor, team_id)?;
        let room = self.rooms.get(&general_room(&team.id)).ok_or_else(no_such_team)?;
        Ok(room.members.iter().filter_map(|member| self.team_membership(&team.id, &member.person_id)).collect())
    }

    pub(crate) fn team_membership(&self, team_id: &str, person_id: &str) -> Option<TeamMembership> {
        let (team, person) = (self.teams.get(team_id)?, self.people.get(person_id)?);
        let member = self.team_member(&team.id, person_id)?;
        Some(TeamMembership {
            id: ids::membership("TEAM_MEMBERSHIP", &person.id, &team.id),
            team_id: team.id.clone(),
            person_id: person.id.clone(),
            person_email: person.email.clone(),
            person_display_name: person.display_name.clone(),
            person_org_id: ids::organization(),
            is_moderator: member.is_moderator,
            created: member.created,
        })
    }

    /// The message, if this account may read it.
    pub(crate) fn message_for(&self, actor: &Account, id: &str) -> Result<&Message, Refusal> {
        let message = self.messages.get(id).ok_or_else(Refusal::no_such_message)?;
        let is_member = self.rooms.get(&message.room_id).is_some_and(|room| room.has(&actor.id));
        let may_read = is_member && may_read(actor, message.room_type, &message.person_id, &message.mentioned_people);
        match may_read {
            true => Ok(message),
            false if is_member && self.quirks.unseen_forbidden => Err(Refusal::forbidden("Failed to get activity")),
            false => Err(Refusal::no_such_message()),
        }
    }

    /// The file, if this account may read its message.
    pub(crate) fn content_for(&self, actor: &Account, id: &str) -> Result<&Content, Refusal> {
        let content = self.contents.get(&local_part(id)).ok_or_else(no_such_content)?;
        self.message_for(actor, &content.message_id).map_err(|_| no_such_content())?;
        Ok(content)
    }

    /// The click, if this account is in its room.
    pub(crate) fn action_for(&self, actor: &Account, id: &str) -> Result<&Action, Refusal> {
        self.actions
            .get(id)
            .filter(|action| self.rooms.get(&action.room_id).is_some_and(|room| room.has(&actor.id)))
            .ok_or_else(|| Refusal::not_found("Unable to get attachment action."))
    }

    /// The webhook, if this account owns it.
    pub(crate) fn webhook_of(&self, owner: &Account, id: &str) -> Result<&Webhook, Refusal> {
        self.webhooks.get(id).filter(|webhook| webhook.created_by == owner.id).ok_or_else(no_such_webhook)
    }

    /// The meeting, if this account hosts it, is an administrator, or is invited.
    pub(crate) fn meeting_of(&self, actor: &Account, id: &str) -> Result<&Meeting, Refusal> {
        may_meet(actor)?;
        let may_see = |meeting: &&Meeting| {
            actor.is_admin
                || meeting.host_id == actor.id
                || meeting.invitees.iter().any(|invitee| invitee.email.eq_ignore_ascii_case(&actor.email))
        };
        self.meetings.get(id).filter(may_see).ok_or_else(|| Refusal::not_found("The meeting was not found."))
    }

    /// Whether an account may get an event.
    pub(crate) fn hears(&self, owner: &Account, event: &Event) -> bool {
        let is_member = self.rooms.get(&event.room_id).is_some_and(|room| room.has(&owner.id));
        match &event.data {
            EventData::Message(message) => {
                is_member && may_read(owner, event.room_type, &message.person_id, &message.mentioned_people)
            }
            EventData::Action(action) => {
                is_member && (owner.kind == AccountType::Person || action.card_author == owner.id)
            }
            EventData::Membership(_) | EventData::Room(_) => is_member,
            EventData::Meeting(meeting) => meeting.host_id == owner.id,
        }
    }
}

/// Whether a member of a room may read a message there. In a space a bot sees only messages that mention it and its
/// own.
pub(crate) fn may_read(member: &Account, room_type: RoomType, author_id: &str, mentioned_people: &[String]) -> bool {
    match (member.kind, room_type) {
        (AccountType::Person, _) | (AccountType::Bot, RoomType::Direct) => true,
        (AccountType::Bot, RoomType::Group) => author_id == member.id || mentioned_people.contains(&member.id),
    }
}

/// Refuses bots, which have no meeting scopes.
pub(crate) fn may_meet(actor: &Account) -> Result<(), Refusal> {
    only_people(actor, "The access token is missing required scopes or the user is missing required roles or licenses.")
}

/// Two people in an order that does not depend on who is named first.
pub(crate) fn pair(one: &str, other: &str) -> (String, String) {
    let (first, second) = if one < other { (one, other) } else { (other, one) };
    (first.to_owned(), second.to_owned())
}
