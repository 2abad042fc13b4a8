//! `POST {webhook.path}`: signature, envelope, one committed row, 200. Nothing else happens inside the request.

use std::time::Instant;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::{Envelope, Parsed, ingest};
use crate::identity::Identity;
use crate::signature::Signer;
use crate::store::Store;
use crate::telemetry::{Metrics, Received};

/// What a delivery needs.
#[derive(Clone)]
pub struct Webhook {
    /// Checks the signatures.
    pub signer: Signer,
    /// Where the events go.
    pub store: Store,
    /// Counts them.
    pub metrics: Metrics,
    /// Who the bot is, once that is known.
    pub identity: Identity,
}

/// Answers one delivery. The labels and the log name only fixed words: what arrived is hostile until verified.
pub async fn receive(State(webhook): State<Webhook>, headers: HeaderMap, body: Bytes) -> Response {
    let started = Instant::now();
    let Webhook { signer, store, metrics, identity } = webhook;
    let verified = match signer.verify(&headers, body) {
        Ok(verified) => verified,
        Err(error) => {
            metrics.event("webhook", "unknown", Received::Rejected);
            tracing::warn!(signature = %error, "a delivery with a {error} signature was refused");
            return refusal(StatusCode::UNAUTHORIZED, "invalid signature");
        }
    };
    let envelope = match Envelope::parse(verified.get()) {
        Ok(Parsed::Event(envelope)) => envelope,
        Ok(Parsed::Ignored) => {
            metrics.event("webhook", "other", Received::Ignored);
            return acknowledged();
        }
        Err(problem) => {
            metrics.event("webhook", "unknown", Received::Rejected);
            tracing::warn!(%problem, "a signed delivery is not a Webex envelope");
            return refusal(StatusCode::BAD_REQUEST, "not a Webex webhook envelope");
        }
    };
    let event = envelope.event_id();
    match ingest(&store, &metrics, "webhook", envelope, identity.get().as_deref()).await {
        Ok(outcome) => {
            tracing::debug!(%event, ?outcome, "received");
            metrics.ack(started.elapsed());
            acknowledged()
        }
        Err(error) => {
            tracing::error!(%event, %error, "an event could not be put on disk and was not acknowledged");
            refusal(StatusCode::SERVICE_UNAVAILABLE, "the store is away")
        }
    }
}

fn acknowledged() -> Response {
    Json(json!({"received": true})).into_response()
}

fn refusal(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({"error": error}))).into_response()
}
