//! The public listener: the webhook, the health checks, and the limits around them.

use std::time::Duration;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

use crate::config;
use crate::health::Health;
use crate::receiver::webhook::{self, Webhook};
use crate::store::Store;

/// How long the store may take to say that it is there.
const STORE_CHECK: Duration = Duration::from_secs(2);

/// Everything Webex and a load balancer may ask. Without a webhook, as in another delivery mode, there is no such route.
pub fn router(settings: &config::Server, path: &str, webhook: Option<Webhook>, health: Health, store: Store) -> Router {
    let health_checks =
        Router::new().route("/healthz", get(async || "ok\n")).route("/readyz", get(readyz).with_state((health, store)));
    let routes = match webhook {
        Some(webhook) => health_checks.route(path, post(webhook::receive).with_state(webhook)),
        None => health_checks,
    };
    routes
        .layer(DefaultBodyLimit::max(settings.body_limit))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, settings.timeout))
        .layer(CatchPanicLayer::new())
}

async fn readyz(State((health, store)): State<(Health, Store)>) -> Response {
    let store = match tokio::time::timeout(STORE_CHECK, store.depths()).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer from the ledger".to_owned()),
    };
    let readiness = health.readiness(store);
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(readiness)).into_response()
}
