//! Questions that people may still answer: the newest of each person in each space.
//!
//! A question that was answered is kept for a while. So what it asked for can be tried again by hand, and a person who
//! answers late is told.

use uuid::Uuid;

/// A question to somebody in a space.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Conversation {
    pub room: String,
    pub person: String,
    /// The event whose reply asks the question.
    pub event: Uuid,
    /// When it was asked, in milliseconds since 1970.
    pub asked_at: i64,
    /// When the time to answer ends, in milliseconds since 1970. Words after that are no answer.
    pub until: i64,
    /// The question, which the store does not read.
    pub body: String,
    /// The event that answered it, or ended it in another way.
    pub ended_by: Option<Uuid>,
    /// The outbox row of the message that asks.
    pub message: Uuid,
    pub shown: QuestionShown,
}

/// Whether the person can have seen a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QuestionShown {
    /// They cannot: its message was not sent, or has not been sent yet.
    No,
    /// Its message is being sent.
    Sending,
    /// It is not known: a try may have had its effect, or Webex gave no time.
    Perhaps,
    /// Its message is in the space.
    At {
        /// When it came there, by Webex's clock, in milliseconds since 1970.
        at: i64,
        /// Webex's id of the message.
        message: String,
    },
}
