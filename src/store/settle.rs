//! What becomes of a claimed row, and all that is written with it in the same transaction.

use std::time::Duration;

use uuid::Uuid;

use super::{ApprovalStep, AuditEntry, Claimed, Conversation, Entry, Queue, Receipt, RowState};
use crate::verdict::Verdict;

/// How a claimed row is settled. Nothing is written if its lease was lost.
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
    },
    Again(Again),
    /// Moves the row into another lane, where it takes its place in order. Its new body names that lane.
    Move {
        queue: Queue,
        lane: String,
        body: String,
    },
}

/// A row that stays open.
#[derive(Clone, Debug, Default)]
pub struct Again {
    /// How long its lane pauses. No other row of the lane overtakes it.
    pub after: Duration,
    /// Whether the try counts.
    pub spent: bool,
    /// Whether the try may have had its effect.
    pub uncertain: bool,
    /// Why it stays open, for people.
    pub note: Option<String>,
}

/// What is kept of a closed row, and what is written with it.
#[derive(Clone, Debug, Default)]
pub struct Closing {
    /// How it ended, in one word.
    pub verdict: Verdict,
    /// Who it was about.
    pub subject: Option<String>,
    /// What it was about.
    pub label: Option<String>,
    /// Why it ended so, in a sentence.
    pub note: Option<String>,
    /// Webex's receipt of a letter.
    pub receipt: Option<Receipt>,
    /// Written on the lane, for the next claim to read.
    pub mark: Option<String>,
    /// The event whose question it answers.
    pub answers: Option<Uuid>,
    /// Audit entries. One that names no event is about this row.
    pub audit: Vec<AuditEntry>,
    /// Rows that are put into the ledger with it.
    pub entries: Vec<Entry>,
    /// Other changes in the same transaction.
    pub effects: Vec<Effect>,
}

/// A change that is written with a closed row. It is not made if the lease was lost.
#[derive(Clone, Debug)]
pub enum Effect {
    /// The one use of a card is spent.
    Use {
        /// The card.
        card: Uuid,
        /// Until when that is remembered, in milliseconds since 1970.
        until: i64,
        /// The name of the action it was spent on.
        action: Option<String>,
    },
    /// Somebody is asked a question. It replaces their earlier one in that space.
    Ask(Conversation),
    /// The message of a question is in the space: the time to answer begins.
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
    /// A question is over, unless a newer one replaced it meanwhile.
    End {
        /// Where.
        room: String,
        /// Who.
        person: String,
        /// The event whose reply asked.
        event: Uuid,
    },
    /// A letter was posted under a thread's key, as the root of the thread or as an answer in it.
    Thread {
        /// The thread's key.
        key: String,
        /// Webex's id of the message, if it is the root.
        root: Option<String>,
    },
    /// The message of this letter was edited.
    Edited(Uuid),
    /// A step of a request for approval.
    Approval(ApprovalStep),
}

impl Claimed {
    /// Closes the row as done and, in the same transaction, adds what follows from it.
    pub fn done(self, closing: Closing) -> Settlement {
        self.close(RowState::Done, closing)
    }

    /// Closes the row as a dead letter; its lane goes on.
    pub fn dead(self, closing: Closing) -> Settlement {
        self.close(RowState::Dead, closing)
    }

    fn close(self, state: RowState, mut closing: Closing) -> Settlement {
        closing.audit.iter_mut().for_each(|entry| entry.event = entry.event.or(Some(self.id)));
        Settlement { row: self, step: SettlementStep::Close { state, closing: Box::new(closing) } }
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
    /// The row, if this closes it.
    pub fn closed_row(&self) -> Option<Uuid> {
        matches!(self.step, SettlementStep::Close { .. }).then_some(self.row.id)
    }

    /// What is put into the ledger with it.
    pub(super) fn entries(&self) -> &[Entry] {
        match &self.step {
            SettlementStep::Close { closing, .. } => &closing.entries,
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

    /// Whether it may begin or end a request for approval, so that the task that ends them has to look.
    pub(super) fn touches_approvals(&self) -> bool {
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
