//! `/organizations`, `/licenses` and `/roles`, read only, and `POST /access_token`.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::request::{Caller, Query, content_type, is_media_type};
use crate::simulator::scenario::cloud::Cloud;
use crate::simulator::world::grants::RefreshedTokens;
use crate::simulator::world::things::only_people;
use crate::simulator::world::{Refusal, ids};

/// All entries of one kind. Licences have Webex's names, since clients look them up by name.
fn all(kind: &str) -> Vec<Value> {
    match kind {
        "organizations" => vec![json!({
            "id": ids::organization(), "displayName": "Simulated Organization", "created": "2026-01-01T00:00:00.000Z",
        })],
        "licenses" => vec![
            json!({"id": ids::license("MS"), "name": "Advanced Messaging", "totalUnits": 1000, "consumedUnits": 0}),
            json!({"id": ids::license("CF"), "name": "Advanced Space Meetings", "totalUnits": 1000, "consumedUnits": 0}),
        ],
        _ => vec![
            json!({"id": ids::administrator_role(), "name": "Full Administrator"}),
            json!({"id": ids::role("readonly_admin"), "name": "Read-only Administrator"}),
        ],
    }
}

/// Bots have no admin scopes.
const MISSING: &str = "The access token is missing required scopes.";

pub(super) async fn list(Caller { cloud, me }: Caller, kind: &str, query: Query) -> Result<Response, Refusal> {
    only_people(&me, MISSING)?;
    query.page(&cloud, all(kind), 100)
}

pub(super) async fn read(
    Caller { me, .. }: Caller,
    kind: &str,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    only_people(&me, MISSING)?;
    let is_it = |thing: &Value| thing["id"].as_str().is_some_and(|its| ids::same(its, &id));
    let found = all(kind).into_iter().find(is_it);
    found.map(Json).ok_or_else(|| Refusal::not_found("The requested resource could not be found."))
}

pub(super) async fn access_token(
    State(cloud): State<Cloud>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<RefreshedTokens>, Refusal> {
    let kind = content_type(&headers);
    if !is_media_type(&kind, "application/x-www-form-urlencoded") {
        let message = format!("Content type '{kind}' not supported");
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    let fields: Vec<_> = form_urlencoded::parse(&body).into_owned().collect();
    let field = |name: &str| {
        let found = fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        found.ok_or_else(|| Refusal::bad_request(format!("The request is missing the parameter {name}.")))
    };
    if field("grant_type")? != "refresh_token" {
        return Err(Refusal::bad_request("The simulator knows only the grant_type refresh_token."));
    }
    let (client, secret, token) = (field("client_id")?, field("client_secret")?, field("refresh_token")?);
    cloud.change(|world| world.refresh(client, secret, token)).map(Json)
}
