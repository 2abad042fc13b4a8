//! Changes of the ledger other than putting, claiming and settling rows. A new one needs a variant here and an arm
//! below.

use std::time::Duration;

use uuid::Uuid;

use super::{Beginning, Chain, Due, Engine, Entry, HookChange, NewPairing, Pin, Progress, RequestDecision, StoreError};

/// A change of the ledger.
pub(super) enum LedgerChange {
    Reopen(Uuid),
    Discard(Uuid),
    Hurry,
    BeginOnce {
        seq: i64,
        lane: Uuid,
        fence: i64,
    },
    /// Puts all of these entries, or none if the first is there already.
    PutTogether(Vec<Entry>),
    NoteUnhandled(Entry, String),
    BeginCoverage(Beginning),
    Progress(Progress),
    SetAnswers(bool),
    RequestPairing(Box<NewPairing>),
    DecidePairing(Box<RequestDecision>),
    WithdrawApproval(Uuid, String),
    Pin(Pin),
    WatchHooks(Vec<(String, Duration)>, bool),
    Hook(Box<HookChange>),
    Prune {
        retention: Duration,
        dedupe: Duration,
    },
    PruneLanes(Duration),
    PruneAudit(Duration),
    TrimPayloads(u64),
    SealAudit,
    Beat,
}

impl LedgerChange {
    /// Makes the change in the open transaction. Returns how many rows changed, or another number that the caller of
    /// this change knows how to read.
    pub(super) fn make(&self, engine: &mut Engine, chain: &mut Chain, due: &mut Due) -> Result<u64, StoreError> {
        Ok(match self {
            LedgerChange::Reopen(id) => engine.reopen(*id, due)?.into(),
            LedgerChange::Discard(id) => engine.discard(*id, due)?.into(),
            LedgerChange::Hurry => engine.make_all_due(due)?,
            LedgerChange::BeginOnce { seq, lane, fence } => engine.begin_once(*seq, *lane, *fence)?,
            LedgerChange::PutTogether(entries) => {
                let (first, rest) = entries.split_at(entries.len().min(1));
                let is_new = engine.put(first.iter(), due)?.first().copied().unwrap_or_default();
                if is_new {
                    engine.put(rest.iter(), due)?;
                }
                is_new.into()
            }
            LedgerChange::NoteUnhandled(entry, reason) => engine.note_unhandled(entry, reason)?,
            LedgerChange::BeginCoverage(beginning) => engine.begin_coverage(beginning).map(|()| 0)?,
            LedgerChange::Progress(progress) => engine.progress(progress).map(|()| 0)?,
            LedgerChange::SetAnswers(answers) => engine.set_answers(*answers)?,
            LedgerChange::RequestPairing(request) => engine.request_pairing(request)? as u64,
            LedgerChange::DecidePairing(decision) => engine.decide_pairing(decision, due)?.into(),
            LedgerChange::WithdrawApproval(card, by) => engine.withdraw_approval(*card, by, due)?.into(),
            LedgerChange::Pin(pin) => engine.pin(pin)?,
            LedgerChange::WatchHooks(hooks, begins) => engine.watch_hooks(hooks, *begins)?,
            LedgerChange::Hook(change) => engine.change_hook(change, due)?.into(),
            LedgerChange::Prune { retention, dedupe } => engine.prune(*retention, *dedupe)?,
            LedgerChange::PruneLanes(idle) => engine.prune_lanes(*idle)?,
            LedgerChange::PruneAudit(retention) => chain.prune(engine, *retention)?,
            LedgerChange::TrimPayloads(most) => engine.trim_payloads(*most)?.into(),
            LedgerChange::SealAudit => chain.begin_sealing(engine)?.into(),
            LedgerChange::Beat => engine.beat()?,
        })
    }

    /// How many bytes the change adds to a transaction, if there may be many.
    pub(super) fn size(&self) -> usize {
        match self {
            LedgerChange::NoteUnhandled(entry, _) => entry.size(),
            LedgerChange::PutTogether(entries) => entries.iter().map(Entry::size).sum(),
            LedgerChange::DecidePairing(decision) => decision.entries.iter().map(Entry::size).sum(),
            LedgerChange::Hook(change) => change.entries.iter().map(Entry::size).sum(),
            LedgerChange::Reopen(_)
            | LedgerChange::Discard(_)
            | LedgerChange::Hurry
            | LedgerChange::BeginOnce { .. }
            | LedgerChange::BeginCoverage(_)
            | LedgerChange::Progress(_)
            | LedgerChange::SetAnswers(_)
            | LedgerChange::RequestPairing(_)
            | LedgerChange::WithdrawApproval(..)
            | LedgerChange::Pin(_)
            | LedgerChange::WatchHooks(..)
            | LedgerChange::Prune { .. }
            | LedgerChange::PruneLanes(_)
            | LedgerChange::PruneAudit(_)
            | LedgerChange::TrimPayloads(_)
            | LedgerChange::SealAudit
            | LedgerChange::Beat => 0,
        }
    }
}
