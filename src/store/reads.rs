//! Reads of the ledger. They use connections of their own, so they never hold up the writer.
//!
//! A read that fails changes nothing, so the caller may try again.

use std::collections::HashMap;

use bytes::Bytes;
use uuid::Uuid;

use super::audit::verify;
use super::{
    Approval, AuditRow, ChatHook, Claimed, Conversation, Coverage, ExpectedHook, Filter, LedgerId, Overdue, Pairing,
    PairingQuery, Pin, Queue, Row, SealState, SettledActivity, Store, StoreError, ThreadRoot, Verification, lane_id,
};
use crate::clock;
use crate::telemetry::Depths;

/// Reads of the queues.
impl Store {
    /// How deep the queues are, and how long their rows have waited.
    pub async fn depths(&self) -> Result<Depths, StoreError> {
        self.reader().depths(clock::wall_ms()).await
    }

    /// Rows of one queue, newest first.
    pub async fn list(&self, queue: Queue, filter: Filter, most: u32) -> Result<Vec<Row>, StoreError> {
        self.reader().list(queue, filter, most).await
    }

    /// The row with this id, as far as the ledger knows it.
    pub async fn row(&self, id: Uuid) -> Result<Option<Row>, StoreError> {
        self.reader().row(id).await
    }

    /// Rows whose ids lie between these two, oldest first. One row if they are equal.
    pub async fn between(&self, from: Uuid, to: Uuid) -> Result<Vec<Row>, StoreError> {
        self.reader().between(from, to).await
    }

    /// Whether an open row is to be worked on before this one. It must be of the same lane and have an earlier place,
    /// and this row must not have begun something that may be done only once.
    pub async fn goes_before(&self, id: Uuid, row: &Claimed) -> Result<bool, StoreError> {
        self.reader().goes_before(id, row.seq).await
    }

    /// Rows whose id ends in these hexadecimal digits, oldest first. Looks at every row.
    pub async fn ending_in(&self, digits: &str) -> Result<Vec<Row>, StoreError> {
        self.reader().ending_in(digits).await
    }

    /// Rows whose note, or whose receipt's id, contains this text; and rows with a label of two parts whose body
    /// contains it. Oldest first. Looks at every row.
    pub async fn noting(&self, text: &str) -> Result<Vec<Row>, StoreError> {
        self.reader().noting(text).await
    }

    /// The exact bytes that a row was made from. None if none were put with it, or once it is older than
    /// `store.retention`.
    pub async fn raw(&self, id: Uuid) -> Result<Option<Bytes>, StoreError> {
        self.reader().raw(id).await
    }

    /// Every row of a delivery that nobody works on, oldest first.
    pub async fn unhandled(&self) -> Result<Vec<Row>, StoreError> {
        self.reader().unhandled().await
    }

    /// Rows that were settled since this time, in milliseconds since 1970, grouped for a report.
    pub async fn activity(&self, since: i64) -> Result<SettledActivity, StoreError> {
        self.reader().activity(since).await
    }

    /// The file that was put with a row. None if it had none, or if the row is done.
    pub async fn file(&self, row: &Claimed) -> Result<Option<Bytes>, StoreError> {
        self.reader().file(row.seq).await
    }

    /// The root of the thread that letters join by this key in the lane of this name, as this row finds it.
    pub async fn thread(&self, row: &Claimed, lane: &str, key: &str) -> Result<Option<ThreadRoot>, StoreError> {
        self.reader().thread(lane_id(Queue::Outbox, lane), key, row.seq).await
    }

    /// Ids and bodies of the later letters in this row's lane that wait to edit the same message, the newest first.
    pub async fn newer_edits(&self, row: &Claimed, target: Uuid) -> Result<Vec<(Uuid, String)>, StoreError> {
        self.reader().newer_edits(row.lane, row.seq, target).await
    }

    /// The last events with this label, or one that begins with it and a slash, the newest first. May look at every row.
    pub async fn deliveries(&self, label: &str, most: u32) -> Result<Vec<Row>, StoreError> {
        self.reader().deliveries(label, most).await
    }

    /// Letters that were put with this event as their cause, in the order in which they were put.
    pub async fn caused_by(&self, event: Uuid) -> Result<Vec<Row>, StoreError> {
        self.reader().caused_by(event).await
    }

    /// How something stood when a hook was last told of it. None if it never was, or too long ago.
    pub async fn hook_state(&self, key: &str) -> Result<Option<String>, StoreError> {
        self.reader().hook_state(key).await
    }

    /// The bytes of all payloads, as this process counts them. 0 until the first was put.
    pub fn payload_bytes(&self) -> u64 {
        self.reader().payload_bytes()
    }

    /// Letters that edit one of these messages, oldest first. Looks at every row.
    pub async fn editing(&self, targets: &[Uuid]) -> Result<Vec<Row>, StoreError> {
        self.reader().editing(targets).await
    }

    /// The bytes of all files that wait, those of dead letters included.
    pub async fn size_of_files(&self) -> Result<u64, StoreError> {
        self.reader().size_of_files().await
    }
}

/// Reads of how complete the ledger is.
impl Store {
    /// How complete the ledger is. `None` before the first read-back.
    pub async fn coverage(&self) -> Result<Option<Coverage>, StoreError> {
        self.reader().coverage().await
    }

    /// For each space the time up to which it is complete, by Webex's clock.
    pub async fn cursors(&self) -> Result<HashMap<String, i64>, StoreError> {
        self.reader().cursors().await
    }

    /// When the newest event was accepted, by our clock.
    pub async fn last_event(&self) -> Result<Option<i64>, StoreError> {
        self.reader().last_event().await
    }
}

/// Reads about people: requests to be let in, questions, and requests for approval.
impl Store {
    /// The newest request of a person.
    pub async fn pairing_of(&self, person: &str) -> Result<Option<Pairing>, StoreError> {
        self.reader().pairing_of(person).await
    }

    /// The newest request with this code, address or id.
    pub async fn find_pairing(&self, who: &PairingQuery) -> Result<Option<Pairing>, StoreError> {
        self.reader().find_pairing(who).await
    }

    /// Every request, newest first.
    pub async fn pairings(&self) -> Result<Vec<Pairing>, StoreError> {
        self.reader().pairings().await
    }

    /// Whether this many requests were made within the last hour.
    pub async fn is_crowd(&self, per_hour: u32) -> Result<bool, StoreError> {
        self.reader().is_crowd(per_hour, clock::wall_ms()).await
    }

    /// The last question to this person in this space, open or over.
    pub async fn conversation(&self, room: &str, person: &str) -> Result<Option<Conversation>, StoreError> {
        self.reader().conversation(room, person).await
    }

    /// Whether a card that works once was used.
    pub async fn is_used(&self, card: Uuid) -> Result<bool, StoreError> {
        self.reader().is_used(card).await
    }

    /// Whether one of these cards, which work once, was used for this action, or for one that is not known.
    pub async fn is_used_for(&self, cards: &[Uuid], action: &str) -> Result<bool, StoreError> {
        self.reader().is_used_for(cards, action).await
    }

    /// The request for approval that belongs to this card.
    pub async fn approval(&self, card: Uuid) -> Result<Option<Approval>, StoreError> {
        self.reader().approval(card).await
    }

    /// The requests for approval that an event made: one, or none.
    pub async fn approvals_of(&self, event: Uuid) -> Result<Vec<Approval>, StoreError> {
        self.reader().approvals_of(event).await
    }

    /// Requests for approval, newest first: only those that have not ended, or all that are kept.
    pub async fn approvals(&self, open: bool, most: u32) -> Result<Vec<Approval>, StoreError> {
        self.reader().approvals(open, most).await
    }

    /// The number of requests for approval whose time is not over: of this person, and in this space.
    pub async fn open_approvals(&self, person: &str, room: &str) -> Result<(u64, u64), StoreError> {
        self.reader().open_approvals(person, room, clock::wall_ms()).await
    }

    /// Requests that the daemon has to end, and when the time of the next one is over, in milliseconds since 1970.
    pub async fn overdue_approvals(&self, now: i64) -> Result<(Vec<Overdue>, Option<i64>), StoreError> {
        self.reader().overdue_approvals(now).await
    }
}

/// Reads about spaces.
impl Store {
    /// The space that a title means, if one was found already.
    pub async fn pinned(&self, title: &str) -> Result<Option<Pin>, StoreError> {
        self.reader().pin(title).await
    }

    /// Every title for which a space was found.
    pub async fn pins(&self) -> Result<Vec<Pin>, StoreError> {
        self.reader().pins().await
    }
}

/// Reads about hooks that expect something to come.
impl Store {
    /// Every hook that ever expected something.
    pub async fn expected_hooks(&self) -> Result<Vec<ExpectedHook>, StoreError> {
        self.reader().expected_hooks().await
    }

    /// The hook of this name, if it ever expected something.
    pub async fn expected_hook(&self, hook: &str) -> Result<Option<ExpectedHook>, StoreError> {
        self.reader().expected_hook(hook).await
    }
}

/// Reads of hooks that were made from the chat.
impl Store {
    /// Those that are not removed, by name.
    pub async fn chat_hooks(&self) -> Result<Vec<ChatHook>, StoreError> {
        self.reader().chat_hooks().await
    }

    /// The one that this event changed last, removed or not.
    pub async fn chat_hook_changed_by(&self, event: Uuid) -> Result<Option<ChatHook>, StoreError> {
        self.reader().chat_hook_changed_by(event).await
    }
}

/// Reads of the ledger itself, and of its audit.
impl Store {
    /// The identity of this ledger.
    pub async fn ledger_id(&self) -> Result<LedgerId, StoreError> {
        self.reader().identity().await.map(|(id, _)| id)
    }

    /// Whether the daemon of this ledger was the one that answers when it last checked.
    pub async fn answered(&self) -> Result<bool, StoreError> {
        self.reader().identity().await.map(|(_, answers)| answers)
    }

    /// A secret that was made with the ledger and never leaves it.
    pub async fn own_secret(&self) -> Result<Vec<u8>, StoreError> {
        self.reader().own_secret().await
    }

    /// Rows of the audit since this time, in milliseconds since 1970, newest first, and only those wanted. A damaged
    /// row may be one of them, so it is always included.
    pub async fn audited(
        &self,
        since: i64,
        most: usize,
        wanted: impl Fn(&AuditRow) -> bool + Send + 'static,
    ) -> Result<Vec<AuditRow>, StoreError> {
        self.reader().audited(since, most, move |row| row.damaged || wanted(row)).await
    }

    /// The audit's rows of one event, oldest first.
    pub async fn audit_of(&self, event: Uuid) -> Result<Vec<AuditRow>, StoreError> {
        self.reader().audit_of(event).await
    }

    /// The state of the audit's seal. The rows are not read.
    pub async fn audit_seal(&self) -> Result<SealState, StoreError> {
        Ok(SealState::of(self.reader().audit_head().await?.as_ref(), self.audit_keys()))
    }

    /// Reads the whole audit, as it is at this moment, and says whether it is unbroken.
    pub async fn verify_audit(&self) -> Result<Verification, StoreError> {
        verify::verify(self.reader(), self.audit_keys()).await
    }
}
