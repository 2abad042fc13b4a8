//! The calls with which Webex's own apps open a socket: the catalog of hosts, the devices, and the upgrade to a
//! websocket. None of it is documented; their SDKs show it.

use axum::extract::{Path, Request, State};
use axum::http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Json, Router};
use serde_json::{Map, Value, json};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::request::{Caller, JsonBody, Query};
use crate::simulator::delivery::socket;
use crate::simulator::scenario::cloud::Cloud;
use crate::simulator::world::Refusal;

pub(super) fn routes() -> Router<Cloud> {
    Router::new()
        .route("/u2c/api/v1/catalog", get(catalog))
        .route("/wdm/api/v1/devices", get(list).post(register))
        .route("/wdm/api/v1/devices/{id}", axum::routing::put(refresh).delete(delete))
        .route("/mercury/registrations/{id}/messages", any(socket))
}

async fn catalog(Caller { cloud, .. }: Caller, query: Query) -> Result<Json<Value>, Refusal> {
    if query.get("format") != Some("hostmap") {
        return Err(Refusal::bad_request("format has to be hostmap"));
    }
    let base = &cloud.inner.base;
    Ok(Json(json!({
        "serviceLinks": {"wdm": format!("{base}/wdm/api/v1"), "conversation": format!("{base}/conversation/api/v1")},
        "hostCatalog": {},
    })))
}

async fn list(Caller { cloud, me }: Caller) -> Result<Json<Value>, Refusal> {
    cloud.world().devices_of(&me, &cloud.inner.base).map(Json)
}

async fn register(
    Caller { cloud, me }: Caller,
    JsonBody(traits): JsonBody<Map<String, Value>>,
) -> Result<Json<Value>, Refusal> {
    cloud.world().register_device(&me, traits, &cloud.inner.base).map(Json)
}

async fn refresh(
    Caller { cloud, me }: Caller,
    Path(id): Path<String>,
    JsonBody(traits): JsonBody<Map<String, Value>>,
) -> Result<Json<Value>, Refusal> {
    cloud.world().refresh_device(&me, &id, traits, &cloud.inner.base).map(Json)
}

async fn delete(Caller { cloud, me }: Caller, Path(id): Path<String>) -> Result<StatusCode, Refusal> {
    cloud.world().delete_device(&me, &id).map(|()| StatusCode::NO_CONTENT)
}

/// Opens the socket of a device. The token comes later, in the first frame.
async fn socket(State(cloud): State<Cloud>, Path(id): Path<String>, request: Request) -> Result<Response, Refusal> {
    let key = handshake(request.headers()).ok_or_else(|| Refusal::bad_request("This is where a websocket begins."))?;
    if !cloud.world().has_device(&id) {
        return Err(Refusal::not_found("Device not found"));
    }
    tokio::spawn(async move {
        if let Ok(upgraded) = hyper::upgrade::on(request).await {
            socket::hold(cloud.live, id, upgraded).await;
        }
    });
    let headers = [(CONNECTION, "Upgrade"), (UPGRADE, "websocket"), (SEC_WEBSOCKET_ACCEPT, &key)];
    Ok((StatusCode::SWITCHING_PROTOCOLS, headers).into_response())
}

/// The answer to the key of a websocket handshake. None if the request is no handshake.
fn handshake(headers: &HeaderMap) -> Option<String> {
    let has = |name: HeaderName, value: &str| {
        headers
            .get(name)
            .and_then(|header| header.to_str().ok())
            .is_some_and(|header| header.split(',').any(|part| part.trim().eq_ignore_ascii_case(value)))
    };
    let is_one = has(CONNECTION, "upgrade") && has(UPGRADE, "websocket") && has(SEC_WEBSOCKET_VERSION, "13");
    let key = headers.get(SEC_WEBSOCKET_KEY).filter(|_| is_one)?;
    Some(derive_accept_key(key.as_bytes()))
}
