//! What the cloud says no to, in Webex's words and error shape.

use axum::Json;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use uuid::Uuid;

/// The header that carries the id Cisco's support asks for.
pub(super) const TRACKING_ID: &str = "trackingid";

/// A call or an act that Webex refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status}: {message}")]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// Webex's sentence.
    pub message: String,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Refusal {
        Refusal { status: status.as_u16(), message: message.into() }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn forbidden(message: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::FORBIDDEN, message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::NOT_FOUND, message)
    }

    /// Webex does not tell a room that does not exist from one that the caller is not in.
    pub(super) fn no_such_room() -> Refusal {
        Refusal::not_found("Could not find a room with provided ID.")
    }

    /// Nor a message that does not exist from one that the caller may not read.
    pub(super) fn no_such_message() -> Refusal {
        Refusal::not_found("Unable to get message.")
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let tracking_id = tracking_id();
        let body = json!({
            "message": self.message, "errors": [{"description": self.message}], "trackingId": tracking_id,
        });
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(body)).into_response();
        if let Ok(value) = HeaderValue::from_str(&tracking_id) {
            response.headers_mut().insert(TRACKING_ID, value);
        }
        response
    }
}

/// A new tracking id.
pub(super) fn tracking_id() -> String {
    format!("ROUTER_{}", Uuid::new_v4().simple().to_string().to_uppercase())
}
