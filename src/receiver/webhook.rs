//! `POST {webhook.path}`: signature, envelope, one committed row, 200. Nothing else happens inside the request.

use std::time::Instant;

use axum::Json;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::{Door, ParsedEnvelope};
use crate::clock;
use crate::event::{Event, Source};
use crate::instance::Gate;
use crate::signature::{SignatureError, Signer};
use crate::telemetry::{Metrics, Received, Seldom};

/// The seconds until Webex should repeat a delivery that the ledger did not take.
const RETRY_AFTER: &str = "5";

/// The label in metrics.
const WEBHOOK: &str = Source::Webhook.as_str();

/// Everything needed to take a delivery.
pub struct Webhook {
    signer: Signer,
    door: Door,
    metrics: Metrics,
    gate: Gate,
    warnings: Warnings,
}

/// Limits warnings that anybody can cause, or that Webex can cause by the thousand.
#[derive(Default)]
struct Warnings {
    refused: Seldom,
    no_envelope: Seldom,
    not_stored: Seldom,
}

impl Webhook {
    /// `signer` checks the signatures, `door` takes the events, `metrics` counts the refusals, and `gate` says whether
    /// this daemon answers.
    pub fn new(signer: Signer, door: Door, metrics: Metrics, gate: Gate) -> Webhook {
        Webhook { signer, door, metrics, gate, warnings: Warnings::default() }
    }

    /// Answers one delivery. Instead of the body there may be the status with which to refuse it. Labels and log
    /// contain only fixed words, since the delivery is hostile until it is verified.
    pub async fn receive(&self, headers: &HeaderMap, body: Result<Bytes, StatusCode>) -> Response {
        let started = clock::instant();
        let Webhook { signer, metrics, .. } = self;
        let body = match body {
            Ok(body) => body,
            Err(status) => {
                metrics.event(WEBHOOK, "unknown", Received::Rejected);
                return refusal(status, "the body is too large or was not sent whole");
            }
        };
        // A canary gets the answers that anybody gets.
        let is_canary = signer.is_canary(headers, &body);
        if is_canary {
            tracing::debug!("a canary of `switchboard check --deep` arrived");
        }
        let verified = match signer.verify(headers, body) {
            Ok(verified) => verified,
            Err(error) => {
                if !is_canary {
                    metrics.event(WEBHOOK, "unknown", Received::Rejected);
                    self.tell_of_refusal(error);
                }
                return refusal(StatusCode::UNAUTHORIZED, "invalid signature");
            }
        };
        let event = match ParsedEnvelope::parse(verified.get()) {
            Ok(ParsedEnvelope::Event(event)) => event,
            Ok(ParsedEnvelope::Canary) => {
                tracing::debug!("a canary of `switchboard check --deep` arrived");
                return acknowledged();
            }
            Err(problem) => {
                if !is_canary {
                    metrics.event(WEBHOOK, "unknown", Received::Rejected);
                    if let Some(count) = self.warnings.no_envelope.count() {
                        tracing::warn!(%problem, count, "a signed delivery is not a Webex envelope");
                    }
                }
                return refusal(StatusCode::BAD_REQUEST, "not a Webex webhook envelope");
            }
        };
        self.take(&event, verified.get().clone(), started).await
    }

    /// Takes a signed event and answers the request.
    async fn take(&self, event: &Event, raw: Bytes, started: Instant) -> Response {
        let Webhook { door, metrics, gate, .. } = self;
        // An event that nobody works on is taken even if another daemon answers.
        if door.wants(event) && !gate.takes() {
            metrics.event(WEBHOOK, event.resource(), Received::Rejected);
            return unavailable("another daemon answers for this bot, or may");
        }
        match door.take(Source::Webhook, event, Some(raw)).await {
            Ok(Received::Ignored) => acknowledged(),
            Ok(outcome) => {
                tracing::debug!(event = %event.event_id(), ?outcome, "received");
                metrics.ack(started.elapsed());
                acknowledged()
            }
            Err(error) => {
                if error.is_told() {
                    tracing::debug!(event = %event.event_id(), %error, "an event was not acknowledged");
                } else if let Some(count) = self.warnings.not_stored.count() {
                    tracing::error!(event = %event.event_id(), %error, count, "an event could not be put on disk and was not acknowledged");
                }
                unavailable("the ledger cannot take it now")
            }
        }
    }

    fn tell_of_refusal(&self, error: SignatureError) {
        if let Some(count) = self.warnings.refused.count() {
            tracing::warn!(
                signature = %error,
                count,
                "a delivery that Webex did not sign with webhook.secret was refused; more within a minute are only counted"
            );
        }
    }
}

/// The answer to every delivery that is taken.
fn acknowledged() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], r#"{"received":true}"#).into_response()
}

fn unavailable(error: &str) -> Response {
    ([(header::RETRY_AFTER, RETRY_AFTER)], refusal(StatusCode::SERVICE_UNAVAILABLE, error)).into_response()
}

fn refusal(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({"error": error}))).into_response()
}
