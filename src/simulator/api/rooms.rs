//! `/rooms` and `/memberships`.

use std::cmp::Reverse;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Actor, JsonBody, Query};
use crate::simulator::refusal::Refusal;
use crate::simulator::world::{Account, Membership, Room, RoomType, World};
use crate::simulator::{Cloud, ids, time};
use crate::webex::local_part;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RoomBody {
    id: String,
    title: String,
    #[serde(rename = "type")]
    kind: RoomType,
    is_locked: bool,
    #[serde(serialize_with = "time::millis")]
    last_activity: Timestamp,
    creator_id: String,
    #[serde(serialize_with = "time::millis")]
    created: Timestamp,
    owner_id: String,
    is_public: bool,
    is_read_only: bool,
}

fn body(world: &World, room: &Room, viewer: &Account) -> RoomBody {
    RoomBody {
        id: room.id.clone(),
        title: world.title(room, &viewer.id),
        kind: room.kind,
        is_locked: false,
        last_activity: room.last_activity,
        creator_id: room.creator_id.clone(),
        created: room.created,
        owner_id: ids::organization(),
        is_public: false,
        is_read_only: false,
    }
}

#[derive(Deserialize)]
pub(super) struct NewRoom {
    #[serde(default)]
    title: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct NewMembership {
    room_id: String,
    person_id: Option<String>,
    person_email: Option<String>,
}

pub(super) async fn list(State(cloud): State<Cloud>, Actor(me): Actor, query: Query) -> Result<Response, Refusal> {
    let kind = match query.get("type") {
        None => None,
        Some("direct") => Some(RoomType::Direct),
        Some("group") => Some(RoomType::Group),
        Some(_) => return Err(Refusal::bad_request("type must be direct or group")),
    };
    let rooms: Vec<_> = {
        let world = cloud.world();
        let is_wanted = |room: &&Room| room.has(&me.id) && kind.is_none_or(|kind| room.kind == kind);
        let mut rooms: Vec<_> = world.rooms.iter().filter(is_wanted).collect();
        match query.get("sortBy") {
            None => {}
            Some("id") => rooms.sort_by(|one, other| one.id.cmp(&other.id)),
            Some("lastactivity") => rooms.sort_by_key(|room| Reverse(room.last_activity)),
            Some("created") => rooms.sort_by_key(|room| Reverse(room.created)),
            Some(_) => return Err(Refusal::bad_request("sortBy must be id, lastactivity or created")),
        }
        rooms.into_iter().map(|room| body(&world, room, &me)).collect()
    };
    query.page(&cloud, rooms, 100)
}

pub(super) async fn read(
    State(cloud): State<Cloud>,
    Actor(me): Actor,
    Path(id): Path<String>,
) -> Result<Json<RoomBody>, Refusal> {
    let world = cloud.world();
    Ok(Json(body(&world, world.room_of(&me, &id)?, &me)))
}

pub(super) async fn create(
    State(cloud): State<Cloud>,
    Actor(me): Actor,
    JsonBody(new): JsonBody<NewRoom>,
) -> Result<Json<RoomBody>, Refusal> {
    if new.title.is_empty() {
        return Err(Refusal::bad_request("title cannot be empty"));
    }
    cloud.change(|world| {
        let id = world.open_space(&me, &new.title);
        Ok(Json(body(world, world.room_of(&me, &id)?, &me)))
    })
}

pub(super) async fn list_memberships(
    State(cloud): State<Cloud>,
    Actor(me): Actor,
    query: Query,
) -> Result<Response, Refusal> {
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
            .filter_map(|(room, member)| world.membership(room, member))
            .collect()
    };
    query.page(&cloud, found, 100)
}

pub(super) async fn create_membership(
    State(cloud): State<Cloud>,
    Actor(me): Actor,
    JsonBody(new): JsonBody<NewMembership>,
) -> Result<Json<Membership>, Refusal> {
    cloud.change(|world| {
        let person = match (&new.person_id, &new.person_email) {
            (Some(id), None) => world.people.get(id).cloned(),
            (None, Some(email)) => Some(world.account(email)),
            (None, None) | (Some(_), Some(_)) => {
                return Err(Refusal::bad_request("Exactly one of personId and personEmail must be given."));
            }
        };
        let person = person.ok_or_else(|| Refusal::not_found("Unable to find a person with provided ID."))?;
        world.add_member(&me, &new.room_id, &person).map(Json)
    })
}

pub(super) async fn read_membership(
    State(cloud): State<Cloud>,
    Actor(me): Actor,
    Path(id): Path<String>,
) -> Result<Json<Membership>, Refusal> {
    find(&cloud.world(), &me, &id).map(Json)
}

pub(super) async fn delete_membership(
    State(cloud): State<Cloud>,
    Actor(me): Actor,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    cloud.change(|world| {
        let membership = find(world, &me, &id)?;
        let person = world.people.get(&membership.person_id).cloned().ok_or_else(no_such_membership)?;
        world.remove_member(&me, &membership.room_id, &person)?;
        Ok(StatusCode::NO_CONTENT)
    })
}

/// The local part of a membership's id is `person:room`.
fn find(world: &World, me: &Account, id: &str) -> Result<Membership, Refusal> {
    let local = local_part(id);
    let (person, room) = local.split_once(':').ok_or_else(no_such_membership)?;
    let room = world.room_of(me, room).map_err(|_| no_such_membership())?;
    let person = world.people.get(person).ok_or_else(no_such_membership)?;
    room.members
        .iter()
        .find(|member| member.person_id == person.id)
        .and_then(|member| world.membership(room, member))
        .ok_or_else(no_such_membership)
}

fn no_such_membership() -> Refusal {
    Refusal::not_found("Failed to get membership")
}
