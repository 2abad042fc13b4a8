//! `/rooms`.

use std::cmp::Reverse;

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use serde::Serialize;

use super::request::{Caller, JsonBody, Query};
use crate::simulator::world::rooms::RoomDraft;
use crate::simulator::world::things::{Account, Room, RoomType};
use crate::simulator::world::{Refusal, World, ids, time};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RoomBody {
    id: String,
    title: String,
    #[serde(rename = "type")]
    kind: RoomType,
    is_locked: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    team_id: Option<String>,
    #[serde(serialize_with = "time::millis")]
    last_activity: Timestamp,
    creator_id: String,
    #[serde(serialize_with = "time::millis")]
    created: Timestamp,
    owner_id: String,
    is_public: bool,
    is_read_only: bool,
    is_announcement_only: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

fn body(world: &World, room: &Room, viewer: &Account) -> RoomBody {
    let traits = &room.traits;
    RoomBody {
        id: room.id.clone(),
        title: world.title(room, &viewer.id),
        kind: room.kind,
        is_locked: traits.is_locked,
        team_id: traits.team_id.clone(),
        last_activity: room.last_activity,
        creator_id: room.creator_id.clone(),
        created: room.created,
        owner_id: ids::organization(),
        is_public: traits.is_public,
        is_read_only: false,
        is_announcement_only: traits.is_announcement_only,
        description: traits.description.clone(),
    }
}

pub(super) async fn list(Caller { cloud, me }: Caller, query: Query) -> Result<Response, Refusal> {
    let kind = match query.get("type") {
        None => None,
        Some("direct") => Some(RoomType::Direct),
        Some("group") => Some(RoomType::Group),
        Some(_) => return Err(Refusal::bad_request("type must be direct or group")),
    };
    let rooms: Vec<_> = {
        let world = cloud.world();
        let is_in_team = |room: &Room| {
            query.get("teamId").is_none_or(|team| room.traits.team_id.as_ref().is_some_and(|its| ids::same(its, team)))
        };
        let is_wanted =
            |room: &&Room| room.has(&me.id) && kind.is_none_or(|kind| room.kind == kind) && is_in_team(room);
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

pub(super) async fn read(Caller { cloud, me }: Caller, Path(id): Path<String>) -> Result<Json<RoomBody>, Refusal> {
    let world = cloud.world();
    Ok(Json(body(&world, world.room_of(&me, &id)?, &me)))
}

pub(super) async fn create(
    Caller { cloud, me }: Caller,
    JsonBody(draft): JsonBody<RoomDraft>,
) -> Result<Json<RoomBody>, Refusal> {
    cloud.change(|world| {
        let id = world.create_room(&me, draft)?;
        Ok(Json(body(world, world.room_of(&me, &id)?, &me)))
    })
}

pub(super) async fn update(
    Caller { cloud, me }: Caller,
    Path(id): Path<String>,
    JsonBody(draft): JsonBody<RoomDraft>,
) -> Result<Json<RoomBody>, Refusal> {
    cloud.change(|world| {
        let id = world.update_room(&me, &id, draft)?;
        Ok(Json(body(world, world.room_of(&me, &id)?, &me)))
    })
}

pub(super) async fn delete(Caller { cloud, me }: Caller, Path(id): Path<String>) -> Result<StatusCode, Refusal> {
    cloud.change(|world| world.delete_room(&me, &id)).map(|()| StatusCode::NO_CONTENT)
}
