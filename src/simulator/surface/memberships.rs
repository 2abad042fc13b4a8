//! `/memberships` and `/team/memberships`.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::request::{Caller, JsonBody, Query};
use crate::simulator::world::members::{MemberDraft, no_such_membership};
use crate::simulator::world::things::{Account, Membership, Room, TeamMembership, no_such_person};
use crate::simulator::world::{Refusal, World};
use crate::webex::local_part;

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct NewMembership {
    room_id: String,
    team_id: String,
    person_id: Option<String>,
    person_email: Option<String>,
    is_moderator: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct TeamMemberDraft {
    is_moderator: bool,
}

impl NewMembership {
    /// The person that the body names, who is invited if nobody has the address yet.
    fn person(&self, world: &mut World) -> Result<Account, Refusal> {
        match (&self.person_id, &self.person_email) {
            (Some(id), None) => world.people.get(id).cloned().ok_or_else(no_such_person),
            (None, Some(email)) if email.contains('@') => Ok(world.account(email)),
            (None, Some(_)) => Err(Refusal::bad_request("personEmail is not a valid email address.")),
            (None, None) | (Some(_), Some(_)) => {
                Err(Refusal::bad_request("Exactly one of personId and personEmail must be given."))
            }
        }
    }
}

pub(super) async fn list(Caller { cloud, me }: Caller, query: Query) -> Result<Response, Refusal> {
    let found: Vec<Membership> = {
        let world = cloud.world();
        let person = query
            .get("personId")
            .map(|id| world.people.get(id))
            .or_else(|| query.get("personEmail").map(|email| world.by_email(email)));
        let (rooms, person): (Vec<&Room>, _) = match (query.get("roomId"), person) {
            (Some(room), person) => (vec![world.room_of(&me, room)?], person),
            (None, None) => (world.rooms.iter().filter(|room| room.has(&me.id)).collect(), Some(Some(&me))),
            (None, Some(_)) => return Err(Refusal::bad_request("roomId cannot be null")),
        };
        let is_wanted = |id: &str| person.is_none_or(|person| person.is_some_and(|person| person.id == id));
        let members = rooms.iter().flat_map(|room| room.members.iter().map(move |member| (room, member)));
        members
            .filter(|(_, member)| is_wanted(&member.person_id))
            .filter_map(|(room, member)| world.membership(&room.id, &member.person_id))
            .collect()
    };
    query.page(&cloud, found, 100)
}

pub(super) async fn create(
    Caller { cloud, me }: Caller,
    JsonBody(new): JsonBody<NewMembership>,
) -> Result<Json<Membership>, Refusal> {
    cloud.change(|world| {
        let person = new.person(world)?;
        world.add_member(&me, &new.room_id, &person, new.is_moderator).map(Json)
    })
}

pub(super) async fn read(Caller { cloud, me }: Caller, Path(id): Path<String>) -> Result<Json<Membership>, Refusal> {
    find(&cloud.world(), &me, &id).map(Json)
}

pub(super) async fn update(
    Caller { cloud, me }: Caller,
    Path(id): Path<String>,
    JsonBody(draft): JsonBody<MemberDraft>,
) -> Result<Json<Membership>, Refusal> {
    cloud.change(|world| {
        let known = find(world, &me, &id)?;
        world.update_member(&me, &known.room_id, &known.person_id, draft).map(Json)
    })
}

pub(super) async fn delete(Caller { cloud, me }: Caller, Path(id): Path<String>) -> Result<StatusCode, Refusal> {
    cloud.change(|world| {
        let known = find(world, &me, &id)?;
        let person = world.people.get(&known.person_id).cloned().ok_or_else(no_such_membership)?;
        world.remove_member(&me, &known.room_id, &person)?;
        Ok(StatusCode::NO_CONTENT)
    })
}

/// The local part of a membership's id is `person:room`, or `person:team`.
fn parts(id: &str) -> Result<(String, String), Refusal> {
    let local = local_part(id);
    let (person, whole) = local.split_once(':').ok_or_else(no_such_membership)?;
    Ok((person.to_owned(), whole.to_owned()))
}

fn find(world: &World, me: &Account, id: &str) -> Result<Membership, Refusal> {
    let (person, room) = parts(id)?;
    let room = world.room_of(me, &room).map_err(|_| no_such_membership())?;
    let person = world.people.get(&person).ok_or_else(no_such_membership)?;
    world.membership(&room.id, &person.id).ok_or_else(no_such_membership)
}

pub(super) async fn list_of_team(Caller { cloud, me }: Caller, query: Query) -> Result<Response, Refusal> {
    let team = query.get("teamId").ok_or_else(|| Refusal::bad_request("teamId cannot be null"))?;
    let found = cloud.world().team_memberships(&me, team)?;
    query.page(&cloud, found, 100)
}

pub(super) async fn create_in_team(
    Caller { cloud, me }: Caller,
    JsonBody(new): JsonBody<NewMembership>,
) -> Result<Json<TeamMembership>, Refusal> {
    cloud.change(|world| {
        let person = new.person(world)?;
        world.add_to_team(&me, &new.team_id, &person, new.is_moderator).map(Json)
    })
}

pub(super) async fn read_of_team(
    Caller { cloud, me }: Caller,
    Path(id): Path<String>,
) -> Result<Json<TeamMembership>, Refusal> {
    find_of_team(&cloud.world(), &me, &id).map(Json)
}

pub(super) async fn update_in_team(
    Caller { cloud, me }: Caller,
    Path(id): Path<String>,
    JsonBody(draft): JsonBody<TeamMemberDraft>,
) -> Result<Json<TeamMembership>, Refusal> {
    cloud.change(|world| {
        let known = find_of_team(world, &me, &id)?;
        world.set_team_moderator(&me, &known.team_id, &known.person_id, draft.is_moderator).map(Json)
    })
}

pub(super) async fn delete_from_team(
    Caller { cloud, me }: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    cloud.change(|world| {
        let known = find_of_team(world, &me, &id)?;
        world.remove_from_team(&me, &known.team_id, &known.person_id).map(|()| StatusCode::NO_CONTENT)
    })
}

fn find_of_team(world: &World, me: &Account, id: &str) -> Result<TeamMembership, Refusal> {
    let (person, team) = parts(id)?;
    let team = world.team_of(me, &team)?;
    let person = world.people.get(&person).ok_or_else(no_such_membership)?;
    world.team_membership(&team.id, &person.id).ok_or_else(no_such_membership)
}
