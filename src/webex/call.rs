//! A call as the endpoints describe it, and the answer to it.

use bytes::Bytes;
use reqwest::header::HeaderMap;
use reqwest::{Method, Response};
use serde::Serialize;

use super::answer::{Expects, has_tracking_id};
use super::error::Error;
use super::resources::File;

/// A call, as the endpoints describe it.
pub(super) struct ApiCall {
    /// The name of the endpoint in metrics and errors: its path without ids.
    pub endpoint: &'static str,
    pub method: Method,
    /// The whole address.
    pub url: String,
    pub body: RequestBody,
    /// Whether the call may be made twice.
    pub repeatable: bool,
    /// The body that a success must have.
    pub expects: Expects,
}

pub(super) enum RequestBody {
    None,
    Json(Bytes),
    /// A file upload with its other fields.
    Form(Vec<(&'static str, String)>, File),
}

impl RequestBody {
    /// The JSON of a value.
    pub fn json(endpoint: &'static str, value: &impl Serialize) -> Result<RequestBody, Error> {
        let json = serde_json::to_vec(value);
        json.map(|json| RequestBody::Json(json.into()))
            .map_err(|error| Error::Unsendable { endpoint, cause: error.to_string() })
    }
}

/// An answer to a call.
pub(super) struct ApiAnswer {
    pub headers: HeaderMap,
    pub body: Bytes,
    /// The response of a file, whose body has not been read yet.
    pub unread: Option<Response>,
}

impl ApiAnswer {
    /// Whether it has Webex's tracking id, which proves that it is from Webex.
    pub fn is_signed(&self) -> bool {
        has_tracking_id(&self.headers)
    }
}
