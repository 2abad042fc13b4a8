//! Refusals of the cloud, in Webex's words.

use axum::http::StatusCode;

/// The header that carries the id Cisco's support asks for.
pub(crate) const TRACKING_ID: &str = "trackingid";

/// A call or an act that Webex refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status}: {message}")]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// Webex's sentence.
    pub message: String,
    /// The `Retry-After` of the answer, in seconds.
    pub retry_after: Option<u32>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Refusal {
        Refusal { status: status.as_u16(), message: message.into(), retry_after: None }
    }

    pub(crate) fn retry_in(self, seconds: u32) -> Refusal {
        Refusal { retry_after: Some(seconds), ..self }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::BAD_REQUEST, message)
    }

    pub(crate) fn forbidden(message: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::FORBIDDEN, message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::NOT_FOUND, message)
    }

    /// The refusal for a room that does not exist, or that the caller is not in: Webex answers both the same.
    pub(crate) fn no_such_room() -> Refusal {
        Refusal::not_found("Could not find a room with provided ID.")
    }

    /// The refusal for a message that does not exist, or that the caller may not read: Webex answers both the same.
    pub(crate) fn no_such_message() -> Refusal {
        Refusal::not_found("Unable to get message.")
    }
}
