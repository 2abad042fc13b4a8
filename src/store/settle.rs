//! What becomes of a claimed row, and all that is written with it in the same transaction.

use std::time::Duration;

use uuid::Uuid;

use super::{ApprovalStep, AuditEntry, Claimed, Conversation, Entry, Queue, Receipt, RowState};
use crate::verdict::Verdict;

/// What becomes of a claimed row. It takes effect only while the lease is still held.
#[derive(Clone, Debug)]
pub struct Settlement {
    pub(super) row: Claimed,
    pub(super) step: SettlementStep,
}

#[derive(Clone, Debug)]
pub(super) enum SettlementStep {
    Close {
        state: RowState,
        closing: Box<Closing>,
        entries: Vec<Entry>,
    },
    Again(Again),
    /// It belongs to this lane, which its body then says: it takes its place there.
    Move {
        queue: Queue,
        lane: String,
        body: String,
    },
}

/// A row that stays open.
#[derive(Clone, Debug, Default)]
pub struct Again {
    /// The pause of its lane: nothing overtakes it.
    pub after: Duration,
    /// Whether the try counts.
    pub spent: bool,
    /// Whether the try may have had its effect.
    pub uncertain: bool,
    /// Why, for whoever looks.
    pub note: Option<String>,
}

/// What a closed row tells whoever asks later.
#[derive(Clone, Debug, Default)]
pub struct Closing {
    /// One word: why it ended so.
    pub verdict: Verdict,
    /// Who it was about.
    pub subject: Option<String>,
    /// What it was about.
    pub label: Option<String>,
    /// A sentence.
    pub note: Option<String>,
    /// What there is to show for a letter.
    pub receipt: Option<Receipt>,
    /// Left on the lane for the next claim.
    pub mark: Option<String>,
    /// The event whose question it answers.
    pub answers: Option<Uuid>,
    /// What is audited of it, of this event where none is named.
    pub audit: Vec<AuditEntry>,
    /// What else is changed with it, in the same transaction.
    pub effects: Vec<Effect>,
}

/// What a closed row changes besides itself, or does not if its lease was lost.
#[derive(Clone, Debug)]
pub enum Effect {
    /// The one use of a card is spent, which is remembered until then, in milliseconds since 1970.
    Use {
        /// The card.
        card: Uuid,
        /// Until when.
        until: i64,
        /// What it was spent on, by the action's name.
        action: Option<String>,
    },
    /// Somebody is asked something, and nothing else any more in that space.
    Ask(Conversation),
    /// The message that asks somebody something is in the space: their time begins.
    Shown {
        /// Where.
        room: String,
        /// Who.
        person: String,
        /// The event whose reply asks.
        event: Uuid,
        /// When by Webex's clock, in milliseconds since 1970.
        at: i64,
        /// Webex's id of the message.
        message: String,
    },
    /// What somebody was asked is over, unless they were asked something else meanwhile.
    End {
        /// Where.
        room: String,
        /// Who.
        person: String,
        /// The event whose reply asked.
        event: Uuid,
    },
    /// A letter was posted by this key: as the root of a thread, of which this is the message's id, or in the thread that
    /// is there.
    Thread {
        /// The thread's key.
        key: String,
        /// The new root.
        root: Option<String>,
    },
    /// The message of this letter was edited.
    Edited(Uuid),
    /// Somebody asks for the approval of others, gives theirs, or ends it.
    Approval(ApprovalStep),
}

impl Claimed {
    /// Closes the row as done and, in the same transaction, adds what follows from it.
    pub fn done(self, closing: Closing, entries: Vec<Entry>) -> Settlement {
        self.close(RowState::Done, closing, entries)
    }

    /// Closes the row as a dead letter; its lane goes on.
    pub fn dead(self, closing: Closing, entries: Vec<Entry>) -> Settlement {
        self.close(RowState::Dead, closing, entries)
    }

    fn close(self, state: RowState, mut closing: Closing, entries: Vec<Entry>) -> Settlement {
        closing.audit.iter_mut().for_each(|entry| entry.event = entry.event.or(Some(self.id)));
        Settlement { row: self, step: SettlementStep::Close { state, closing: Box::new(closing), entries } }
    }

    /// Leaves the row open and its lane waiting.
    pub fn again(self, again: Again) -> Settlement {
        Settlement { row: self, step: SettlementStep::Again(again) }
    }

    /// Puts the row where this entry says that it belongs, with the entry's body. It is claimed again there, in order.
    pub fn moved(self, entry: Entry) -> Settlement {
        let Entry { queue, lane, body, .. } = entry;
        Settlement { row: self, step: SettlementStep::Move { queue, lane, body } }
    }
}

impl Settlement {
    /// Whether it closes the row.
    pub fn closes(&self) -> bool {
        matches!(self.step, SettlementStep::Close { .. })
    }

    /// The row it is about.
    pub fn row_id(&self) -> Uuid {
        self.row.id
    }

    /// What is put into the ledger with it.
    pub(super) fn entries(&self) -> &[Entry] {
        match &self.step {
            SettlementStep::Close { entries, .. } => entries,
            SettlementStep::Again(_) | SettlementStep::Move { .. } => &[],
        }
    }

    /// What is audited with it.
    pub(super) fn audit(&self) -> &[AuditEntry] {
        match &self.step {
            SettlementStep::Close { closing, .. } => &closing.audit,
            SettlementStep::Again(_) | SettlementStep::Move { .. } => &[],
        }
    }

    /// Whether the end of a request has to be looked out for since.
    pub(super) fn asks(&self) -> bool {
        let asks =
            |effect: &Effect| matches!(effect, Effect::Approval(ApprovalStep::Ask(_) | ApprovalStep::Unasked { .. }));
        match &self.step {
            // What is given up may be the card of one, or its run.
            SettlementStep::Close { state: RowState::Dead, .. } => true,
            SettlementStep::Close { closing, .. } => closing.effects.iter().any(asks),
            SettlementStep::Again(_) | SettlementStep::Move { .. } => false,
        }
    }
}
