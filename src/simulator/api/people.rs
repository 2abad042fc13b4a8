//! `/people`.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use jiff::Timestamp;
use serde::Serialize;

use super::{Actor, Query};
use crate::simulator::refusal::Refusal;
use crate::simulator::world::{Account, AccountType};
use crate::simulator::{Cloud, ids, time};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PersonBody {
    id: String,
    emails: [String; 1],
    display_name: String,
    nick_name: String,
    org_id: String,
    #[serde(serialize_with = "time::millis")]
    created: Timestamp,
    status: &'static str,
    #[serde(rename = "type")]
    kind: AccountType,
}

impl From<&Account> for PersonBody {
    fn from(account: &Account) -> PersonBody {
        PersonBody {
            id: account.id.clone(),
            emails: [account.email.clone()],
            display_name: account.display_name.clone(),
            nick_name: account.first_name().to_owned(),
            org_id: ids::organization(),
            created: account.created,
            status: "unknown",
            kind: account.kind,
        }
    }
}

pub(super) async fn me(Actor(me): Actor) -> Json<PersonBody> {
    Json(PersonBody::from(&me))
}

pub(super) async fn read(
    State(cloud): State<Cloud>,
    _: Actor,
    Path(id): Path<String>,
) -> Result<Json<PersonBody>, Refusal> {
    let world = cloud.world();
    let account =
        world.people.get(&id).ok_or_else(|| Refusal::not_found("Unable to find a person with provided ID."))?;
    Ok(Json(PersonBody::from(account)))
}

pub(super) async fn list(State(cloud): State<Cloud>, _: Actor, query: Query) -> Result<Response, Refusal> {
    let found: Vec<_> = {
        let world = cloud.world();
        let found: Vec<_> = if let Some(email) = query.get("email") {
            world.by_email(email).into_iter().collect()
        } else if let Some(ids) = query.get("id") {
            ids.split(',').filter_map(|id| world.people.get(id)).collect()
        } else if let Some(name) = query.get("displayName") {
            let name = name.to_lowercase();
            world.people.iter().filter(|account| account.display_name.to_lowercase().starts_with(&name)).collect()
        } else {
            return Err(Refusal::bad_request("Email, displayName, or id list should be specified."));
        };
        found.into_iter().map(PersonBody::from).collect()
    };
    query.page(&cloud, found, 100)
}
