//! What a listener answers, and the limits of every request: the size of its body, and the time.

use std::convert::Infallible;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{BoxError, Json, Router};
use futures_util::FutureExt;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tower::ServiceExt;

use crate::api::{self, ApiDoor};
use crate::config;
use crate::health::Health;
use crate::hooks::{self, Admitted, HookDoor};
use crate::receiver::webhook::Webhook;
use crate::store::Store;

/// The seconds until a client should repeat a request that came while all connections were taken.
const RETRY_AFTER: &str = "1";

/// The routes that a listener answers.
pub struct Routes {
    /// The webhook and its path. Deliveries are by far the most requests. They bypass the router, which allocates a
    /// good deal for each.
    webhook: Option<(String, Webhook)>,
    /// What takes the deliveries of other systems, if there are hooks.
    hooks: Option<HookDoor>,
    /// What takes requests to the API, if there are keys.
    api: Option<ApiDoor>,
    /// The other routes.
    others: Router,
    /// The routes while all connections are taken.
    spare: Router,
    body_limit: usize,
    timeout: Duration,
}

impl Routes {
    /// The routes for Webex and a load balancer. In a delivery mode without webhooks there is no route for them. The
    /// health checks are answered even while all connections are taken.
    pub fn public(
        settings: &config::Server,
        (path, webhook): (&str, Option<Webhook>),
        (hooks, api): (Option<HookDoor>, Option<ApiDoor>),
        health: Health,
        store: Store,
    ) -> Routes {
        let health_checks = Router::new()
            .route("/healthz", get(async || "ok\n"))
            .route("/readyz", get(readyz).with_state((health, store)));
        let mut others = health_checks.clone();
        if webhook.is_some() {
            others = others.route(path, any(not_posted));
        }
        let webhook = webhook.map(|webhook| (path.to_owned(), webhook));
        Routes { webhook, hooks, api, ..Routes::new(settings, others, health_checks.fallback(taken)) }
    }

    /// The operators' routes. There are few, and they are always answered.
    pub fn operators(settings: &config::Server, routes: Router) -> Routes {
        Routes::new(settings, routes.clone(), routes)
    }

    fn new(settings: &config::Server, others: Router, spare: Router) -> Routes {
        let (body_limit, timeout) = (settings.body_limit, settings.timeout);
        let limited = |routes: Router| routes.layer(DefaultBodyLimit::max(body_limit));
        let (webhook, hooks, api) = (None, None, None);
        Routes { webhook, hooks, api, others: limited(others), spare: limited(spare), body_limit, timeout }
    }

    /// Answers a request from this address. `is_spare` says that all connections are taken.
    pub(super) async fn answer<B>(&self, request: Request<B>, peer: IpAddr, is_spare: bool) -> Response
    where
        B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static,
    {
        let most = self.timeout;
        match (&self.webhook, &self.hooks, &self.api) {
            (Some((path, webhook)), _, _)
                if !is_spare && request.method() == Method::POST && request.uri().path() == path =>
            {
                let (head, body) = request.into_parts();
                let answer = async { webhook.receive(&head.headers, read_whole(body, self.body_limit).await).await };
                limited(most, answer).await.unwrap_or_else(Failure::into_response)
            }
            (_, Some(hooks), _) if !is_spare && request.uri().path().starts_with(hooks::PATH) => {
                let (head, body) = request.into_parts();
                post_to_hook(hooks, peer, &head, body, most).await
            }
            (_, _, Some(api)) if !is_spare && request.uri().path().starts_with(api::PATH) => {
                let (head, body) = request.into_parts();
                call_api(api, &head, body, most).await
            }
            _ => {
                let routes = if is_spare { &self.spare } else { &self.others };
                let answer = async {
                    let Ok::<_, Infallible>(answer) = routes.clone().oneshot(request.map(Body::new)).await;
                    answer
                };
                limited(most, answer).await.unwrap_or_else(Failure::into_response)
            }
        }
    }
}

/// Answers a request to a hook within this time. Each hook has its own limit for bodies.
async fn post_to_hook<B>(hooks: &HookDoor, peer: IpAddr, head: &Parts, body: B, most: Duration) -> Response
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>>,
{
    let answer = async |is_read: &AtomicBool| match hooks.admit(peer, head) {
        Ok(mut admitted) => {
            let body = read_held(body, &mut admitted).await;
            is_read.store(true, Ordering::Relaxed);
            hooks.receive(admitted, &head.headers, body).await
        }
        Err(answer) => *answer,
    };
    let answer = answered(most, answer, || hooks.unavailable()).await;
    hooks.count(head.uri.path(), &answer);
    answer
}

/// Answers a request to the API within this time.
async fn call_api<B>(api: &ApiDoor, head: &Parts, body: B, most: Duration) -> Response
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>>,
{
    let answer = async |is_read: &AtomicBool| match api.admit(&head.method, head.uri.path(), &head.headers) {
        Ok(admitted) => {
            let body = read_whole(body, api.most()).await;
            is_read.store(true, Ordering::Relaxed);
            api.receive(admitted, &head.headers, body).await
        }
        Err(answer) => *answer,
    };
    answered(most, answer, || api.unavailable()).await
}

/// Why there is no answer.
#[derive(Debug)]
enum Failure {
    /// It took too long.
    Late,
    /// Making it panicked. The program's hook for panics has logged that.
    Panic,
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Failure::Late => StatusCode::REQUEST_TIMEOUT.into_response(),
            Failure::Panic => (StatusCode::INTERNAL_SERVER_ERROR, "Service panicked").into_response(),
        }
    }
}

/// Gives an answer if it takes at most this long and does not panic.
async fn limited(most: Duration, answer: impl Future<Output = Response>) -> Result<Response, Failure> {
    match tokio::time::timeout(most, AssertUnwindSafe(answer).catch_unwind()).await {
        Ok(answer) => answer.map_err(|_| Failure::Panic),
        Err(_) => Err(Failure::Late),
    }
}

/// Answers a sender. Many take any 4xx as final, and some a 500. So a failure of ours is answered with `unavailable`,
/// and only a body that did not come whole with 408. `answer` sets its flag once it has read the body.
async fn answered(
    most: Duration,
    answer: impl AsyncFnOnce(&AtomicBool) -> Response,
    unavailable: impl FnOnce() -> Response,
) -> Response {
    let is_read = AtomicBool::new(false);
    match limited(most, answer(&is_read)).await {
        Ok(answer) => answer,
        Err(late @ Failure::Late) if !is_read.load(Ordering::Relaxed) => late.into_response(),
        Err(Failure::Late | Failure::Panic) => unavailable(),
    }
}

/// The whole body of a request.
///
/// # Errors
/// The status to answer: 413 if the body is larger than this, 400 if it does not come whole.
async fn read_whole<B>(body: B, most: usize) -> Result<Bytes, StatusCode>
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>>,
{
    let whole = Limited::new(body, most).collect().await.map_err(|error| status_of(&error))?;
    Ok(whole.to_bytes())
}

/// The whole body of a delivery to a hook. There has to be room for each part of it.
///
/// # Errors
/// As [`read_whole`], and 503 if there is no room.
async fn read_held<B>(body: B, admitted: &mut Admitted<'_>) -> Result<Bytes, StatusCode>
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>>,
{
    let mut body = pin!(Limited::new(body, admitted.most()));
    // Most bodies come as one part, which is then not copied.
    let (mut first, mut whole) = (Bytes::new(), Vec::new());
    while let Some(frame) = body.frame().await {
        let part = frame.map_err(|error| status_of(&error))?.into_data().unwrap_or_default();
        if !admitted.hold(part.len()) {
            return Err(StatusCode::SERVICE_UNAVAILABLE);
        }
        match first.is_empty() {
            true => first = part,
            false if whole.is_empty() => whole = [&*first, &*part].concat(),
            false => whole.extend_from_slice(&part),
        }
    }
    Ok(if whole.is_empty() { first } else { whole.into() })
}

fn status_of(error: &BoxError) -> StatusCode {
    if error.is::<LengthLimitError>() { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::BAD_REQUEST }
}

async fn not_posted() -> Response {
    (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "POST")]).into_response()
}

async fn taken() -> Response {
    let why = "as many requests as server.connections allows are being worked on\n";
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, RETRY_AFTER)], why).into_response()
}

async fn readyz(State((health, store)): State<(Health, Store)>) -> Response {
    let readiness = health.readiness(store.beat().await.map_err(|error| error.in_short()));
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(readiness)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(1);

    #[tokio::test]
    async fn an_answer_that_takes_too_long_is_408_and_one_that_panics_500() {
        let status = async |most, answer| match limited(most, answer).await {
            Ok(answer) => answer.status(),
            Err(failure) => failure.into_response().status(),
        };
        assert_eq!(status(SHORT, std::future::pending().boxed()).await, StatusCode::REQUEST_TIMEOUT);
        let panicking = async { panic!("while answering") };
        assert_eq!(status(Duration::MAX, panicking.boxed()).await, StatusCode::INTERNAL_SERVER_ERROR);
        let well = async { StatusCode::OK.into_response() };
        assert_eq!(status(Duration::MAX, well.boxed()).await, StatusCode::OK);
    }

    #[tokio::test]
    async fn a_sender_whose_body_came_whole_is_answered_503_when_we_fail() {
        let status = async |most, whole, panics: bool| {
            let answer = async |is_read: &AtomicBool| {
                is_read.store(whole, Ordering::Relaxed);
                assert!(!panics, "while answering");
                std::future::pending().await
            };
            answered(most, answer, || StatusCode::SERVICE_UNAVAILABLE.into_response()).await.status()
        };
        assert_eq!(status(SHORT, false, false).await, StatusCode::REQUEST_TIMEOUT, "the body did not come whole");
        assert_eq!(status(SHORT, true, false).await, StatusCode::SERVICE_UNAVAILABLE, "the disk is stuck");
        assert_eq!(status(Duration::MAX, true, true).await, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(status(Duration::MAX, false, true).await, StatusCode::SERVICE_UNAVAILABLE);
    }
}
