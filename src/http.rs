//! The listeners and their limits; the routes of the public one: the webhook and the health checks.

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

/// The pause after a failure to accept, which is mostly that the process has no file descriptor left.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// What is asked for when all connections are taken waits for so many seconds.
const RETRY_AFTER: &str = "1";

/// What a listener answers.
pub struct Routes {
    /// As a rule.
    pub all: Router,
    /// Where all connections are taken.
    pub spare: Router,
}

/// Everything Webex and a load balancer may ask. Without a webhook, as in another delivery mode, there is no such
/// route. The health checks are answered even when all connections are taken.
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

/// The operators' routes, which are few and are all answered always.
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

/// Serves until told to stop; connections then finish what they are at. When all `server.connections` are taken, the
/// one that waits longest for its client is closed for a new one. While all are worked on, a new one may ask for what
/// is in `Routes::spare`, and for nothing else.
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

/// The next connection and its place; none when its address has its share already.
async fn accept(listener: &TcpListener, places: &Connections) -> std::io::Result<Option<(TcpStream, Seat)>> {
    let (stream, peer) = listener.accept().await?;
    let seat = places.seat(peer.ip()).await;
    // A client that has left already is no failure of ours.
    let _ = stream.set_nodelay(true);
    Ok(seat.map(|seat| (stream, seat)))
}
