//! An event that is being worked on, and its outcome.

use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use crate::access::Sender;
use crate::store::{Again, AuditEntry, Claimed, Closing, Effect, Entry};
use crate::verdict::Verdict;
use crate::webex::{MessageId, Person, PersonId, RoomId, RoomType};

/// The outcome of working on an event.
pub enum Outcome {
    /// It is worked on again.
    Again(Again),
    /// It moves to the lane of this entry.
    Moved(Box<Entry>),
    /// It is over.
    End(Box<EventEnd>),
}

/// Who is answered, and where.
#[derive(Clone)]
#[allow(missing_docs)]
pub struct ReplyTo {
    pub room: RoomId,
    pub room_type: RoomType,
    /// What they wrote, or the message with the card that they pressed.
    pub message: MessageId,
    pub thread: Option<MessageId>,
    pub sender: Sender,
}

/// An event, whom it is answered for, and by which rule.
#[derive(Clone, Copy)]
pub struct Case<'a> {
    /// The event's row.
    pub row: &'a Claimed,
    /// Who the bot is.
    pub me: &'a Person,
    /// Whom the bot answers, and where.
    pub to: &'a ReplyTo,
    /// The rule by which the bot answers them or not.
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

/// How an event ends, and what follows from it.
pub struct EventEnd {
    /// What its row says from then on.
    pub(super) closing: Closing,
    /// Its audit record; none for an event that no person caused. A record without an action gets the command's name.
    pub(super) audit: Option<AuditEntry>,
    /// Resource and event as labels for the metric, if the event is of a kind that handlers are for. Never text from
    /// outside.
    pub(super) handled: Option<[&'static str; 2]>,
    pub(super) is_dead: bool,
}

impl From<EventEnd> for Outcome {
    fn from(end: EventEnd) -> Self {
        Outcome::End(Box::new(end))
    }
}

impl Outcome {
    /// The event is worked on again after this pause. The try does not count.
    pub fn later(after: Duration, note: impl Into<String>) -> Outcome {
        Outcome::Again(Again { after, note: Some(note.into()), ..Again::default() })
    }

    /// Changes how the event ends, if it ends.
    #[must_use]
    pub fn map_end(self, change: impl FnOnce(EventEnd) -> EventEnd) -> Outcome {
        match self {
            Outcome::End(end) => change(*end).into(),
            Outcome::Again(_) | Outcome::Moved(_) => self,
        }
    }

    /// Adds these effects, if the event ends.
    #[must_use]
    pub fn with(self, effects: impl IntoIterator<Item = Effect>) -> Outcome {
        self.map_end(|end| end.with(effects))
    }
}

impl EventEnd {
    /// A rule or this reason decided about a person.
    pub fn of(to: &ReplyTo, verdict: Verdict, reason: &str) -> EventEnd {
        let place = match to.room_type {
            RoomType::Direct => "direct",
            RoomType::Group => "group",
        };
        let audit = AuditEntry {
            person: Some(to.sender.id.to_string()),
            email: Some(to.sender.email.clone()),
            room: Some(to.room.to_string()),
            place: Some(place),
            verdict,
            ..AuditEntry::default()
        };
        let mut end = EventEnd::audited_as(audit, verdict, reason);
        end.closing.subject = Some(to.sender.email.clone());
        end
    }

    /// The daemon ended something in this space. The audit says `ended`, whatever the verdict is.
    pub fn by_daemon(room: &str, verdict: Verdict, reason: &str) -> EventEnd {
        let (room, place) = (Some(room.to_owned()), Some("group"));
        let audit = AuditEntry { room, place, verdict: Verdict::Ended, ..AuditEntry::default() };
        EventEnd::audited_as(audit, verdict, reason)
    }

    /// The daemon called a handler for an event of another kind. `labels` are resource and event for the metric.
    pub fn of_event(labels: [&'static str; 2], actor: Option<&PersonId>, verdict: Verdict, reason: &str) -> EventEnd {
        let audit = AuditEntry { person: actor.map(ToString::to_string), verdict, ..AuditEntry::default() };
        EventEnd { handled: Some(labels), ..EventEnd::audited_as(audit, verdict, reason) }
    }

    /// The event ended before its sender was known. It is audited, since an earlier try may have run a command.
    pub fn unattributed(verdict: Verdict, note: impl Into<String>) -> EventEnd {
        let audit = AuditEntry { verdict, ..AuditEntry::default() };
        EventEnd::audited_as(audit, verdict, "nobody was judged at the end; the note of the event says why").noted(note)
    }

    /// No person caused the event, or the bot itself did: nothing is audited.
    pub fn unaudited(verdict: Verdict, note: impl Into<String>) -> EventEnd {
        let closing = Closing { verdict, note: Some(note.into()), ..Closing::default() };
        EventEnd { closing, audit: None, handled: None, is_dead: false }
    }

    /// The row and the audit have this reason.
    fn audited_as(audit: AuditEntry, verdict: Verdict, reason: &str) -> EventEnd {
        let audit = Some(AuditEntry { reason: reason.to_owned(), ..audit });
        EventEnd { audit, ..EventEnd::unaudited(verdict, reason) }
    }

    /// The event is a dead letter.
    #[must_use]
    pub fn dead(self) -> EventEnd {
        EventEnd { is_dead: true, ..self }
    }

    /// The event was about this command.
    #[must_use]
    pub fn command(mut self, name: &str) -> EventEnd {
        self.closing.label = Some(name.to_owned());
        self
    }

    /// The audit records this action, unless it has one: a command and its action, or the button.
    #[must_use]
    pub fn action(mut self, action: &str) -> EventEnd {
        if let Some(audit) = self.audit.as_mut().filter(|audit| audit.action.is_empty()) {
            action.clone_into(&mut audit.action);
        }
        self
    }

    /// The row has this note in place of the reason.
    #[must_use]
    pub fn noted(mut self, note: impl Into<String>) -> EventEnd {
        self.closing.note = Some(note.into());
        self
    }

    /// The audit has this in place of the reason.
    #[must_use]
    pub fn audited(mut self, reason: String) -> EventEnd {
        self.audit = self.audit.map(|audit| AuditEntry { reason, ..audit });
        self
    }

    /// The event belongs to the approval request with this reference, which the note and the audit then name.
    #[must_use]
    pub fn of_request(mut self, reference: &str) -> EventEnd {
        self.closing.note = self.closing.note.map(|note| format!("{note}; the request is {reference}"));
        let named = |audit: AuditEntry| AuditEntry { reason: format!("{} for {reference}", audit.reason), ..audit };
        self.audit = self.audit.map(named);
        self
    }

    /// The event answers the question that the reply to `event` asked.
    #[must_use]
    pub fn answering(mut self, event: Uuid) -> EventEnd {
        self.closing.answers = Some(event);
        self
    }

    /// Leaves this mark, if there is one, on the lane for the next claim.
    #[must_use]
    pub fn marked(mut self, mark: Option<Timestamp>) -> EventEnd {
        self.closing.mark = mark.map(|mark| mark.to_string());
        self
    }

    /// Puts these entries into the ledger after the others.
    #[must_use]
    pub fn then(mut self, entries: impl IntoIterator<Item = Entry>) -> EventEnd {
        self.closing.entries.extend(entries);
        self
    }

    /// Puts this entry into the ledger before the others.
    #[must_use]
    pub fn first(mut self, entry: Entry) -> EventEnd {
        self.closing.entries.insert(0, entry);
        self
    }

    /// Adds these effects.
    #[must_use]
    pub fn with(mut self, effects: impl IntoIterator<Item = Effect>) -> EventEnd {
        self.closing.effects.extend(effects);
        self
    }
}
