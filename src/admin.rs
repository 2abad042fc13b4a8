//! The operators' listener, apart from the public one so that no mistake in a route exposes it.

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

use crate::api;
use crate::store::Store;
use crate::telemetry::Metrics;

/// `/metrics`, and `/docs` about the API.
pub fn router(metrics: Metrics, store: Store) -> Router {
    Router::new().route("/metrics", get(scrape).with_state((metrics, store))).route("/docs", get(docs))
}

/// The page loads nothing, and may not.
async fn docs() -> Response {
    let policy = "default-src 'none'; style-src 'unsafe-inline'";
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(api::page())).into_response()
}

async fn scrape(State((metrics, store)): State<(Metrics, Store)>) -> Response {
    match store.depths().await {
        Ok(depths) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, kind)], metrics.render(depths)).into_response()
        }
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response(),
    }
}
