//! Questions that people may still answer: the newest of each person in each space.
//!
//! A row that was answered stays for a while: what it asked for can be tried again by hand, and whoever is late is
//! told.

use uuid::Uuid;

/// A question to somebody in a space.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Conversation {
    pub room: String,
    pub person: String,
    /// The event whose reply asks.
    pub event: Uuid,
    /// Milliseconds since 1970.
    pub asked_at: i64,
    /// Milliseconds since 1970. What is said later is no answer.
    pub until: i64,
    /// Opaque to the store.
    pub body: String,
    /// The event that answered it, or ended it otherwise.
    pub ended_by: Option<Uuid>,
    /// The row of the outbox whose message asks.
    pub message: Uuid,
    pub shown: QuestionShown,
}

/// Whether the person can have seen the question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QuestionShown {
    /// They cannot: its message was not sent, or not yet.
    No,
    /// Its message is being sent.
    Sending,
    /// It is not known: a try may have had its effect, or Webex gave no time.
    Perhaps,
    /// Its message is in the space.
    At {
        /// When by Webex's clock, in milliseconds since 1970.
        at: i64,
        /// Webex's id of the message.
        message: String,
    },
}
