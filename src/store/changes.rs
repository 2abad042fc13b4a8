//! Writes other than putting, claiming and settling rows. Each is one change of the ledger.
//!
//! Each of these fails if the engine does. Then nothing was changed, and the caller may try again.

use std::time::Duration;

use uuid::Uuid;

use super::audit::row::seal_by;
use super::{
    AuditEntry, Beginning, Claimed, Entry, HookChange, HookStep, LedgerChange, NewPairing, Pairing, PairingOutcome,
    PairingRequest, PairingState, Pin, Progress, RequestDecision, Store, StoreError,
};

/// Changes that an operator makes by hand. Each is audited in its transaction.
impl Store {
    /// Opens a dead letter again, or makes an open row due now. `false` when there is no such row.
    pub async fn reopen(&self, id: Uuid, audit: AuditEntry) -> Result<bool, StoreError> {
        self.audited_change(LedgerChange::Reopen(id), audit).await
    }

    /// Closes an open row or a dead letter without doing it. `false` when there is no such row.
    pub async fn discard(&self, id: Uuid, audit: AuditEntry) -> Result<bool, StoreError> {
        self.audited_change(LedgerChange::Discard(id), audit).await
    }

    /// Makes every row due that waits for a pause, since the pause was taken back.
    pub async fn make_all_due(&self) -> Result<(), StoreError> {
        self.change(LedgerChange::Hurry).await.map(drop)
    }
}

/// Writes of a worker, before its row is settled or in place of that.
impl Store {
    /// Records that the event is about to begin something that may be done only once. From then on the event goes first
    /// in its lane until it is settled, even if the process is killed. `false` if the lease was lost, so another
    /// process may be doing it. After an error it must not be begun.
    pub async fn begin_once(&self, row: &Claimed) -> Result<bool, StoreError> {
        let change = LedgerChange::BeginOnce { seq: row.seq, lane: row.lane, fence: row.fence };
        self.change(change).await.map(|rows| rows > 0)
    }

    /// Puts these entries, which belong together, in one transaction, or none of them if the first is there already.
    /// Returns whether they are new.
    ///
    /// # Errors
    /// The same errors as [`Store::put`].
    pub async fn put_together(&self, entries: Vec<Entry>) -> Result<bool, StoreError> {
        self.try_change(LedgerChange::PutTogether(entries), None).await.map(|new| new > 0)
    }

    /// Does the same, and audits it if the entries are new.
    ///
    /// # Errors
    /// The same errors as [`Store::put`].
    pub async fn put_audited(&self, entries: Vec<Entry>, audit: AuditEntry) -> Result<bool, StoreError> {
        self.try_change(LedgerChange::PutTogether(entries), Some(audit)).await.map(|new| new > 0)
    }

    /// Drops payloads until there are at most so many bytes or one step is done: first those of rows that are done, and
    /// if that is not enough, those of dead letters, the oldest first. Says whether another step may drop more.
    pub async fn trim_payloads(&self, most: u64) -> Result<bool, StoreError> {
        self.try_change(LedgerChange::TrimPayloads(most), None).await.map(|more| more > 0)
    }

    /// Adds a row that is closed at once, with this reason. `false` if its id was known. It fails in the same cases as
    /// [`Store::put`].
    pub async fn note_unhandled(&self, entry: Entry, reason: String) -> Result<bool, StoreError> {
        self.try_change(LedgerChange::NoteUnhandled(entry, reason), None).await.map(|rows| rows > 0)
    }

    /// Begins to record the coverage, or begins anew.
    pub async fn begin_coverage(&self, beginning: Beginning) -> Result<(), StoreError> {
        self.change(LedgerChange::BeginCoverage(beginning)).await.map(drop)
    }

    /// Stores how far a read-back has come. After an error the next read-back reads the same again, which does no harm.
    pub async fn progress(&self, progress: Progress) -> Result<(), StoreError> {
        self.change(LedgerChange::Progress(progress)).await.map(drop)
    }

    /// Stores whether the daemon of this ledger is the one that answers.
    pub async fn set_answers(&self, answers: bool) -> Result<(), StoreError> {
        self.change(LedgerChange::SetAnswers(answers)).await.map(drop)
    }
}

/// Changes about spaces.
impl Store {
    /// Stores which space a title means, in place of the one it meant before.
    pub async fn pin(&self, pin: Pin) -> Result<(), StoreError> {
        self.change(LedgerChange::Pin(pin)).await.map(drop)
    }
}

/// Changes about hooks.
impl Store {
    /// Records that a daemon takes deliveries to these hooks, which expect something to come. `begins` says that it has
    /// begun to do so just now. If then no daemon did for the time that is given with a hook, its silence counts from
    /// now.
    pub async fn watch_hooks(&self, hooks: Vec<(String, Duration)>, begins: bool) -> Result<(), StoreError> {
        self.change(LedgerChange::WatchHooks(hooks, begins)).await.map(drop)
    }
}

/// Changes about people.
impl Store {
    /// Stores a request, unless the person has a newer one than the `seen` one.
    pub async fn request_pairing(
        &self,
        request: PairingRequest,
        seen: Option<&Pairing>,
        per_hour: u32,
    ) -> Result<PairingOutcome, StoreError> {
        let seen = seen.map(|pairing| (pairing.id, pairing.decisions));
        let change = LedgerChange::RequestPairing(Box::new(NewPairing { request, seen, per_hour }));
        self.change(change).await.map(PairingOutcome::of)
    }

    /// Decides on a request that is still as it was read, and adds what follows from that. `false` if somebody else has
    /// decided meanwhile; then nothing was changed.
    pub async fn decide_pairing(
        &self,
        pairing: &Pairing,
        state: PairingState,
        by: &str,
        entries: Vec<Entry>,
        audit: AuditEntry,
    ) -> Result<bool, StoreError> {
        let Pairing { id, decisions, .. } = *pairing;
        let decision = RequestDecision { id, decisions, state, by: by.to_owned(), entries };
        self.audited_change(LedgerChange::DecidePairing(Box::new(decision)), audit).await
    }

    /// Makes the daemon end a request for approval as withdrawn by an operator. `false` if it is decided already.
    pub async fn withdraw_approval(&self, card: Uuid, by: String, audit: AuditEntry) -> Result<bool, StoreError> {
        self.audited_change(LedgerChange::WithdrawApproval(card, by), audit).await
    }
}

/// Changes of hooks that are made from the chat.
impl Store {
    /// Makes a step, and adds the letters about it. `false` if the hook is not as the step says; then nothing was changed.
    pub async fn change_hook(
        &self,
        step: HookStep,
        entries: Vec<Entry>,
        audit: Option<AuditEntry>,
    ) -> Result<bool, StoreError> {
        let change = LedgerChange::Hook(Box::new(HookChange { step, entries }));
        match audit {
            Some(audit) => self.audited_change(change, audit).await,
            None => self.change(change).await.map(|changed| changed > 0),
        }
    }
}

/// Pruning, in small steps, so that none holds up the acknowledgements for long.
impl Store {
    /// Empties rows settled longer than `retention` ago, and forgets the ids of those accepted longer than
    /// `retention` and `dedupe` ago. Returns how many rows this step changed.
    pub async fn prune(&self, retention: Duration, dedupe: Duration) -> Result<u64, StoreError> {
        self.change(LedgerChange::Prune { retention, dedupe }).await
    }

    /// Forgets lanes, with their marks, that nobody has worked on for this long. Returns how many lanes this step has
    /// forgotten.
    pub async fn prune_lanes(&self, idle: Duration) -> Result<u64, StoreError> {
        self.change(LedgerChange::PruneLanes(idle)).await
    }

    /// Removes rows older than `retention` from the beginning of the audit. Returns how many this step has removed.
    pub async fn prune_audit(&self, retention: Duration) -> Result<u64, StoreError> {
        self.change(LedgerChange::PruneAudit(retention)).await
    }

    /// Seals an audit that has no seal, in a row that says so. `false` if it has one, or if there is no key.
    pub async fn seal_audit(&self, by: AuditEntry) -> Result<bool, StoreError> {
        self.audited_change(LedgerChange::SealAudit, seal_by(by)).await
    }
}
