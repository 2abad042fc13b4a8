//! How an event, a letter or an act ended, in one word. Pure.

use serde::{Serialize, Serializer};

macro_rules! verdicts {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)+) => {
        /// How something ended.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub enum Verdict {
            $($(#[$doc])* $name,)+
        }

        impl Verdict {
            const ALL: &[Verdict] = &[$(Verdict::$name),+];

            /// The word in the ledger, the log and the metrics.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Verdict::$name => $word,)+
                }
            }
        }
    };
}

verdicts! {
    /// A command or an action replied.
    Answered = "answered",
    /// The bot refused to do what was asked, and said why.
    Declined = "declined",
    /// The arguments were wrong, and the bot showed the usage.
    Usage = "usage",
    /// It was given up.
    Failed = "failed",
    /// The message had no words, and the bot said so.
    Empty = "empty",
    /// No command has the name that was typed, and the bot said so.
    Unknown = "unknown",
    /// It answered a question whose time was over.
    Late = "late",
    /// It cancelled a question.
    Cancelled = "cancelled",
    /// It waits for the approval of others.
    Awaiting = "awaiting",
    /// It counted as an approval.
    Counted = "counted",
    /// It ended an approval request.
    Ended = "ended",
    /// The time of an approval request was over.
    Expired = "expired",
    /// A rule forbids it to this person.
    Denied = "denied",
    /// A stranger got a code.
    Stranger = "stranger",
    /// A stranger got no code, since too many strangers wrote.
    Crowd = "crowd",
    /// The person or the space was over the limit of messages.
    Flooded = "flooded",
    /// The bot did it itself.
    Own = "own",
    /// There was nothing to do.
    Noted = "noted",
    /// It was not meant for the bot.
    Ignored = "ignored",
    /// The thing it was about no longer exists.
    Gone = "gone",
    /// This version cannot read it.
    Unreadable = "unreadable",
    /// It is of a kind that nobody works on.
    Unhandled = "unhandled",
    /// An operator dropped it.
    Dropped = "dropped",
    /// Webex accepted the message.
    Sent = "sent",
    /// Webex refused the message.
    Refused = "refused",
    /// Webex edited the message.
    Edited = "edited",
    /// A later edit of the same message took its place.
    Folded = "folded",
    /// The message was deleted.
    Deleted = "deleted",
    /// The message was not deleted.
    Kept = "kept",
    /// An operator, or the daemon, did it.
    #[default]
    Done = "done",
    /// The audit is sealed from here on.
    Sealed = "sealed",
    /// It is sealed with another key from here on.
    Resealed = "resealed",
    /// It is not sealed from here on.
    Unsealed = "unsealed",
    /// The audit is not as it was written.
    Broken = "broken",
}

impl Verdict {
    /// The verdict with this word in the ledger. None if this version does not know the word.
    pub fn of(word: &str) -> Option<Verdict> {
        Verdict::ALL.iter().copied().find(|verdict| verdict.word() == word)
    }

    /// Whether the rules of who is answered, and how much, refused somebody.
    pub fn is_refusal(self) -> bool {
        matches!(self, Verdict::Denied | Verdict::Stranger | Verdict::Crowd | Verdict::Flooded)
    }

    /// Whether the bot did everything that could be done about it, or said all there was to say.
    pub fn is_answer(self) -> bool {
        matches!(self, Verdict::Answered | Verdict::Declined | Verdict::Usage | Verdict::Unknown | Verdict::Empty)
    }

    /// The meaning for people, as a clause. `told` says whether the person gets a reply, or got one.
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
            | Verdict::Edited
            | Verdict::Folded
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
            assert_eq!(Verdict::of(verdict.word()), Some(*verdict));
        }
        assert_eq!(Verdict::of("exploded"), None);
    }
}
