//! Reads of the ledger, on connections that never hold up the writer.
//!
//! A read that fails changes nothing, so the caller may try again.

use std::collections::HashMap;

use bytes::Bytes;
use uuid::Uuid;

use super::audit::verify;
use super::{
    Approval, AuditRow, Claimed, Conversation, Coverage, Filter, LedgerId, Overdue, Pairing, PairingQuery, Queue, Row,
    SealState, SettledActivity, Store, StoreError, ThreadRoot, Verification,
};
use crate::clock;
use crate::telemetry::Depths;

/// The queues.
impl Store {
    /// How deep the queues are.
    pub async fn depths(&self) -> Result<Depths, StoreError> {
        self.reader().depths(clock::wall_ms()).await
    }

    /// Rows of one queue, newest first.
    pub async fn list(&self, queue: Queue, filter: Filter, most: u32) -> Result<Vec<Row>, StoreError> {
        self.reader().list(queue, filter, most).await
    }

    /// The row of this id, as far as the ledger knows it.
    pub async fn row(&self, id: Uuid) -> Result<Option<Row>, StoreError> {
        Ok(self.between(id, id).await?.pop())
    }

    /// Rows whose id lies between the two, oldest first: one row when they are equal.
    pub async fn between(&self, from: Uuid, to: Uuid) -> Result<Vec<Row>, StoreError> {
        self.reader().between(from, to).await
    }

    /// Whether an open row is to be worked on before this one: it is of the same lane, its place is an earlier one, and
    /// nothing that may be done once was begun for this one.
    pub async fn goes_before(&self, id: Uuid, row: &Claimed) -> Result<bool, StoreError> {
        self.reader().goes_before(id, row.seq).await
    }

    /// Rows whose id ends in these hexadecimal digits, oldest first. Looks at every row.
    pub async fn ending_in(&self, digits: &str) -> Result<Vec<Row>, StoreError> {
        self.reader().ending_in(digits).await
    }

    /// Rows of whose note, or of whose receipt's id, this text is a part, and those with a label of two parts whose
    /// body holds it, oldest first. Looks at every row.
    pub async fn noting(&self, text: &str) -> Result<Vec<Row>, StoreError> {
        self.reader().noting(text).await
    }

    /// What a row was made from, to the byte; none where nothing was put with it, and once it is older than
    /// `store.retention`.
    pub async fn raw(&self, id: Uuid) -> Result<Option<Bytes>, StoreError> {
        self.reader().raw(id).await
    }

    /// Every row of a delivery that nobody works on, oldest first.
    pub async fn unhandled(&self) -> Result<Vec<Row>, StoreError> {
        self.reader().unhandled().await
    }

    /// What was settled since then, in milliseconds since 1970, grouped for a report.
    pub async fn activity(&self, since: i64) -> Result<SettledActivity, StoreError> {
        self.reader().activity(since).await
    }

    /// The file that was put with a row; none when it had none, or the row is done.
    pub async fn file(&self, row: &Claimed) -> Result<Option<Bytes>, StoreError> {
        self.reader().file(row.seq).await
    }

    /// The root of the thread that letters join by this key where this row's letter goes.
    pub async fn thread(&self, row: &Claimed, key: &str) -> Result<Option<ThreadRoot>, StoreError> {
        self.reader().thread(row.lane, key).await
    }

    /// The last letters after this one in its lane that wait to edit the same, the newest first: their ids and bodies.
    pub async fn newer_edits(&self, row: &Claimed, target: Uuid) -> Result<Vec<(Uuid, String)>, StoreError> {
        self.reader().newer_edits(row.lane, row.seq, target).await
    }

    /// Letters that edit one of these, oldest first. Looks at every row.
    pub async fn editing(&self, targets: &[Uuid]) -> Result<Vec<Row>, StoreError> {
        self.reader().editing(targets).await
    }

    /// How many bytes of files wait, dead letters' included.
    pub async fn size_of_files(&self) -> Result<u64, StoreError> {
        self.reader().size_of_files().await
    }
}

/// How complete the ledger is.
impl Store {
    /// How complete the ledger is; `None` before the first look at Webex.
    pub async fn coverage(&self) -> Result<Option<Coverage>, StoreError> {
        self.reader().coverage().await
    }

    /// Up to when each space is complete, by Webex's clock.
    pub async fn cursors(&self) -> Result<HashMap<String, i64>, StoreError> {
        self.reader().cursors().await
    }

    /// When the newest event was accepted, by our clock.
    pub async fn last_event(&self) -> Result<Option<i64>, StoreError> {
        self.reader().last_event().await
    }
}

/// People: requests to be let in, questions, and requests for approval.
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

    /// The last question to somebody in a space, open or over.
    pub async fn conversation(&self, room: &str, person: &str) -> Result<Option<Conversation>, StoreError> {
        self.reader().conversation(room, person).await
    }

    /// Whether the one use of a card is spent.
    pub async fn is_used(&self, card: Uuid) -> Result<bool, StoreError> {
        self.reader().is_used(card).await
    }

    /// Whether the one use of one of these cards was spent on this action, or nobody knows on what.
    pub async fn is_used_for(&self, cards: &[Uuid], action: &str) -> Result<bool, StoreError> {
        self.reader().is_used_for(cards, action).await
    }

    /// The request for approval of a card.
    pub async fn approval(&self, card: Uuid) -> Result<Option<Approval>, StoreError> {
        self.reader().approval(card).await
    }

    /// The requests for approval that an event made: one, or none.
    pub async fn approvals_of(&self, event: Uuid) -> Result<Vec<Approval>, StoreError> {
        self.reader().approvals_of(event).await
    }

    /// Requests for approval, newest first; only those that have not ended, or all that are kept.
    pub async fn approvals(&self, open: bool, most: u32) -> Result<Vec<Approval>, StoreError> {
        self.reader().approvals(open, most).await
    }

    /// How many requests for approval wait within their time: of this person, and in this space.
    pub async fn open_approvals(&self, person: &str, room: &str) -> Result<(u64, u64), StoreError> {
        self.reader().open_approvals(person, room, clock::wall_ms()).await
    }

    /// Requests that the daemon has to end, and when the time of the next one is over, in milliseconds since 1970.
    pub async fn overdue_approvals(&self, now: i64) -> Result<(Vec<Overdue>, Option<i64>), StoreError> {
        self.reader().overdue_approvals(now).await
    }
}

/// The ledger itself, and its audit.
impl Store {
    /// Which ledger this is.
    pub async fn ledger_id(&self) -> Result<LedgerId, StoreError> {
        self.reader().identity().await.map(|(id, _)| id)
    }

    /// Whether the daemon of this ledger was the one that answers when it last looked.
    pub async fn answered(&self) -> Result<bool, StoreError> {
        self.reader().identity().await.map(|(_, answers)| answers)
    }

    /// A secret that was made with the ledger and never leaves it.
    pub async fn own_secret(&self) -> Result<Vec<u8>, StoreError> {
        self.reader().own_secret().await
    }

    /// Rows of the audit since then, in milliseconds since 1970, newest first, as far as they are wanted. Of a damaged
    /// row nobody can say, so it is always among them.
    pub async fn audited(
        &self,
        since: i64,
        most: usize,
        wanted: impl Fn(&AuditRow) -> bool,
    ) -> Result<Vec<AuditRow>, StoreError> {
        self.reader().audited(since, most, |row| row.damaged || wanted(row)).await
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
