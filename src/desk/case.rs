//! What is worked on once a rule has decided about the sender of an event.

use super::{EventEnd, ReplyTo};
use crate::store::Claimed;
use crate::verdict::Verdict;
use crate::webex::Person;

/// An event, whom it is answered for, and by which rule.
#[derive(Clone, Copy)]
pub struct Case<'a> {
    /// The event's row.
    pub row: &'a Claimed,
    /// Who the bot is.
    pub me: &'a Person,
    /// Whom the bot answers, and where.
    pub to: &'a ReplyTo,
    /// The rule by which it does, or does not.
    pub rule: &'static str,
}

impl Case<'_> {
    /// Ends the event by the case's rule.
    pub fn end(&self, verdict: Verdict) -> EventEnd {
        EventEnd::of(self.to, verdict, self.rule)
    }
}

/// A refusal that the person reads.
pub struct SpokenRefusal {
    /// How the event ends.
    pub verdict: Verdict,
    /// Why, for operators.
    pub reason: &'static str,
    /// What the person reads.
    pub says: String,
}

impl SpokenRefusal {
    /// Nobody is at fault: the event is declined.
    pub fn declined(reason: &'static str, says: impl Into<String>) -> SpokenRefusal {
        SpokenRefusal { verdict: Verdict::Declined, reason, says: says.into() }
    }

    /// The person may not.
    pub fn denied(reason: &'static str, says: impl Into<String>) -> SpokenRefusal {
        SpokenRefusal { verdict: Verdict::Denied, reason, says: says.into() }
    }
}
