//! `/people`.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;

use super::request::{Caller, JsonBody, Query};
use crate::simulator::scenario::cloud::Cloud;
use crate::simulator::world::administration::PersonDraft;
use crate::simulator::world::things::{Account, AccountType, no_such_person};
use crate::simulator::world::{Refusal, ids, time};

/// The most ids in one request.
const MOST_IDS: usize = 85;

/// A person or bot as REST shows them. A bot has fewer fields.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PersonBody {
    id: String,
    emails: [String; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_numbers: Option<[String; 0]>,
    display_name: String,
    nick_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    avatar: Option<String>,
    org_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    roles: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    licenses: Option<Vec<String>>,
    #[serde(serialize_with = "time::millis")]
    created: Timestamp,
    #[serde(serialize_with = "time::optional_millis", skip_serializing_if = "Option::is_none")]
    last_modified: Option<Timestamp>,
    status: &'static str,
    /// Webex writes these two as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    invite_pending: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    login_enabled: Option<&'static str>,
    #[serde(rename = "type")]
    kind: AccountType,
}

impl From<&Account> for PersonBody {
    fn from(account: &Account) -> PersonBody {
        let (profile, is_person) = (&account.profile, account.kind == AccountType::Person);
        let mut words = account.display_name.split_whitespace();
        let (first, rest) = (words.next().map(str::to_owned), words.collect::<Vec<_>>().join(" "));
        let roles = account.is_admin.then(ids::administrator_role).into_iter().collect();
        PersonBody {
            id: account.id.clone(),
            emails: [account.email.clone()],
            phone_numbers: is_person.then_some([]),
            display_name: account.display_name.clone(),
            nick_name: profile.nick_name.clone().unwrap_or_else(|| account.first_name().to_owned()),
            first_name: profile.first_name.clone().or(first).filter(|_| is_person),
            last_name: profile.last_name.clone().or(Some(rest)).filter(|name| is_person && !name.is_empty()),
            avatar: profile.avatar.clone(),
            org_id: ids::organization(),
            roles: is_person.then_some(roles),
            licenses: is_person.then(|| profile.licenses.clone()),
            created: account.created,
            last_modified: profile.last_modified,
            status: "unknown",
            invite_pending: is_person.then_some("false"),
            login_enabled: is_person.then_some("true"),
            kind: account.kind,
        }
    }
}

/// A list of people by id, and the ids that nobody has.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ById {
    not_found_ids: Vec<String>,
    items: Vec<PersonBody>,
}

pub(super) async fn me(Caller { me, .. }: Caller) -> Json<PersonBody> {
    Json(PersonBody::from(&me))
}

pub(super) async fn read(Caller { cloud, .. }: Caller, Path(id): Path<String>) -> Result<Json<PersonBody>, Refusal> {
    let world = cloud.world();
    world.people.get(&id).map(PersonBody::from).map(Json).ok_or_else(no_such_person)
}

pub(super) async fn list(Caller { cloud, me }: Caller, query: Query) -> Result<Response, Refusal> {
    if let Some(ids) = query.get("id") {
        return by_id(&cloud, ids);
    }
    let found: Vec<_> = {
        let world = cloud.world();
        let found: Vec<_> = if let Some(email) = query.get("email") {
            world.by_email(email).into_iter().collect()
        } else if let Some(name) = query.get("displayName") {
            let name = name.to_lowercase();
            world.people.iter().filter(|account| account.display_name.to_lowercase().starts_with(&name)).collect()
        } else if me.is_admin {
            world.people.iter().filter(|account| account.kind == AccountType::Person).collect()
        } else {
            return Err(Refusal::bad_request("Email, displayName, or id list should be specified."));
        };
        found.into_iter().map(PersonBody::from).collect()
    };
    query.page(&cloud, found, 100)
}

fn by_id(cloud: &Cloud, ids: &str) -> Result<Response, Refusal> {
    let ids: Vec<_> = ids.split(',').map(str::trim).filter(|id| !id.is_empty()).collect();
    if ids.len() > MOST_IDS {
        return Err(Refusal::bad_request(format!("At most {MOST_IDS} ids can be specified.")));
    }
    let world = cloud.world();
    let items: Vec<_> = ids.iter().filter_map(|id| world.people.get(id)).map(PersonBody::from).collect();
    let lost = ids.iter().filter(|id| world.people.get(id).is_none());
    Ok(Json(ById { not_found_ids: lost.map(|id| (*id).to_owned()).collect(), items }).into_response())
}

pub(super) async fn create(
    Caller { cloud, me }: Caller,
    JsonBody(draft): JsonBody<PersonDraft>,
) -> Result<Json<PersonBody>, Refusal> {
    let made = cloud.change(|world| world.create_person(&me, draft))?;
    Ok(Json(PersonBody::from(&made)))
}

pub(super) async fn update(
    Caller { cloud, me }: Caller,
    Path(id): Path<String>,
    JsonBody(draft): JsonBody<PersonDraft>,
) -> Result<Json<PersonBody>, Refusal> {
    let changed = cloud.change(|world| world.update_person(&me, &id, draft))?;
    Ok(Json(PersonBody::from(&changed)))
}

pub(super) async fn delete(Caller { cloud, me }: Caller, Path(id): Path<String>) -> Result<StatusCode, Refusal> {
    cloud.change(|world| world.delete_person(&me, &id)).map(|()| StatusCode::NO_CONTENT)
}
