//! What a program has that somebody lets act for them.

use serde::{Deserialize, Serialize};

/// What a program was given when somebody authorised it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Grant {
    pub client_id: String,
    pub client_secret: String,
    pub refresh_token: String,
    pub(crate) person_id: String,
}
