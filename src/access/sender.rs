//! The person whom the bot answers.

use crate::webex::PersonId;

/// The person who wrote a message. It is taken from the message that Webex gives, never from the webhook.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Sender {
    pub id: PersonId,
    pub email: String,
}
