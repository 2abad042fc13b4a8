//! The listeners and their limits, and the routes of the public listener: the webhook and the health checks.

mod connections;
mod conversation;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

use connections::{Connections, Seat};
use conversation::serve_connection;

use crate::config;
use crate::health::Health;
use crate::receiver::webhook::{self, Webhook};
use crate::store::Store;

/// The pause after a failure to accept a connection. Usually the process has no file descriptor left.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// The seconds until a client should repeat a request that came while all connections were taken.
const RETRY_AFTER: &str = "1";

/// The routes that a listener answers.
pub struct Routes {
    /// The usual routes.
    pub all: Router,
    /// The routes while all connections are taken.
    pub spare: Router,
}

/// The routes for Webex and a load balancer. In a delivery mode without webhooks there is no route for them. The health
/// checks are answered even while all connections are taken.
pub fn routes(
    settings: &config::Server,
    path: &str,
    webhook: Option<Arc<Webhook>>,
    health: Health,
    store: Store,
) -> Routes {
    let health_checks =
        Router::new().route("/healthz", get(async || "ok\n")).route("/readyz", get(readyz).with_state((health, store)));
    let all = match webhook {
        Some(webhook) => health_checks.clone().route(path, post(webhook::receive).with_state(webhook)),
        None => health_checks.clone(),
    };
    Routes { all: limited(settings, all), spare: limited(settings, health_checks.fallback(taken)) }
}

/// The operators' routes. There are few, and they are always answered.
pub fn operators_routes(settings: &config::Server, routes: Router) -> Routes {
    let all = limited(settings, routes);
    Routes { spare: all.clone(), all }
}

fn limited(settings: &config::Server, routes: Router) -> Router {
    routes
        .layer(DefaultBodyLimit::max(settings.body_limit))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, settings.timeout))
        .layer(CatchPanicLayer::new())
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

/// Serves until told to stop; connections then finish what they are doing. When all `server.connections` are taken, the
/// one that has waited longest for its client is closed for a new one. If requests are being worked on over all of
/// them, a new connection may use only the routes in `Routes::spare`.
pub async fn serve(listener: TcpListener, routes: Routes, settings: config::Server, stop: CancellationToken) {
    let places = Connections::new(&settings);
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accept(&listener, &places) => accepted,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok(Some((stream, seat))) => {
                let routes = if seat.is_spare { &routes.spare } else { &routes.all };
                connections.spawn(serve_connection(stream, routes.clone(), settings.header_limit, seat, stop.clone()));
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted; are there too many open files?");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// The next connection and its place. None if its address has its share of places already.
async fn accept(listener: &TcpListener, places: &Connections) -> std::io::Result<Option<(TcpStream, Seat)>> {
    let (stream, peer) = listener.accept().await?;
    let seat = places.seat(peer.ip()).await;
    // It is no failure of ours if the client has left already.
    let _ = stream.set_nodelay(true);
    Ok(seat.map(|seat| (stream, seat)))
}
