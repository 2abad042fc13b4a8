//! Teams. A team has a name, people, and a general room with the team's uuid. Its members are the members of that room.

use axum::http::StatusCode;
use serde::Deserialize;

use super::ids;
use super::refusal::Refusal;
use super::state::World;
use super::things::{Account, RoomType, Team, TeamMembership, general_room, no_such_team};

/// The body of `POST` and `PUT`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TeamDraft {
    name: String,
    description: Option<String>,
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

    /// Deletes a team with all its rooms.
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

fn check_name(draft: &TeamDraft) -> Result<(), Refusal> {
    if draft.name.trim().is_empty() { Err(Refusal::bad_request("name cannot be empty")) } else { Ok(()) }
}
