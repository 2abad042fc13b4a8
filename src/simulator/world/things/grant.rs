//! What a program holds that may act for a person.

use serde::{Deserialize, Serialize};

/// What a program gets when a person authorises it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Grant {
    pub client_id: String,
    pub client_secret: String,
    pub refresh_token: String,
    pub(crate) person_id: String,
}
