//! The caller, the query and the body of a call.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use url::form_urlencoded;

use crate::simulator::scenario::cloud::Cloud;
use crate::simulator::world::Refusal;
use crate::simulator::world::things::Account;

/// The account that calls, with its token or as a person at an app, and the cloud that is called.
pub(super) struct Caller {
    pub(super) cloud: Cloud,
    pub(super) me: Account,
}

impl FromRequestParts<Cloud> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, cloud: &Cloud) -> Result<Caller, Refusal> {
        let me = match parts.extensions.get() {
            Some(InPerson(account)) => Some(account.clone()),
            None => bearer(&parts.headers).and_then(|token| cloud.world().by_token(token).cloned()),
        };
        let me = me.ok_or_else(|| {
            let message = "The request requires a valid access token set in the Authorization request header.";
            Refusal::new(StatusCode::UNAUTHORIZED, message)
        })?;
        Ok(Caller { cloud: cloud.clone(), me })
    }
}

/// A person at a Webex app, who needs no token. The cloud itself puts this into a request.
#[derive(Clone)]
pub(super) struct InPerson(pub(super) Account);

/// A JSON body. Like Webex it is refused with 415 for another content type, and with 400 if it cannot be read.
pub(super) struct JsonBody<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Cloud> for JsonBody<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, cloud: &Cloud) -> Result<Self, Refusal> {
        let kind = content_type(request.headers());
        if !is_media_type(&kind, "application/json") {
            let message = format!("Content type '{kind}' not supported");
            return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
        }
        let body = Bytes::from_request(request, cloud)
            .await
            .map_err(|error| Refusal::new(error.status(), error.body_text()))?;
        let parsed = serde_json::from_slice(&body);
        parsed
            .map(JsonBody)
            .map_err(|error| Refusal::bad_request(format!("The request could not be understood: {error}")))
    }
}

pub(super) fn content_type(headers: &HeaderMap) -> String {
    headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

/// Whether a `Content-Type` header has this type, whatever parameters follow, such as the charset.
pub(super) fn is_media_type(header: &str, wanted: &str) -> bool {
    header.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(wanted))
}

/// The bearer token of a call.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The query of a call, and its path. The address of the next page is made from both.
pub(super) struct Query {
    pub(super) path: String,
    pub(super) pairs: Vec<(String, String)>,
}

impl FromRequestParts<Cloud> for Query {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Cloud) -> Result<Query, Self::Rejection> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Ok(Query { path: parts.uri.path().to_owned(), pairs })
    }
}

impl Query {
    /// The value of a parameter. None if it is missing or empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// The number of items on a page, at most `most`. A larger number is silently reduced.
    pub(super) fn max(&self, default: usize, most: usize) -> Result<usize, Refusal> {
        match self.get("max") {
            None => Ok(default),
            Some(max) => match max.parse::<usize>() {
                Ok(max @ 1..) => Ok(max.min(most)),
                Ok(0) | Err(_) => Err(Refusal::bad_request("max must be a positive number")),
            },
        }
    }
}
