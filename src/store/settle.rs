//! Settlements of claimed rows, with everything that is written in the same transaction.

use std::time::Duration;

use uuid::Uuid;

use super::{ApprovalStep, AuditEntry, Claimed, Conversation, Entry, Queue, Receipt, RowState, Urgency};
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
    /// Moves the row into another lane, where it goes to its place in the order. Its new body names that lane.
    Move {
        queue: Queue,
        lane: String,
        body: String,
        urgency: Urgency,
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

/// What is stored of a closed row, and what is written with it.
#[derive(Clone, Debug, Default)]
pub struct Closing {
    /// How it ended, in one word.
    pub verdict: Verdict,
    /// The person it was about.
    pub subject: Option<String>,
    /// The command or kind of event it was about.
    pub label: Option<String>,
    /// Why it ended in this way, in a sentence.
    pub note: Option<String>,
    /// Webex's receipt of a letter.
    pub receipt: Option<Receipt>,
    /// A mark that is stored on the lane for the next claim to read.
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
    /// Records that a card which works once was used.
    Use {
        /// The card.
        card: Uuid,
        /// Until when this is remembered, in milliseconds since 1970.
        until: i64,
        /// The name of the action it was used for.
        action: Option<String>,
    },
    /// Asks somebody a question. It replaces their earlier question in that space.
    Ask(Conversation),
    /// Records that the message of a question is in the space. The time to answer begins.
    Shown {
        /// The space.
        room: String,
        /// The person who is asked.
        person: String,
        /// The event whose reply asks the question.
        event: Uuid,
        /// When it came there, by Webex's clock, in milliseconds since 1970.
        at: i64,
        /// Webex's id of the message.
        message: String,
    },
    /// Ends a question, unless a newer one has replaced it meanwhile.
    End {
        /// The space.
        room: String,
        /// The person who was asked.
        person: String,
        /// The event whose reply asked the question.
        event: Uuid,
    },
    /// Records that a letter was posted with the key of a thread, as the root of the thread or as an answer in it.
    Thread {
        /// The thread's key.
        key: String,
        /// Webex's id of the message, if it is the root.
        root: Option<String>,
        /// What the root shows from now on, if letters keep that up to date.
        shows: Option<RootText>,
    },
    /// Records that the message of this letter was edited.
    Edited(Uuid),
    /// Records how something stands that a hook is told of, for the next delivery about it.
    HookState {
        /// The hook, and what the state is of.
        key: String,
        /// The state, or a digest of what was said.
        state: String,
    },
    /// Makes a step of a request for approval.
    Approval(ApprovalStep),
    /// Records that people were told of the silence of a hook, or of its end.
    Silence {
        /// The name of the hook.
        hook: String,
        /// When the silence began, in milliseconds since 1970. None if it has ended.
        since: Option<i64>,
    },
}

/// What the root of a thread shows.
#[derive(Clone, Debug)]
pub struct RootText {
    /// The state that it shows.
    pub state: String,
    /// The hash of the text.
    pub digest: String,
    /// The address of the message that was the root before, if this is a new one.
    pub before: Option<String>,
}

impl Claimed {
    /// Closes the row as done and, in the same transaction, adds what follows from it.
    pub fn done(self, closing: Closing) -> Settlement {
        self.close(RowState::Done, closing)
    }

    /// Closes the row as a dead letter. Its lane goes on.
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

    /// Moves the row to the place that this entry names, with the entry's body. It is claimed again there, in order.
    pub fn moved(self, entry: Entry) -> Settlement {
        let Entry { queue, lane, body, urgency, .. } = entry;
        Settlement { row: self, step: SettlementStep::Move { queue, lane, body, urgency } }
    }
}

impl Settlement {
    /// The row, if this settlement closes it.
    pub fn closed_row(&self) -> Option<Uuid> {
        matches!(self.step, SettlementStep::Close { .. }).then_some(self.row.id)
    }

    /// The entries that are put into the ledger with it.
    pub(super) fn entries(&self) -> &[Entry] {
        match &self.step {
            SettlementStep::Close { closing, .. } => &closing.entries,
            SettlementStep::Again(_) | SettlementStep::Move { .. } => &[],
        }
    }

    /// The entries that are audited with it.
    pub(super) fn audit(&self) -> &[AuditEntry] {
        match &self.step {
            SettlementStep::Close { closing, .. } => &closing.audit,
            SettlementStep::Again(_) | SettlementStep::Move { .. } => &[],
        }
    }

    /// Whether it may begin or end a request for approval. Then the task that ends such requests has to look.
    pub(super) fn touches_approvals(&self) -> bool {
        let asks =
            |effect: &Effect| matches!(effect, Effect::Approval(ApprovalStep::Ask(_) | ApprovalStep::Unasked { .. }));
        match &self.step {
            // The row that is given up may be the card of a request, or its run.
            SettlementStep::Close { state: RowState::Dead, .. } => true,
            SettlementStep::Close { closing, .. } => closing.effects.iter().any(asks),
            SettlementStep::Again(_) | SettlementStep::Move { .. } => false,
        }
    }
}
