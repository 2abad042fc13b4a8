//! `/webhooks`.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;

use super::request::{Caller, JsonBody, Query};
use crate::simulator::world::Refusal;
use crate::simulator::world::things::Webhook;
use crate::simulator::world::webhooks::WebhookDraft;

pub(super) async fn list(Caller { cloud, me }: Caller, query: Query) -> Result<Response, Refusal> {
    let own = cloud.world().webhooks.iter().filter(|webhook| webhook.created_by == me.id).cloned().collect::<Vec<_>>();
    query.page(&cloud, own, 100)
}

/// Webex answers 200 here, not 201.
pub(super) async fn create(
    Caller { cloud, me }: Caller,
    JsonBody(draft): JsonBody<WebhookDraft>,
) -> Result<Json<Webhook>, Refusal> {
    cloud.change(|world| world.create_webhook(&me, draft)).map(Json)
}

pub(super) async fn read(Caller { cloud, me }: Caller, Path(id): Path<String>) -> Result<Json<Webhook>, Refusal> {
    cloud.world().webhook_of(&me, &id).cloned().map(Json)
}

pub(super) async fn update(
    Caller { cloud, me }: Caller,
    Path(id): Path<String>,
    JsonBody(draft): JsonBody<WebhookDraft>,
) -> Result<Json<Webhook>, Refusal> {
    cloud.change(|world| world.update_webhook(&me, &id, draft)).map(Json)
}

pub(super) async fn delete(Caller { cloud, me }: Caller, Path(id): Path<String>) -> Result<StatusCode, Refusal> {
    cloud.change(|world| world.delete_webhook(&me, &id)).map(|()| StatusCode::NO_CONTENT)
}
