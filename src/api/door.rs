//! `/api`: the key, the body, one commit, 202. Nothing else happens inside the request.

use std::sync::Arc;

use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use super::answer::Refusal;
use super::document::document;
use super::keys::{ApiKey, ApiKeys};
use super::messages::{Posting, post_message};
use crate::config::{ApiRight, Config, Sources};
use crate::desk::Desk;
use crate::instance::Gate;
use crate::places::Places;
use crate::telemetry::Seldom;

/// The beginning of every path of the API.
pub const PATH: &str = "/api/";

/// Where messages are posted to.
const MESSAGES: &str = "/api/messages";

/// Where the OpenAPI document is.
const DOCUMENT: &str = "/api/openapi.json";

/// Takes requests to the API.
pub struct ApiDoor {
    keys: ApiKeys,
    desk: Arc<Desk>,
    places: Places,
    gate: Gate,
    sources: Sources,
    /// The largest body, in bytes.
    most: usize,
    /// The OpenAPI document, in JSON.
    document: Bytes,
    refused: Seldom,
    not_stored: Seldom,
}

/// A request whose caller may make it.
pub struct Admitted<'a> {
    key: &'a ApiKey,
}

impl ApiDoor {
    /// A door for these keys. `desk` makes the letters, and `gate` says whether this daemon answers.
    pub fn new(keys: ApiKeys, desk: &Arc<Desk>, places: Places, gate: Gate, settings: &Config) -> ApiDoor {
        let (most, sources) = (settings.server.api_body_limit, settings.sources.clone());
        let (refused, not_stored) = (Seldom::default(), Seldom::default());
        let document = Bytes::from(document().to_json().unwrap_or_default());
        ApiDoor { keys, desk: Arc::clone(desk), places, gate, sources, most, document, refused, not_stored }
    }

    /// The largest body, in bytes.
    pub fn most(&self) -> usize {
        self.most
    }

    /// Looks at a request before its body is read. The body of somebody who is not let in is not read.
    ///
    /// # Errors
    /// The answer, if the request is refused, or asks for the document. That has no secrets, and anybody may read it.
    pub fn admit(&self, method: &Method, path: &str, headers: &HeaderMap) -> Result<Admitted<'_>, Box<Response>> {
        if path == DOCUMENT && *method == Method::GET {
            let json = [(header::CONTENT_TYPE, "application/json")];
            return Err(Box::new((json, self.document.clone()).into_response()));
        }
        self.look(method, path, headers).map_err(|refusal| Box::new(refusal.into()))
    }

    fn look(&self, method: &Method, path: &str, headers: &HeaderMap) -> Result<Admitted<'_>, Refusal> {
        match path {
            MESSAGES => {}
            DOCUMENT => return Err(Refusal::Method("GET")),
            _ => return Err(Refusal::NotFound),
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
        let body = body.map_err(|status| match status {
            StatusCode::PAYLOAD_TOO_LARGE => Refusal::TooLarge(self.most),
            _ => Refusal::Broken("the body was not sent whole".to_owned()),
        });
        let posting = Posting { desk: &self.desk, places: &self.places, gate: &self.gate, sources: &self.sources, key };
        let answer = match body {
            Ok(body) => post_message(posting, headers, body).await,
            Err(refusal) => Err(refusal),
        };
        answer.unwrap_or_else(|refusal| self.refuse(key, refusal))
    }

    /// The answer to a request on which we failed, or whose commit takes too long.
    pub fn unavailable(&self) -> Response {
        if let Some(count) = self.not_stored.count() {
            tracing::error!(count, "a request to the API was not answered, since that failed or took too long");
        }
        Refusal::Unavailable(
            "it could not be accepted now, or is accepted late; repeat it with the same Idempotency-Key",
        )
        .into()
    }

    /// Answers a refusal. That the ledger takes nothing is logged.
    fn refuse(&self, key: &ApiKey, refusal: Refusal) -> Response {
        if let Refusal::NotStored(error) = &refusal
            && let Some(count) = self.not_stored.count()
        {
            tracing::error!(key = key.name, %error, count, "a message of the API could not be put on disk and was not acknowledged");
        }
        refusal.into()
    }
}
