//! What a caller of the API is answered.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::store::StoreError;

/// The seconds until a caller should repeat a request that the ledger did not take.
const RETRY_AFTER: &str = "5";

/// The request was taken.
#[derive(Serialize, ToSchema)]
pub(super) struct Accepted {
    /// The id of the message: `switchboard explain` tells what became of it.
    #[schema(value_type = String, format = "uuid")]
    pub id: Uuid,
}

/// A field of the request is wrong, or contradicts another one.
#[derive(Serialize, ToSchema)]
pub(super) struct Invalid {
    /// The name of the field.
    pub field: String,
    /// What is wrong with it.
    pub error: String,
}

/// The request was refused.
#[derive(Serialize, ToSchema)]
pub(super) struct Refused {
    /// Why, and what to do.
    pub error: String,
}

/// Why a request is refused. Nothing of it was carried out.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The body is no JSON, or a header is there twice.
    Broken(String),
    /// The caller shows none of the keys.
    Unknown,
    /// The key may not do that.
    Forbidden(&'static str),
    /// There is no such route.
    NotFound,
    /// The route takes another method.
    Method(&'static str),
    /// The body is larger than so many bytes.
    TooLarge(usize),
    /// A field is wrong.
    Invalid { field: String, error: String },
    /// Nothing can be accepted now.
    Unavailable(&'static str),
    /// The ledger did not take it.
    NotStored(StoreError),
}

impl Refusal {
    pub(super) fn invalid(field: &str, error: impl Into<String>) -> Refusal {
        Refusal::Invalid { field: field.to_owned(), error: error.into() }
    }
}

impl From<Refusal> for Response {
    fn from(refusal: Refusal) -> Response {
        let refused =
            |status: StatusCode, error: &str| (status, Json(Refused { error: error.to_owned() })).into_response();
        match refusal {
            Refusal::Broken(why) => refused(StatusCode::BAD_REQUEST, &why),
            Refusal::Unknown => {
                let says = "show the key of an [[api_key]] of the settings: Authorization: Bearer KEY";
                ([(header::WWW_AUTHENTICATE, "Bearer")], refused(StatusCode::UNAUTHORIZED, says)).into_response()
            }
            Refusal::Forbidden(why) => refused(StatusCode::FORBIDDEN, why),
            Refusal::NotFound => {
                refused(StatusCode::NOT_FOUND, "the API has no such path; GET /api/openapi.json has all")
            }
            Refusal::Method(allowed) => {
                let says = format!("this path takes {allowed}");
                ([(header::ALLOW, allowed)], refused(StatusCode::METHOD_NOT_ALLOWED, &says)).into_response()
            }
            Refusal::TooLarge(most) => {
                let says = format!("the body has more than {most} bytes, which is server.api_body_limit");
                refused(StatusCode::PAYLOAD_TOO_LARGE, &says)
            }
            Refusal::Invalid { field, error } => {
                (StatusCode::UNPROCESSABLE_ENTITY, Json(Invalid { field, error })).into_response()
            }
            Refusal::Unavailable(why) => unavailable(why),
            Refusal::NotStored(_) => unavailable("the ledger cannot take it now; nothing was accepted"),
        }
    }
}

fn unavailable(error: &str) -> Response {
    let refused = Json(Refused { error: error.to_owned() });
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, RETRY_AFTER)], refused).into_response()
}

/// The answer to a request that is on disk.
pub(super) fn accepted(id: Uuid) -> Response {
    (StatusCode::ACCEPTED, Json(Accepted { id })).into_response()
}
