//! A refusal in the form of Webex's errors.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::simulator::world::Refusal;

impl IntoResponse for Refusal {
    /// Sets only the status. The body is written once the call's tracking id is known.
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The body of a refusal, in Webex's order of fields.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RefusalBody<'a> {
    message: &'a str,
    errors: [Description<'a>; 1],
    tracking_id: &'a str,
}

#[derive(Serialize)]
struct Description<'a> {
    description: &'a str,
}

impl Refusal {
    /// The body of the refusal as Webex writes it.
    pub(crate) fn body<'a>(&'a self, tracking_id: &'a str) -> RefusalBody<'a> {
        RefusalBody { message: &self.message, errors: [Description { description: &self.message }], tracking_id }
    }
}
