//! What happens to a call on its way: it is noted, faults strike it, and its answer is dressed as Webex dresses answers.
//! Whoever acts in person, as the chat page does, is spared the faults and not noted.

use std::io;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tower::ServiceExt;

use super::InPerson;
use crate::simulator::Cloud;
use crate::simulator::faults::Effect;
use crate::simulator::refusal::{Refusal, TRACKING_ID};

/// Notes each call, lets the faults strike it, and gives each answer the headers that Webex gives.
pub(super) async fn on_the_way(State(cloud): State<Cloud>, request: Request, next: Next) -> Response {
    let inner = &cloud.inner;
    let (method, uri) = (request.method().clone(), request.uri());
    let path = uri.path().strip_prefix("/v1").unwrap_or(uri.path()).to_owned();
    let number = inner.calls.arrived(method.clone(), path.clone(), uri.query().map(str::to_owned));
    let answer = match inner.faults.strike(&method, &path) {
        None => next.run(request).await,
        Some((Effect::Answer { status, headers, body }, _)) => made_up(status, &headers, body),
        Some((Effect::Reset, _)) => return no_answer(),
        Some((Effect::ApplyThenReset, _)) => {
            next.run(request).await;
            return no_answer();
        }
        Some((Effect::Stall, mut release)) => match inner.stopping.run_until_cancelled(release.changed()).await {
            Some(_) => next.run(request).await,
            None => return no_answer(),
        },
        Some((Effect::ApplyThenStall, mut release)) => {
            let answer = next.run(request).await;
            match inner.stopping.run_until_cancelled(release.changed()).await {
                Some(_) => answer,
                None => return no_answer(),
            }
        }
    };
    let tracking_id = cloud.world().mint.tracking_id();
    let answer = dressed(answer, &tracking_id);
    inner.calls.answered(number, answer.status().as_u16());
    answer
}

/// For those who act in person.
pub(super) async fn undisturbed(State(cloud): State<Cloud>, request: Request, next: Next) -> Response {
    let tracking_id = cloud.world().mint.tracking_id();
    dressed(next.run(request).await, &tracking_id)
}

/// `/as/{person}/...` is `/v1/...` as that person.
pub(super) async fn in_person(
    State((cloud, routes)): State<(Cloud, Router)>,
    Path((person, _)): Path<(String, String)>,
    mut request: Request,
) -> Result<Response, Refusal> {
    let account = {
        let world = cloud.world();
        world.by_email(&person).or_else(|| world.people.get(&person)).cloned()
    };
    let account = account.ok_or_else(|| Refusal::not_found(format!("Nobody here is {person}.")))?;
    let below = request.uri().path_and_query().map_or("", |whole| whole.as_str());
    let below = below.splitn(4, '/').nth(3).unwrap_or_default();
    let uri = format!("/{below}").parse::<Uri>().map_err(|error| Refusal::bad_request(error.to_string()))?;
    *request.uri_mut() = uri;
    request.extensions_mut().insert(InPerson(account));
    Ok(routes.oneshot(request).await.into_response())
}

/// The answer with Webex's headers; a refusal gets its body only here.
fn dressed(answer: Response, tracking_id: &str) -> Response {
    let mut answer = match answer.extensions().get::<Refusal>() {
        Some(refusal) => (answer.status(), axum::Json(refusal.body(tracking_id))).into_response(),
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
    answer
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

/// A body that fails before its first byte makes hyper drop the connection, and nothing was written by then.
fn no_answer() -> Response {
    let broken = stream::once(async { Err::<Bytes, _>(io::Error::from(io::ErrorKind::ConnectionReset)) });
    Response::new(Body::from_stream(broken))
}
