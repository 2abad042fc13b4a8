//! `/teams`.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;

use super::request::{Caller, JsonBody, Query};
use crate::simulator::world::Refusal;
use crate::simulator::world::teams::TeamDraft;
use crate::simulator::world::things::Team;

pub(super) async fn list(Caller { cloud, me }: Caller, query: Query) -> Result<Response, Refusal> {
    let teams: Vec<_> = {
        let world = cloud.world();
        world.teams.iter().filter(|team| world.team_of(&me, &team.id).is_ok()).cloned().collect()
    };
    query.page(&cloud, teams, 100)
}

pub(super) async fn create(
    Caller { cloud, me }: Caller,
    JsonBody(draft): JsonBody<TeamDraft>,
) -> Result<Json<Team>, Refusal> {
    cloud.change(|world| world.create_team(&me, draft)).map(Json)
}

pub(super) async fn read(Caller { cloud, me }: Caller, Path(id): Path<String>) -> Result<Json<Team>, Refusal> {
    cloud.world().team_of(&me, &id).cloned().map(Json)
}

pub(super) async fn update(
    Caller { cloud, me }: Caller,
    Path(id): Path<String>,
    JsonBody(draft): JsonBody<TeamDraft>,
) -> Result<Json<Team>, Refusal> {
    cloud.change(|world| world.update_team(&me, &id, draft)).map(Json)
}

pub(super) async fn delete(Caller { cloud, me }: Caller, Path(id): Path<String>) -> Result<StatusCode, Refusal> {
    cloud.change(|world| world.delete_team(&me, &id)).map(|()| StatusCode::NO_CONTENT)
}
