//! Gives answers Webex's form: its headers, the body of a refusal, and the answers of gateways.

use std::io;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, DATE, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use jiff::Timestamp;

use crate::simulator::scenario::cloud::Cloud;
use crate::simulator::world::Refusal;
use crate::simulator::world::refusal::TRACKING_ID;

/// The tracking id, which Cisco's support asks for, and the time of an answer.
pub(super) fn stamp(cloud: &Cloud) -> (String, Timestamp) {
    let mut world = cloud.world();
    (world.mint.tracking_id(), world.clock.now())
}

/// The middleware for people, whose calls meet no faults and no limit.
pub(crate) async fn without_faults(State(cloud): State<Cloud>, request: Request, next: Next) -> Response {
    let (tracking_id, at) = stamp(&cloud);
    with_webex_headers(next.run(request).await, &tracking_id, at)
}

/// The answer to a request that is refused before it reaches a route.
pub(crate) fn refused(cloud: &Cloud, refusal: Refusal) -> Response {
    let (tracking_id, at) = stamp(cloud);
    with_webex_headers(refusal.into_response(), &tracking_id, at)
}

/// Adds Webex's headers to an answer, and its body to a refusal.
pub(super) fn with_webex_headers(answer: Response, tracking_id: &str, at: Timestamp) -> Response {
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

/// The gateway's answer to a call above the limit. Webex's documents show HTML there.
pub(super) fn too_many_calls(seconds: u64) -> Response {
    let body = "<html><head><title>429 Too Many Requests</title></head></html>".to_owned();
    fault_answer(429, &[(RETRY_AFTER.to_string(), seconds.to_string())], body)
}

/// The answer that a fault gives. Its content type follows from the body: JSON, or else HTML as gateways send it.
pub(super) fn fault_answer(status: u16, headers: &[(String, String)], body: String) -> Response {
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

/// A time in the form of the `Date` header.
fn rfc9110(time: Timestamp) -> Option<String> {
    jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&time).ok()
}

/// An answer that drops the connection: its body fails before the first byte, so hyper writes nothing.
pub(super) fn no_answer() -> Response {
    let broken = stream::once(async { Err::<Bytes, _>(io::Error::from(io::ErrorKind::ConnectionReset)) });
    Response::new(Body::from_stream(broken))
}
