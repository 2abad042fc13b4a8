//! A secret that a letter tells. The ledger has only its place in the text, and the sender fills it in when it posts.

use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::redact::Redactor;
use crate::signature::{DerivedForm, SecretKey};
use crate::webex::{Error, NewMessage};

/// The place of the secret in a text.
pub(crate) const SECRET_PLACE: &str = "{secret}";

/// What the secret of a letter is derived from, with a key that is not in the ledger.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct LetterSecret {
    pub salt: Uuid,
    pub form: DerivedForm,
}

impl LetterSecret {
    /// The message with the secret in its places. None if it cannot be derived.
    pub(super) fn fill(self, message: &NewMessage, key: Option<&SecretKey>) -> Option<NewMessage> {
        let secret = key?.derive(self.salt, self.form)?;
        let filled =
            |text: &Option<String>| text.as_ref().map(|text| text.replace(SECRET_PLACE, secret.expose_secret()));
        Some(NewMessage { text: filled(&message.text), markdown: filled(&message.markdown), ..message.clone() })
    }

    /// The error without the secret, which Webex may have repeated.
    pub(super) fn take_out(self, error: Error, key: Option<&SecretKey>) -> Error {
        match key.and_then(|key| key.derive(self.salt, self.form)) {
            Some(secret) => error.sanitized(&Redactor::default().with(secret.expose_secret(), SECRET_PLACE)),
            None => error,
        }
    }
}
