//! The listeners and their limits; the routes of the public one: the webhook and the health checks.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

use crate::config;
use crate::health::Health;
use crate::receiver::webhook::{self, Webhook};
use crate::store::Store;

/// The pause after a failure to accept, which is mostly that the process has no file descriptor left.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Everything Webex and a load balancer may ask. Without a webhook, as in another delivery mode, there is no such
/// route.
pub fn router(
    settings: &config::Server,
    path: &str,
    webhook: Option<Arc<Webhook>>,
    health: Health,
    store: Store,
) -> Router {
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
    let readiness = health.readiness(store.beat().await.map_err(|error| error.in_short()));
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(readiness)).into_response()
}

/// Serves until told to stop; connections then finish what they are at. One that is slow with its headers, or idle for
/// as long, is closed, and beyond `server.connections` the next one waits.
pub async fn serve(listener: TcpListener, routes: Router, settings: config::Server, stop: CancellationToken) {
    let slots = Arc::new(Semaphore::new(settings.connections));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accept(&listener, &slots) => accepted,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, slot)) => {
                let (routes, stop) = (TowerToHyperService::new(routes.clone()), stop.clone());
                connections.spawn(async move {
                    converse(stream, routes, settings.timeout, stop).await;
                    drop(slot);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted; are there too many open files?");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn accept(listener: &TcpListener, slots: &Arc<Semaphore>) -> std::io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, slot))
}

/// What goes wrong on a connection is its client's affair.
async fn converse(stream: TcpStream, routes: TowerToHyperService<Router>, timeout: Duration, stop: CancellationToken) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(timeout)
        .serve_connection(TokioIo::new(stream), routes);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        _ = &mut connection => return,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
