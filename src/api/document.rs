//! The OpenAPI document of the API, made from the code that answers it.

use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::messages;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Switchboard",
        description = "Posts messages to Webex. A key is made by [[api_key]] in the settings."
    ),
    paths(messages::post_message),
    modifiers(&BearerKey)
)]
struct Api;

/// How callers prove themselves.
struct BearerKey;

impl Modify for BearerKey {
    fn modify(&self, document: &mut Document) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("The key of an [[api_key]]."));
        // A license without a name is none.
        document.info.license = None;
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("key", SecurityScheme::Http(scheme.build()));
    }
}

/// The document.
pub(super) fn document() -> Document {
    Api::openapi()
}
