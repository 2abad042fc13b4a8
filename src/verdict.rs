//! How an event, a letter or an act ended, in one word. Pure.

use serde::{Serialize, Serializer};

/// How something ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// A command or an action replied.
    Answered,
    /// The bot said why it does not do what was asked.
    Declined,
    /// The arguments were wrong, and the usage was told.
    Usage,
    /// It was given up.
    Failed,
    /// Nothing was said, and the bot said so.
    Empty,
    /// No command has this name, and the bot said so.
    Unknown,
    /// It answers a question whose time is over.
    Late,
    /// A question was called off.
    Cancelled,
    /// It was put before those who may approve it.
    Awaiting,
    /// It counted as an approval.
    Counted,
    /// It ended what waited for approval.
    Ended,
    /// The time of what waited for approval was over.
    Expired,
    /// By a rule they may not.
    Denied,
    /// Somebody unknown got a code.
    Stranger,
    /// More strangers wrote than get a code.
    Crowd,
    /// They said too much at a time.
    Flooded,
    /// The bot did it itself.
    Own,
    /// There was nothing to do about it.
    Noted,
    /// It was not meant for the bot.
    Ignored,
    /// What it was about is not there.
    Gone,
    /// This version cannot read it.
    Unreadable,
    /// It is of a kind that nobody works on.
    Unhandled,
    /// An operator dropped it.
    Dropped,
    /// Webex has taken the message.
    Sent,
    /// Webex has not taken it.
    Refused,
    /// The message was deleted.
    Deleted,
    /// The message stays.
    Kept,
    /// An operator, or the daemon, did it.
    #[default]
    Done,
    /// The audit is sealed from here on.
    Sealed,
    /// It is sealed with another key from here on.
    Resealed,
    /// It is not sealed from here on.
    Unsealed,
    /// The audit is not as it was written.
    Broken,
}

impl Verdict {
    const ALL: [Verdict; 32] = [
        Verdict::Answered,
        Verdict::Declined,
        Verdict::Usage,
        Verdict::Failed,
        Verdict::Empty,
        Verdict::Unknown,
        Verdict::Late,
        Verdict::Cancelled,
        Verdict::Awaiting,
        Verdict::Counted,
        Verdict::Ended,
        Verdict::Expired,
        Verdict::Denied,
        Verdict::Stranger,
        Verdict::Crowd,
        Verdict::Flooded,
        Verdict::Own,
        Verdict::Noted,
        Verdict::Ignored,
        Verdict::Gone,
        Verdict::Unreadable,
        Verdict::Unhandled,
        Verdict::Dropped,
        Verdict::Sent,
        Verdict::Refused,
        Verdict::Deleted,
        Verdict::Kept,
        Verdict::Done,
        Verdict::Sealed,
        Verdict::Resealed,
        Verdict::Unsealed,
        Verdict::Broken,
    ];

    /// The word in the ledger, the log and the metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Verdict::Answered => "answered",
            Verdict::Declined => "declined",
            Verdict::Usage => "usage",
            Verdict::Failed => "failed",
            Verdict::Empty => "empty",
            Verdict::Unknown => "unknown",
            Verdict::Late => "late",
            Verdict::Cancelled => "cancelled",
            Verdict::Awaiting => "awaiting",
            Verdict::Counted => "counted",
            Verdict::Ended => "ended",
            Verdict::Expired => "expired",
            Verdict::Denied => "denied",
            Verdict::Stranger => "stranger",
            Verdict::Crowd => "crowd",
            Verdict::Flooded => "flooded",
            Verdict::Own => "own",
            Verdict::Noted => "noted",
            Verdict::Ignored => "ignored",
            Verdict::Gone => "gone",
            Verdict::Unreadable => "unreadable",
            Verdict::Unhandled => "unhandled",
            Verdict::Dropped => "dropped",
            Verdict::Sent => "sent",
            Verdict::Refused => "refused",
            Verdict::Deleted => "deleted",
            Verdict::Kept => "kept",
            Verdict::Done => "done",
            Verdict::Sealed => "sealed",
            Verdict::Resealed => "resealed",
            Verdict::Unsealed => "unsealed",
            Verdict::Broken => "broken",
        }
    }

    /// The verdict of a word in the ledger; none of a word that this version does not know.
    pub fn of(word: &str) -> Option<Verdict> {
        Verdict::ALL.into_iter().find(|verdict| verdict.word() == word)
    }

    /// Whether somebody was refused, by the rules of who is answered and how much.
    pub fn is_refusal(self) -> bool {
        matches!(self, Verdict::Denied | Verdict::Stranger | Verdict::Crowd | Verdict::Flooded)
    }

    /// Whether the bot did, or said in full, what could be done about it.
    pub fn is_answer(self) -> bool {
        matches!(self, Verdict::Answered | Verdict::Declined | Verdict::Usage | Verdict::Unknown | Verdict::Empty)
    }

    /// What it means for people, as a clause; `told` is whether the person has, or gets, a reply.
    pub fn meaning(self, told: bool) -> &'static str {
        match self {
            Verdict::Answered => "answered",
            Verdict::Awaiting => "not run yet, but put before those who may approve it",
            Verdict::Counted => "counted as an approval",
            Verdict::Ended | Verdict::Expired => "ended what waited for approval",
            Verdict::Usage => "answered with the usage line",
            Verdict::Declined => "answered that it cannot be done",
            Verdict::Cancelled => "answered that what was asked is cancelled",
            Verdict::Late => "answered that the time of the question is over; by this rule they may ask",
            Verdict::Unknown => "answered that no command has this name; by this rule they may ask",
            Verdict::Empty => "answered that nothing was said; by this rule they may ask",
            Verdict::Denied if told => "answered only that they may not",
            Verdict::Stranger => "not answered but with a code to be let in",
            Verdict::Flooded if told => "answered only that it was too much",
            Verdict::Crowd | Verdict::Flooded => "not answered, since it was too much",
            Verdict::Denied | Verdict::Own | Verdict::Ignored | Verdict::Noted | Verdict::Unhandled => "not answered",
            Verdict::Gone => "not answered, since it was deleted or is not for the bot",
            Verdict::Dropped => "dropped by an operator",
            Verdict::Failed
            | Verdict::Unreadable
            | Verdict::Sent
            | Verdict::Refused
            | Verdict::Deleted
            | Verdict::Kept
            | Verdict::Done
            | Verdict::Sealed
            | Verdict::Resealed
            | Verdict::Unsealed
            | Verdict::Broken => self.word(),
        }
    }
}

impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_found_by_its_word() {
        for verdict in Verdict::ALL {
            assert_eq!(Verdict::of(verdict.word()), Some(verdict));
        }
        assert_eq!(Verdict::of("exploded"), None);
    }
}
