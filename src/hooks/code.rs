//! What a sender is answered: a code and a message, which are those of Webex Connect's inbound webhooks.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Serialize;
use uuid::Uuid;

use crate::telemetry::Received;

/// The seconds until a sender should repeat a delivery that the ledger did not take.
const RETRY_AFTER: &str = "5";

/// The outcome of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    /// It is on disk, or was already.
    Queued,
    InvalidJson,
    InvalidXml,
    AuthenticationFailed,
    ServiceKeyMissing,
    Unavailable,
    Inactive,
    Unknown,
    NotAllowed,
    InvalidSignature,
    SignatureMissing,
    TooLarge,
    TooMany,
}

/// What became of a request, in its answer: the label of a metric.
#[derive(Clone, Copy)]
pub(super) struct Outcome(pub(super) &'static str);

#[derive(Serialize)]
struct Answer<'a> {
    code: &'static str,
    message: &'static str,
    description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Uuid>,
}

impl Code {
    const fn parts(self) -> (&'static str, &'static str, StatusCode) {
        match self {
            Code::Queued => ("1002", "Queued", StatusCode::ACCEPTED),
            Code::InvalidJson => ("7000", "Invalid JSON", StatusCode::BAD_REQUEST),
            Code::InvalidXml => ("7027", "Invalid XML", StatusCode::BAD_REQUEST),
            Code::AuthenticationFailed => ("7001", "Authentication failed", StatusCode::UNAUTHORIZED),
            Code::ServiceKeyMissing => ("7002", "Service Key Missing", StatusCode::UNAUTHORIZED),
            Code::Unavailable => ("7005", "Internal error occurred", StatusCode::SERVICE_UNAVAILABLE),
            Code::Inactive => ("7007", "Service inactive", StatusCode::FORBIDDEN),
            Code::Unknown => {
                ("7008", "Request received on an invalid or unsaved event endpoint", StatusCode::NOT_FOUND)
            }
            Code::NotAllowed => ("7010", "Source IP is not allow listed", StatusCode::FORBIDDEN),
            Code::InvalidSignature => ("7028", "Invalid signature", StatusCode::BAD_REQUEST),
            Code::SignatureMissing => ("7029", "Mandatory Signature Missing", StatusCode::BAD_REQUEST),
            Code::TooMany => ("7020", "You have reached maximum transaction limit", StatusCode::TOO_MANY_REQUESTS),
            Code::TooLarge => ("430", "Payload too large", StatusCode::PAYLOAD_TOO_LARGE),
        }
    }

    /// The answer with this code. `description` says what to do.
    pub(super) fn answer(self, description: &str) -> Response {
        self.with(description, None)
    }

    /// The answer to a delivery that is on disk, with the id of its event, or of the first of them. It came now, or has
    /// come before.
    pub(super) fn queued(id: Option<Uuid>, received: Received) -> Response {
        let says = if id.is_some() { "the event is on disk" } else { "the batch has no events" };
        let mut answer = Code::Queued.with(says, id);
        answer.extensions_mut().insert(Outcome(received.label()));
        answer
    }

    /// What became of a request, as the label of a metric.
    const fn outcome(self) -> &'static str {
        match self {
            Code::Queued => "accepted",
            Code::InvalidJson | Code::InvalidXml => "unreadable",
            Code::AuthenticationFailed | Code::ServiceKeyMissing => "unauthenticated",
            Code::Unavailable => "unavailable",
            Code::Inactive => "inactive",
            Code::Unknown => "unknown",
            Code::NotAllowed => "not_allowed",
            Code::InvalidSignature | Code::SignatureMissing => "unsigned",
            Code::TooLarge => "too_large",
            Code::TooMany => "limited",
        }
    }

    /// The answer to a delivery that has to wait for so many seconds.
    pub(super) fn too_many(seconds: u64) -> Response {
        let says = "the hook has had as many deliveries as its limit allows";
        ([(header::RETRY_AFTER, seconds.to_string())], Code::TooMany.answer(says)).into_response()
    }

    fn with(self, description: &str, id: Option<Uuid>) -> Response {
        let (code, message, status) = self.parts();
        let counted = Extension(Outcome(self.outcome()));
        let answer = (status, counted, Json(Answer { code, message, description, id }));
        match self {
            Code::Unavailable => ([(header::RETRY_AFTER, RETRY_AFTER)], answer).into_response(),
            _ => answer.into_response(),
        }
    }
}
