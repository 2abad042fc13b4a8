//! What becomes of an event.

use std::borrow::Cow;

use uuid::Uuid;

use crate::access::Sender;
use crate::store::{Again, AuditEntry, Effect, Entry};
use crate::verdict::Verdict;
use crate::webex::{MessageId, PersonId, RoomId, RoomType};

/// What becomes of an event.
pub enum Outcome {
    /// It is worked on again.
    Again(Again),
    /// It belongs to the lane of this entry.
    Moved(Entry),
    /// It is over.
    End(Box<End>),
}

/// Who is answered, and where.
#[derive(Clone)]
#[allow(missing_docs)]
pub struct ReplyTo {
    pub room: RoomId,
    pub room_type: RoomType,
    pub thread: Option<MessageId>,
    pub sender: Sender,
}

/// How an event ends, and what follows from it.
pub struct End {
    pub(super) verdict: Verdict,
    pub(super) reason: Cow<'static, str>,
    pub(super) note: Option<String>,
    pub(super) is_dead: bool,
    /// Who did it, and where, for the audit; what nobody asked for is not audited.
    pub(super) who: Option<AuditEntry>,
    /// The address of whoever was judged.
    pub(super) subject: Option<String>,
    pub(super) command: Option<String>,
    pub(super) action: Option<String>,
    pub(super) audited_verdict: Option<Verdict>,
    pub(super) audited_reason: Option<String>,
    pub(super) request: Option<String>,
    pub(super) answers: Option<Uuid>,
    pub(super) mark: Option<String>,
    pub(super) entries: Vec<Entry>,
    pub(super) effects: Vec<Effect>,
}

impl From<End> for Outcome {
    fn from(end: End) -> Self {
        Outcome::End(Box::new(end))
    }
}

impl Outcome {
    /// Changed in how the event ends, if it does.
    #[must_use]
    pub fn map_end(self, change: impl FnOnce(End) -> End) -> Outcome {
        match self {
            Outcome::End(end) => change(*end).into(),
            Outcome::Again(_) | Outcome::Moved(_) => self,
        }
    }

    /// With these effects, if the event ends.
    #[must_use]
    pub fn with(self, effects: impl IntoIterator<Item = Effect>) -> Outcome {
        self.map_end(|end| effects.into_iter().fold(end, End::with))
    }
}

impl End {
    /// Somebody was judged, by this rule or for this reason.
    pub fn of(to: &ReplyTo, verdict: Verdict, reason: impl Into<Cow<'static, str>>) -> End {
        let who = AuditEntry {
            person: Some(to.sender.id.to_string()),
            email: Some(to.sender.email.clone()),
            room: Some(to.room.to_string()),
            place: Some(match to.room_type {
                RoomType::Direct => "direct",
                RoomType::Group => "group",
            }),
            ..AuditEntry::default()
        };
        End { who: Some(who), subject: Some(to.sender.email.clone()), ..End::unaudited(verdict, reason) }
    }

    /// The daemon ended something in this space; that is all the audit says of the verdict.
    pub fn by_daemon(room: &str, verdict: Verdict, reason: impl Into<Cow<'static, str>>) -> End {
        let who = AuditEntry { room: Some(room.to_owned()), place: Some("group"), ..AuditEntry::default() };
        End { who: Some(who), audited_verdict: Some(Verdict::Ended), ..End::unaudited(verdict, reason) }
    }

    /// The daemon called a handler for what somebody did elsewhere.
    pub fn of_event(actor: Option<&PersonId>, verdict: Verdict, reason: &'static str) -> End {
        let who = AuditEntry { person: actor.map(ToString::to_string), ..AuditEntry::default() };
        End { who: Some(who), ..End::unaudited(verdict, reason) }
    }

    /// It ended before anybody could be judged. It is audited all the same: it may have been tried before.
    pub fn unattributed(verdict: Verdict, note: impl Into<String>) -> End {
        let reason = "nobody was judged at the end; the note of the event says why";
        End { who: Some(AuditEntry::default()), note: Some(note.into()), ..End::unaudited(verdict, reason) }
    }

    /// Nobody asked for it, or the bot itself made it.
    pub fn unaudited(verdict: Verdict, reason: impl Into<Cow<'static, str>>) -> End {
        End {
            verdict,
            reason: reason.into(),
            note: None,
            is_dead: false,
            who: None,
            subject: None,
            command: None,
            action: None,
            audited_verdict: None,
            audited_reason: None,
            request: None,
            answers: None,
            mark: None,
            entries: Vec::new(),
            effects: Vec::new(),
        }
    }

    /// It is a dead letter.
    #[must_use]
    pub fn dead(self) -> End {
        End { is_dead: true, ..self }
    }

    /// It was about this command.
    #[must_use]
    pub fn command(self, name: &str) -> End {
        End { command: Some(name.to_owned()), ..self }
    }

    /// It is audited as this: a command and its action, or what was pressed.
    #[must_use]
    pub fn action(self, action: &str) -> End {
        End { action: Some(action.to_owned()), ..self }
    }

    /// The same, unless it is audited as something already.
    #[must_use]
    pub fn pressed(self, action: &str) -> End {
        if self.action.is_some() { self } else { self.action(action) }
    }

    /// What whoever looks is told in place of the reason.
    #[must_use]
    pub fn noted(self, note: impl Into<String>) -> End {
        End { note: Some(note.into()), ..self }
    }

    /// What the audit has in place of the reason.
    #[must_use]
    pub fn audited(self, reason: String) -> End {
        End { audited_reason: Some(reason), ..self }
    }

    /// It belongs to the request for approval that people know by this reference.
    #[must_use]
    pub fn of_request(self, reference: String) -> End {
        End { request: Some(reference), ..self }
    }

    /// It answers the question of this event's reply.
    #[must_use]
    pub fn answering(self, event: Uuid) -> End {
        End { answers: Some(event), ..self }
    }

    /// Leaves this on the lane for the next claim.
    #[must_use]
    pub fn marked(self, mark: String) -> End {
        End { mark: Some(mark), ..self }
    }

    /// Puts this into the ledger with it, after what is put there already.
    #[must_use]
    pub fn then(mut self, entries: impl IntoIterator<Item = Entry>) -> End {
        self.entries.extend(entries);
        self
    }

    /// Puts this into the ledger with it, before all else.
    #[must_use]
    pub fn first(mut self, entry: Option<Entry>) -> End {
        self.entries.splice(0..0, entry);
        self
    }

    /// Has this effect.
    #[must_use]
    pub fn with(mut self, effect: Effect) -> End {
        self.effects.push(effect);
        self
    }
}
