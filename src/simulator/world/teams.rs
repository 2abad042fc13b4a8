//! Teams: a name, people, and a general room that has the team's uuid. Whoever is in the team is in that room.

use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::people::Account;
use super::refusal::Refusal;
use super::rooms::{Member, RoomType};
use super::state::World;
use super::{ids, time};

/// A team as REST shows it, and who is in it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Team {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    pub(crate) creator_id: String,
    #[serde(serialize_with = "time::millis")]
    pub(crate) created: Timestamp,
}

/// The body of `POST` and `PUT`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TeamDraft {
    name: String,
    description: Option<String>,
}

/// A membership of a team, as REST shows it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TeamMembership {
    pub(crate) id: String,
    pub(crate) team_id: String,
    pub(crate) person_id: String,
    pub(crate) person_email: String,
    pub(crate) person_display_name: String,
    pub(crate) person_org_id: String,
    pub(crate) is_moderator: bool,
    #[serde(serialize_with = "time::millis")]
    pub(crate) created: Timestamp,
}

impl World {
    pub(crate) fn create_team(&mut self, actor: &Account, draft: TeamDraft) -> Result<Team, Refusal> {
        check_name(&draft)?;
        let (name, description, created) = (draft.name, draft.description, self.clock.now());
        let id = self.mint.id("TEAM");
        let team = Team { id: id.clone(), name: name.clone(), description, creator_id: actor.id.clone(), created };
        self.teams.push(&id, team.clone());
        let room = general_room(&id);
        self.open_room(actor, &room, name, RoomType::Group);
        if let Some(room) = self.rooms.get_mut(&room) {
            room.traits.team_id = Some(id);
        }
        self.join(actor, &room, actor, true);
        Ok(team)
    }

    pub(crate) fn update_team(&mut self, actor: &Account, id: &str, draft: TeamDraft) -> Result<Team, Refusal> {
        self.team_of(actor, id)?;
        check_name(&draft)?;
        let team = self.teams.get_mut(id).ok_or_else(no_such_team)?;
        (team.name, team.description) = (draft.name, draft.description.or(team.description.take()));
        Ok(team.clone())
    }

    /// With all its rooms.
    pub(crate) fn delete_team(&mut self, actor: &Account, id: &str) -> Result<(), Refusal> {
        let team = self.team_of(actor, id)?.id.clone();
        if !self.rooms.get(&general_room(&team)).is_some_and(|room| room.is_moderator(&actor.id)) {
            return Err(Refusal::forbidden("Only a moderator can delete a team."));
        }
        let is_its = |room_team: &Option<String>| room_team.as_ref().is_some_and(|id| ids::same(id, &team));
        let rooms: Vec<_> =
            self.rooms.iter().filter(|room| is_its(&room.traits.team_id)).map(|room| room.id.clone()).collect();
        for room in rooms {
            self.drop_room(actor, &room);
        }
        self.teams.remove(&team);
        Ok(())
    }

    /// The team, if this account is in it.
    pub(crate) fn team_of(&self, actor: &Account, id: &str) -> Result<&Team, Refusal> {
        let team = self.teams.get(id).ok_or_else(no_such_team)?;
        self.team_member(&team.id, &actor.id).map(|_| team).ok_or_else(no_such_team)
    }

    /// Who is in the general room is in the team.
    fn team_member(&self, team_id: &str, person_id: &str) -> Option<&Member> {
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

    pub(crate) fn add_to_team(
        &mut self,
        actor: &Account,
        team_id: &str,
        person: &Account,
        is_moderator: bool,
    ) -> Result<TeamMembership, Refusal> {
        let team = self.team_of(actor, team_id)?.id.clone();
        if self.team_member(&team, &person.id).is_some() {
            return Err(Refusal::new(StatusCode::CONFLICT, "Person is already a member of the team."));
        }
        self.join(actor, &general_room(&team), person, is_moderator);
        self.team_membership(&team, &person.id).ok_or_else(no_such_team)
    }

    pub(crate) fn set_team_moderator(
        &mut self,
        actor: &Account,
        team_id: &str,
        person_id: &str,
        is_moderator: bool,
    ) -> Result<TeamMembership, Refusal> {
        let team = self.team_of(actor, team_id)?.id.clone();
        let room = self.rooms.get_mut(&general_room(&team)).ok_or_else(no_such_team)?;
        for member in room.members.iter_mut().filter(|member| member.person_id == person_id) {
            member.is_moderator = is_moderator;
        }
        self.team_membership(&team, person_id).ok_or_else(no_such_team)
    }

    pub(crate) fn remove_from_team(&mut self, actor: &Account, team_id: &str, person_id: &str) -> Result<(), Refusal> {
        let team = self.team_of(actor, team_id)?.id.clone();
        self.leave(actor, &general_room(&team), person_id);
        Ok(())
    }
}

/// A team and its general room have the same uuid.
fn general_room(team_id: &str) -> String {
    ids::respelled(team_id, ids::HOME, "ROOM")
}

fn check_name(draft: &TeamDraft) -> Result<(), Refusal> {
    if draft.name.trim().is_empty() { Err(Refusal::bad_request("name cannot be empty")) } else { Ok(()) }
}

pub(crate) fn no_such_team() -> Refusal {
    Refusal::not_found("Could not find a team with provided ID.")
}
