//! What happens to a call on its way: it is noted, faults strike it, and its answer is dressed as Webex dresses
//! answers. Whoever acts in person, as the chat page does, is spared the faults and not noted.

use std::io;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, DATE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use jiff::Timestamp;
use serde_json::{Map, Value};
use tokio::sync::watch;
use tower::ServiceExt;

use super::{InPerson, content_type, is_media_type};
use crate::simulator::scenario::cloud::Cloud;
use crate::simulator::scenario::fault::Effect;
use crate::simulator::scenario::faults::Struck;
use crate::simulator::watch::calls::Call;
use crate::simulator::watch::journal::Happening;
use crate::simulator::world::refusal::{Refusal, TRACKING_ID};

/// So much of a body is kept for the record.
const LONGEST_KEPT: usize = 16 * 1024;
/// What these fields hold is not for the record.
const SECRETS: [&str; 7] = ["secret", "token", "access_token", "refresh_token", "client_secret", "password", "hostKey"];

/// Notes each call, lets the faults strike it, and gives each answer the headers that Webex gives.
pub(super) async fn on_the_way(State(cloud): State<Cloud>, request: Request, next: Next) -> Response {
    let inner = &cloud.inner;
    let began = Instant::now();
    let (method, uri) = (request.method().clone(), request.uri());
    let path = uri.path().strip_prefix("/v1").unwrap_or(uri.path()).to_owned();
    let query = uri.query().map(str::to_owned);
    let (actor, tracking_id, at) = {
        let mut world = cloud.world();
        let actor = bearer(request.headers()).and_then(|token| world.by_token(token));
        (actor.map(|actor| actor.email.clone()), world.mint.tracking_id(), world.clock.now())
    };
    let (request, kept) = keep_request(request).await;
    let number = inner.calls.arrived(Call {
        actor: actor.clone(),
        request: kept,
        ..Call::new(method.clone(), path.clone(), query, at)
    });
    let too_many = actor.as_deref().and_then(|actor| inner.limiter.refuses(actor, began));
    let struck = match too_many {
        None => inner.faults.strike(&method, &path, request.uri().query().unwrap_or_default()),
        Some(_) => None,
    };
    let fault = struck.as_ref().map(|struck| struck.effect.name());
    if struck.is_some() {
        cloud.live.journal.tell(Happening::State);
    }
    let answer = match struck {
        None if let Some(seconds) = too_many => Some(too_many_calls(seconds)),
        None if inner.faults.hides(&method, path.trim_end_matches('/')) => {
            Some(Refusal::no_such_message().into_response())
        }
        None => Some(next.run(request).await),
        Some(Struck { effect, release }) => struck_by(&cloud, effect, release, request, next).await,
    };
    let answer = answer.map(|answer| dressed(answer, &tracking_id, at));
    let (answer, kept) = match answer {
        Some(answer) => keep_answer(answer).await,
        None => (no_answer(), None),
    };
    let status = answer.status().as_u16();
    let ended = inner.calls.ended(number, |call| {
        // An answer that is only a broken connection is none.
        call.status = kept.is_some().then_some(status);
        call.latency = began.elapsed();
        (call.tracking_id, call.response, call.fault) = (Some(tracking_id), kept, fault);
    });
    if let Some(call) = ended {
        cloud.live.journal.tell(Happening::Called(call.into()));
    }
    answer
}

/// What a fault makes of a call; none if it gets no answer.
async fn struck_by(
    cloud: &Cloud,
    effect: Effect,
    mut release: watch::Receiver<u64>,
    request: Request,
    next: Next,
) -> Option<Response> {
    match effect {
        Effect::Answer { status, headers, body } => Some(made_up(status, &headers, body)),
        Effect::Alter(fields) => Some(altered(next.run(request).await, &fields).await),
        Effect::Reset => None,
        Effect::ApplyThenReset => {
            next.run(request).await;
            None
        }
        Effect::Delay(pause) => {
            let stopping = cloud.live.stopping.clone();
            // Webex carries out what it was asked for, whether or not the caller still waits.
            let late = tokio::spawn(async move {
                let pause = tokio::time::sleep(Duration::from_millis(pause));
                stopping.run_until_cancelled(pause).await?;
                Some(next.run(request).await)
            });
            late.await.ok()?
        }
        Effect::Stall => {
            cloud.stalled_until(&mut release).await?;
            Some(next.run(request).await)
        }
        Effect::ApplyThenStall => {
            let answer = next.run(request).await;
            cloud.stalled_until(&mut release).await?;
            Some(answer)
        }
    }
}

impl Cloud {
    /// Waits for the release; none if the cloud stops first.
    async fn stalled_until(&self, release: &mut watch::Receiver<u64>) -> Option<()> {
        let stalled = self.inner.faults.stall();
        self.live.journal.tell(Happening::State);
        let released = self.live.stopping.run_until_cancelled(release.changed()).await;
        drop(stalled);
        self.live.journal.tell(Happening::State);
        released?.ok()
    }
}

/// The token that a call carries.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The body of a small JSON request, for the record.
async fn keep_request(request: Request) -> (Request, Option<String>) {
    let length = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let is_json = is_media_type(&content_type(request.headers()), "application/json");
    if !is_json || length.is_none_or(|length| length > LONGEST_KEPT) {
        let kept = length.filter(|length| *length > 0).map(|length| format!("({length} bytes)"));
        return (request, kept);
    }
    let (parts, body) = request.into_parts();
    match to_bytes(body, LONGEST_KEPT).await {
        Ok(bytes) => {
            let kept = for_the_record(&bytes);
            (Request::from_parts(parts, Body::from(bytes)), Some(kept))
        }
        // The client went away in the middle: there is nobody to answer.
        Err(_) => (Request::from_parts(parts, Body::empty()), None),
    }
}

/// The body of an answer, for the record; of a file only how long it is.
async fn keep_answer(answer: Response) -> (Response, Option<String>) {
    let kind = content_type(answer.headers());
    if !is_media_type(&kind, "application/json") && !is_media_type(&kind, "text/html") {
        let length = answer.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
        let kept = length.map_or_else(String::new, |length| format!("({length} bytes)"));
        return (answer, Some(kept));
    }
    let (parts, body) = answer.into_parts();
    match to_bytes(body, usize::MAX).await {
        Ok(bytes) => {
            let kept = for_the_record(&bytes);
            (Response::from_parts(parts, Body::from(bytes)), Some(kept))
        }
        Err(_) => (no_answer(), None),
    }
}

fn for_the_record(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = match serde_json::from_slice::<Value>(body) {
        Ok(mut value) if SECRETS.iter().any(|name| text.contains(&format!("\"{name}\""))) => {
            blot_out(&mut value);
            value.to_string().into()
        }
        Ok(_) | Err(_) => text,
    };
    let end = text.floor_char_boundary(LONGEST_KEPT);
    if end < text.len() { format!("{}…", &text[..end]) } else { text.into_owned() }
}

fn blot_out(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if SECRETS.contains(&name.as_str()) { *value = "***".into() } else { blot_out(value) }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(blot_out),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// For those who act in person.
pub(crate) async fn undisturbed(State(cloud): State<Cloud>, request: Request, next: Next) -> Response {
    let (tracking_id, at) = {
        let mut world = cloud.world();
        (world.mint.tracking_id(), world.clock.now())
    };
    dressed(next.run(request).await, &tracking_id, at)
}

/// What is said no to before any surface was asked.
pub(crate) fn refused(cloud: &Cloud, refusal: Refusal) -> Response {
    let (tracking_id, at) = {
        let mut world = cloud.world();
        (world.mint.tracking_id(), world.clock.now())
    };
    dressed(refusal.into_response(), &tracking_id, at)
}

/// `/as/{person}/...` is `/v1/...` as that person.
pub(super) async fn in_person(
    State((cloud, routes)): State<(Cloud, Router)>,
    Path((person, _)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Refusal> {
    let account = {
        let world = cloud.world();
        world.by_email(&person).or_else(|| world.people.get(&person)).cloned()
    };
    let account = account.ok_or_else(|| Refusal::not_found(format!("Nobody here is {person}.")))?;
    let below = request.uri().path_and_query().map_or("", |whole| whole.as_str());
    let below = below.splitn(4, '/').nth(3).unwrap_or_default();
    let uri = format!("/{below}").parse::<Uri>().map_err(|error| Refusal::bad_request(error.to_string()))?;
    let uri = ending_in_no_slash(&uri).unwrap_or(uri);
    // A request anew: the old one carries the parts of its path along, which are none of this one's.
    let (parts, body) = request.into_parts();
    let mut request = Request::new(body);
    (*request.method_mut(), *request.uri_mut(), *request.headers_mut()) = (parts.method, uri, parts.headers);
    request.extensions_mut().insert(InPerson(account));
    Ok(routes.oneshot(request).await.into_response())
}

/// `/people/?id=...` is `/people?id=...`, as with Webex: Cisco's JavaScript SDK writes it so.
pub(super) async fn without_slash(mut request: Request) -> Request {
    if let Some(uri) = ending_in_no_slash(request.uri()) {
        *request.uri_mut() = uri;
    }
    request
}

/// The same address without the slashes its path ends in; none where there are none.
fn ending_in_no_slash(uri: &Uri) -> Option<Uri> {
    let path = trimmed(uri.path());
    if path.len() == uri.path().len() {
        return None;
    }
    let query = uri.query().map_or_else(String::new, |query| format!("?{query}"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(format!("{path}{query}").parse().ok()?);
    Uri::from_parts(parts).ok()
}

fn trimmed(path: &str) -> &str {
    match path.trim_end_matches('/') {
        "" => "/",
        path => path,
    }
}

/// The answer with Webex's headers; a refusal gets its body only here.
fn dressed(answer: Response, tracking_id: &str, at: Timestamp) -> Response {
    let mut answer = match answer.extensions().get::<Refusal>() {
        Some(refusal) => {
            let retry_after = refusal.retry_after.map(|seconds| [(RETRY_AFTER, seconds.to_string())]);
            let body = axum::Json(refusal.body(tracking_id));
            match retry_after {
                Some(header) => (answer.status(), header, body).into_response(),
                None => (answer.status(), body).into_response(),
            }
        }
        None => answer,
    };
    let headers = answer.headers_mut();
    if headers.get(CONTENT_TYPE).is_some_and(|kind| kind == "application/json") {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json;charset=UTF-8"));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
    if let Ok(id) = HeaderValue::from_str(tracking_id) {
        headers.entry(TRACKING_ID).or_insert(id);
    }
    if let Some(date) = rfc9110(at).and_then(|date| HeaderValue::try_from(date).ok()) {
        headers.insert(DATE, date);
    }
    answer
}

/// What the gateway says before anything else looks at the call: the documents show HTML there.
fn too_many_calls(seconds: u64) -> Response {
    let body = "<html><head><title>429 Too Many Requests</title></head></html>".to_owned();
    made_up(429, &[(RETRY_AFTER.to_string(), seconds.to_string())], body)
}

/// The answer of a fault. A JSON body says so itself; gateways send HTML or nothing.
fn made_up(status: u16, headers: &[(String, String)], body: String) -> Response {
    let kind = if body.starts_with('{') { "application/json" } else { "text/html" };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, [(CONTENT_TYPE, kind)], body).into_response();
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// The same answer with other values in it.
async fn altered(answer: Response, fields: &Map<String, Value>) -> Response {
    let (mut parts, body) = answer.into_parts();
    let Ok(bytes) = to_bytes(body, usize::MAX).await else { return no_answer() };
    let Ok(mut value) = serde_json::from_slice::<Value>(&bytes) else {
        return Response::from_parts(parts, bytes.into());
    };
    let objects = match &mut value["items"] {
        Value::Array(items) => items.iter_mut().collect(),
        _ => vec![&mut value],
    };
    for object in objects.into_iter().filter_map(Value::as_object_mut) {
        object.extend(fields.clone());
    }
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, value.to_string().into())
}

/// A time as the `Date` header has it.
fn rfc9110(time: Timestamp) -> Option<String> {
    jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&time).ok()
}

/// A body that fails before its first byte makes hyper drop the connection, and nothing was written by then.
fn no_answer() -> Response {
    let broken = stream::once(async { Err::<Bytes, _>(io::Error::from(io::ErrorKind::ConnectionReset)) });
    Response::new(Body::from_stream(broken))
}
