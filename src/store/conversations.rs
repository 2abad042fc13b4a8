//! What people were asked and may still answer: one question a person and space, the newest.
//!
//! A row that was answered stays for a while: what it asked for can be tried again by hand, and whoever is late is
//! told.

use uuid::Uuid;

/// What somebody was asked in a space.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Conversation {
    pub room: String,
    pub person: String,
    /// The event whose reply asks.
    pub event: Uuid,
    /// Milliseconds since 1970.
    pub asked_at: i64,
    /// Milliseconds since 1970: what is said later is no answer.
    pub until: i64,
    /// Opaque to the store.
    pub body: String,
    /// The event that answered it, or ended it otherwise.
    pub ended_by: Option<Uuid>,
    /// The row of the outbox whose message asks.
    pub message: Uuid,
    pub shown: QuestionShown,
}

/// Whether somebody can have seen what they were asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QuestionShown {
    /// Nobody can: its message was not sent, or not yet.
    No,
    /// Its message is being sent.
    Sending,
    /// Nobody knows: the try may have had its effect, or Webex did not say when.
    Perhaps,
    /// Its message is in the space.
    At {
        /// When by Webex's clock, in milliseconds since 1970.
        at: i64,
        /// Webex's id of the message.
        message: String,
    },
}
