//! `/api`: the key, the body, one commit, 202. Nothing else happens inside the request.

use std::sync::Arc;

use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;

use super::answer::{Refusal, accepted};
use super::keys::{ApiKey, ApiKeys};
use super::letters::Letters;
use super::request::ParsedRequest;
use crate::config::ApiRight;
use crate::desk::Desk;
use crate::instance::Gate;
use crate::outbox::Letter;
use crate::store::StoreError;
use crate::telemetry::Seldom;

/// The beginning of every path of the API.
pub const PATH: &str = "/api/";

/// Where messages are posted to.
const MESSAGES: &str = "/api/messages";

/// Takes requests to the API.
pub struct ApiDoor {
    keys: ApiKeys,
    desk: Arc<Desk>,
    gate: Gate,
    /// The largest body, in bytes.
    most: usize,
    refused: Seldom,
    not_stored: Seldom,
}

/// A request whose caller may make it.
pub struct Admitted<'a> {
    key: &'a ApiKey,
}

impl ApiDoor {
    /// A door for these keys. `desk` makes the letters, `gate` says whether this daemon answers, and `most` is the
    /// largest body in bytes.
    pub fn new(keys: ApiKeys, desk: &Arc<Desk>, gate: Gate, most: usize) -> ApiDoor {
        let (refused, not_stored) = (Seldom::default(), Seldom::default());
        ApiDoor { keys, desk: Arc::clone(desk), gate, most, refused, not_stored }
    }

    /// The largest body, in bytes.
    pub fn most(&self) -> usize {
        self.most
    }

    /// Looks at a request before its body is read. The body of somebody who is not let in is not read.
    ///
    /// # Errors
    /// The answer, if the request is refused.
    pub fn admit(&self, method: &Method, path: &str, headers: &HeaderMap) -> Result<Admitted<'_>, Box<Response>> {
        self.look(method, path, headers).map_err(|refusal| Box::new(refusal.into()))
    }

    fn look(&self, method: &Method, path: &str, headers: &HeaderMap) -> Result<Admitted<'_>, Refusal> {
        if path != MESSAGES {
            return Err(Refusal::NotFound);
        }
        if *method != Method::POST {
            return Err(Refusal::Method("POST"));
        }
        let Some(key) = self.keys.shown_by(headers) else {
            if let Some(count) = self.refused.count() {
                tracing::warn!(
                    count,
                    "a request to the API was refused, since it shows none of the keys; more within a minute are only counted"
                );
            }
            return Err(Refusal::Unknown);
        };
        if !key.may(ApiRight::Messages) {
            return Err(Refusal::Forbidden(
                "this key may not post messages; `may` of its [[api_key]] says what it may",
            ));
        }
        let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if length.is_some_and(|length: usize| length > self.most) {
            return Err(Refusal::TooLarge(self.most));
        }
        Ok(Admitted { key })
    }

    /// Answers a request. Instead of the body there may be the status with which it could not be read.
    pub async fn receive(
        &self,
        Admitted { key }: Admitted<'_>,
        headers: &HeaderMap,
        body: Result<Bytes, StatusCode>,
    ) -> Response {
        match self.take(key, headers, body).await {
            Ok(answer) => answer,
            Err(refusal) => refusal.into(),
        }
    }

    async fn take(
        &self,
        key: &ApiKey,
        headers: &HeaderMap,
        body: Result<Bytes, StatusCode>,
    ) -> Result<Response, Refusal> {
        let body = body.map_err(|status| match status {
            StatusCode::PAYLOAD_TOO_LARGE => Refusal::TooLarge(self.most),
            _ => Refusal::Broken("the body was not sent whole".to_owned()),
        })?;
        let Letters { id, hash, entries, audit } = Letters::of(&self.desk, key, ParsedRequest::read(headers, &body)?)?;
        if !self.gate.takes() {
            return Err(Refusal::Unavailable("another daemon answers for this bot, or may"));
        }
        let (store, letters) = (&self.desk.services.store, entries.len());
        match store.put_audited(entries, audit).await {
            Ok(true) => tracing::info!(event = %id, key = key.name, letters, "a message of the API is in the outbox"),
            // The first letter has the hash of the request that made it, as long as its body is kept.
            Ok(false) => {
                let row = store.row(id).await.map_err(|error| self.not_stored(key, &error))?;
                let letter = row.and_then(|row| Letter::read(row.body.as_deref()?).ok());
                if letter.is_some_and(|letter| letter.api().is_some_and(|api| api.hash != hash)) {
                    let says = "was used for another message; give each message a key of its own";
                    return Err(Refusal::invalid("idempotency_key", says));
                }
            }
            Err(error) => return Err(self.not_stored(key, &error)),
        }
        Ok(accepted(id))
    }

    fn not_stored(&self, key: &ApiKey, error: &StoreError) -> Refusal {
        if let Some(count) = self.not_stored.count() {
            tracing::error!(key = key.name, %error, count, "a message of the API could not be put on disk and was not acknowledged");
        }
        Refusal::Unavailable("the ledger cannot take it now; nothing was accepted")
    }
}
