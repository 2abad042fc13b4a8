//! Who is answered.

use crate::webex::PersonId;

/// Who wrote the message. Taken from the message as Webex gives it, never from the webhook.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Sender {
    pub id: PersonId,
    pub email: String,
}
