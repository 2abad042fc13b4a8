//! The simulator's own HTTP API under `/control`, which Webex does not have. The chat page, and tests in any language,
//! read and set the cloud's state here. The bodies are the types of the Rust API, in JSON.
//!
//! | call | does |
//! |---|---|
//! | `GET /control/state` | people, webhooks, faults, the manner of deliveries, the clock |
//! | `GET /control/events` | server-sent events: `message`, `room`, `person`, `delivery`, `call`, `state`; `reload` when some were missed |
//! | `GET /control/deliveries`, `GET /control/calls` | the latest, newest first; `max` |
//! | `GET /control/explain?id=` | what the bot's ledger says about a message, click or membership |
//! | `GET /control/transcript` | the conversation as text |
//! | `POST /control/people` | `{"email", "displayName"}`: adds a person |
//! | `POST /control/grants` | `{"email"}`: lets a program act for that person; gives the client id, its secret and the refresh token with which `POST /v1/access_token` renews |
//! | `POST /control/faults`, `DELETE /control/faults` | adds a fault; removes all faults, and the bot of `switchboard simulate` forgets the pauses they asked for |
//! | `POST /control/release` | lets stalled calls go on |
//! | `PATCH /control/deliveries` | any fields of [`Deliveries`] |
//! | `GET /control/sockets`, `PATCH /control/sockets` | the devices of websockets; any fields of [`Sockets`] |
//! | `POST /control/sockets/close` | `{"code": 4000, "reason": "replaced"}`: closes every socket; `{}` breaks them |
//! | `PATCH /control/reads` | `{"notYetVisible": 2}`: the first reads of each message answer 404 |
//! | `PATCH /control/files` | `{"lockedReads": 2, "verdict": "infected"}`: the result of the malware scan for each new file |
//! | `PATCH /control/limit` | `{"calls": 300, "seconds": 60}`: more calls of a token are answered 429; 0 calls: no limit |
//! | `PATCH /control/quirks` | any fields of [`Quirks`] |
//! | `PUT /control/clock` | `{"offsetMs": 5000}`: the cloud's clock runs ahead |
//! | `PUT /control/webhooks/{id}` | `{"status": "inactive"}` |
//!
//! To act as a person, use `/as/{email}/...`, which is Webex's own API without a token.

mod events;
mod state;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch, post, put};
use axum::{Json, Router};
use jiff::SignedDuration;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::dress::without_faults;
use super::request::{JsonBody, Query};
use crate::simulator::delivery::manner::Deliveries;
use crate::simulator::scenario::cloud::Cloud;
use crate::simulator::scenario::fault::Fault;
use crate::simulator::scenario::limit::RateLimit;
use crate::simulator::world::Refusal;
use crate::simulator::world::quirks::Quirks;
use crate::simulator::world::things::{AccountType, Grant, Scan, Sockets, WebhookStatus};
use state::{HiddenReadsControl, StatePerson};

/// The most entries of a list, as many as the page shows.
const MOST_LISTED: usize = 1000;
/// The most faults at one time.
const MOST_FAULTS: usize = 1000;
/// The largest offset of the clock: ten years.
const LARGEST_OFFSET: SignedDuration = SignedDuration::from_hours(24 * 3650);

pub(crate) fn routes(cloud: &Cloud) -> Router<Cloud> {
    let routes = Router::new()
        .route("/state", get(state::state))
        .route("/events", get(events::events))
        .route("/deliveries", get(deliveries).patch(change_deliveries))
        .route("/calls", get(calls))
        .route("/explain", get(explain))
        .route("/transcript", get(async |State(cloud): State<Cloud>| cloud.transcript()))
        .route("/people", post(add_person))
        .route("/grants", post(add_grant))
        .route("/faults", post(add_fault).delete(clear_faults))
        .route("/release", post(release))
        .route("/sockets", get(devices).patch(change_sockets))
        .route("/sockets/close", post(close_sockets))
        .route("/reads", patch(change_reads))
        .route("/files", patch(scan_files))
        .route("/limit", patch(change_limit))
        .route("/quirks", patch(change_quirks))
        .route("/clock", put(set_clock))
        .route("/webhooks/{id}", put(set_webhook))
        .fallback(|| async { Refusal::not_found("There is no such control.") })
        .layer(from_fn_with_state(cloud.clone(), without_faults));
    Router::new().nest("/control", routes)
}

/// A list in the form of Webex's lists.
#[derive(Serialize)]
struct Items<T> {
    items: Vec<T>,
}

async fn deliveries(State(cloud): State<Cloud>, query: Query) -> Result<Response, Refusal> {
    let items = cloud.live.courier.delivered().latest(query.max(200, MOST_LISTED)?);
    Ok(Json(Items { items }).into_response())
}

async fn calls(State(cloud): State<Cloud>, query: Query) -> Result<Response, Refusal> {
    let items = cloud.inner.calls.kept().latest(query.max(200, MOST_LISTED)?);
    Ok(Json(Items { items }).into_response())
}

async fn explain(State(cloud): State<Cloud>, query: Query) -> Result<Response, Refusal> {
    let id = query.get("id").ok_or_else(|| Refusal::bad_request("id: the Webex id of what happened"))?;
    let explanation = match cloud.inner.explain.get() {
        Some(explain) => explain(id.to_owned()).await,
        None => return Err(Refusal::not_found("The bot is another program; ask its verb explain.")),
    };
    let explanation = explanation.ok_or_else(|| Refusal::not_found("The bot's ledger has nothing on it."))?;
    Ok(Json(explanation).into_response())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewPerson {
    email: String,
    display_name: Option<String>,
}

async fn add_person(
    State(cloud): State<Cloud>,
    JsonBody(new): JsonBody<NewPerson>,
) -> Result<(StatusCode, Json<StatePerson>), Refusal> {
    let email = new.email.trim();
    let is_address = email.split_once('@').is_some_and(|(name, domain)| !name.is_empty() && !domain.is_empty());
    if !is_address || email.contains(char::is_whitespace) {
        return Err(Refusal::bad_request(format!("{email:?} is not an email address")));
    }
    let account = cloud.change(|world| world.named_account(email, new.display_name.as_deref()));
    Ok((StatusCode::CREATED, Json(StatePerson::from(&account))))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GrantRequest {
    email: String,
}

/// Lets a program act for a person. With Webex they would allow it on a page, which the simulator does not have.
async fn add_grant(
    State(cloud): State<Cloud>,
    JsonBody(authorising): JsonBody<GrantRequest>,
) -> Result<(StatusCode, Json<NewGrant>), Refusal> {
    let Grant { client_id, client_secret, refresh_token, .. } = cloud.change(|world| {
        let person = world.by_email(&authorising.email).filter(|person| person.kind == AccountType::Person).cloned();
        let nobody = || Refusal::not_found(format!("No person here is {}.", authorising.email));
        person.map(|person| world.authorise(&person)).ok_or_else(nobody)
    })?;
    Ok((StatusCode::CREATED, Json(NewGrant { client_id, client_secret, refresh_token })))
}

/// The answer, with the names of the fields of `POST /access_token`.
#[derive(Serialize)]
struct NewGrant {
    client_id: String,
    client_secret: String,
    refresh_token: String,
}

async fn add_fault(
    State(cloud): State<Cloud>,
    JsonBody(fault): JsonBody<Fault>,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let fault = fault.checked()?;
    if cloud.inner.faults.all().len() >= MOST_FAULTS {
        return Err(Refusal::bad_request(format!("there are {MOST_FAULTS} faults already; clear them first")));
    }
    cloud.fault(fault);
    Ok((StatusCode::CREATED, Json(Value::Object(Map::new()))))
}

async fn clear_faults(State(cloud): State<Cloud>) -> StatusCode {
    cloud.clear_faults();
    cloud.release();
    cloud.inner.mended.send_modify(|times| *times += 1);
    StatusCode::NO_CONTENT
}

async fn release(State(cloud): State<Cloud>) -> StatusCode {
    cloud.release();
    StatusCode::NO_CONTENT
}

/// Applies changes to the named fields; the others stay as they are.
fn changed<T: Serialize + DeserializeOwned>(now: &T, changes: Map<String, Value>) -> Result<T, Refusal> {
    let unreadable = |error: serde_json::Error| Refusal::bad_request(error.to_string());
    let mut value = serde_json::to_value(now).map_err(unreadable)?;
    if let Value::Object(fields) = &mut value {
        fields.extend(changes);
    }
    serde_json::from_value(value).map_err(unreadable)
}

async fn change_quirks(
    State(cloud): State<Cloud>,
    JsonBody(changes): JsonBody<Map<String, Value>>,
) -> Result<Json<Quirks>, Refusal> {
    let now = cloud.world().quirks;
    let quirks = changed(&now, changes)?;
    cloud.quirks(|now| *now = quirks);
    Ok(Json(quirks))
}

async fn change_limit(
    State(cloud): State<Cloud>,
    JsonBody(changes): JsonBody<Map<String, Value>>,
) -> Result<Json<RateLimit>, Refusal> {
    let limit = changed(&cloud.inner.limiter.limit(), changes)?.checked()?;
    cloud.rate_limit(limit);
    Ok(Json(limit))
}

async fn change_deliveries(
    State(cloud): State<Cloud>,
    JsonBody(changes): JsonBody<Map<String, Value>>,
) -> Result<Json<Deliveries>, Refusal> {
    let manner = changed(&*cloud.live.courier.manner.borrow(), changes)?.checked()?;
    cloud.deliveries(|now| *now = manner.clone());
    Ok(Json(manner))
}

async fn devices(State(cloud): State<Cloud>) -> Response {
    Json(Items { items: cloud.devices() }).into_response()
}

async fn change_sockets(
    State(cloud): State<Cloud>,
    JsonBody(changes): JsonBody<Map<String, Value>>,
) -> Result<Json<Sockets>, Refusal> {
    let now = cloud.world().mercury.manner.clone();
    let manner = changed(&now, changes)?.checked()?;
    cloud.sockets(|now| *now = manner.clone());
    Ok(Json(manner))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SocketsToClose {
    code: Option<u16>,
    #[serde(default)]
    reason: String,
}

async fn close_sockets(
    State(cloud): State<Cloud>,
    JsonBody(closing): JsonBody<SocketsToClose>,
) -> Result<StatusCode, Refusal> {
    match closing.code {
        None => cloud.drop_sockets(),
        Some(code @ (1000..=1003 | 1007..=1014 | 3000..=4999)) if closing.reason.len() <= 123 => {
            cloud.close_sockets(code, &closing.reason);
        }
        Some(_) => {
            return Err(Refusal::bad_request("a close has a code from 1000 to 4999 and a reason of 123 bytes"));
        }
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn change_reads(State(cloud): State<Cloud>, JsonBody(reads): JsonBody<HiddenReadsControl>) -> StatusCode {
    cloud.hide_from_first_reads(reads.not_yet_visible);
    StatusCode::NO_CONTENT
}

async fn scan_files(State(cloud): State<Cloud>, JsonBody(scan): JsonBody<Scan>) -> StatusCode {
    cloud.scan_files(scan);
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ClockOffset {
    offset_ms: i64,
}

async fn set_clock(State(cloud): State<Cloud>, JsonBody(clock): JsonBody<ClockOffset>) -> Result<StatusCode, Refusal> {
    let offset = SignedDuration::from_millis(clock.offset_ms);
    if offset.abs() > LARGEST_OFFSET {
        return Err(Refusal::bad_request("offsetMs: at most ten years"));
    }
    cloud.set_clock_offset(offset);
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WebhookSwitch {
    status: WebhookStatus,
}

async fn set_webhook(
    State(cloud): State<Cloud>,
    Path(id): Path<String>,
    JsonBody(webhook): JsonBody<WebhookSwitch>,
) -> Result<StatusCode, Refusal> {
    match cloud.set_webhook_status(&id, webhook.status) {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Refusal::not_found("There is no such webhook.")),
    }
}
