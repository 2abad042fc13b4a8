//! A change of the ledger besides rows put, claimed and settled. One that is added has a variant here and an arm below.

use std::time::Duration;

use uuid::Uuid;

use super::{Beginning, Chain, Decision, Due, Engine, Entry, NewRequest, Progress, StoreError};

/// What is to be changed.
pub(super) enum Change {
    Reopen(Uuid),
    Discard(Uuid),
    Hurry,
    BeginOnce { seq: i64, lane: Uuid, fence: i64 },
    NoteUnhandled(Entry, String),
    BeginCoverage(Beginning),
    Progress(Progress),
    SetAnswers(bool),
    RequestPairing(Box<NewRequest>),
    DecidePairing(Box<Decision>),
    WithdrawApproval(Uuid, String),
    Prune { retention: Duration, dedupe: Duration },
    PruneLanes(Duration),
    PruneAudit(Duration),
    SealAudit,
    Beat,
}

impl Change {
    /// Makes it in the transaction that is open. The number tells whoever asked what came of it: mostly how many rows
    /// were changed.
    pub(super) async fn make(&self, engine: &mut Engine, chain: &mut Chain, due: &mut Due) -> Result<u64, StoreError> {
        Ok(match self {
            Change::Reopen(id) => engine.reopen(*id, due).await?.into(),
            Change::Discard(id) => engine.discard(*id, due).await?.into(),
            Change::Hurry => engine.hurry(due).await?,
            Change::BeginOnce { seq, lane, fence } => engine.begin_once(*seq, *lane, *fence).await?,
            Change::NoteUnhandled(entry, reason) => engine.note_unhandled(entry, reason).await?,
            Change::BeginCoverage(beginning) => engine.begin_coverage(beginning).await.map(|()| 0)?,
            Change::Progress(progress) => engine.progress(progress).await.map(|()| 0)?,
            Change::SetAnswers(answers) => engine.set_answers(*answers).await?,
            Change::RequestPairing(request) => engine.request_pairing(request).await? as u64,
            Change::DecidePairing(decision) => engine.decide_pairing(decision, due).await?.into(),
            Change::WithdrawApproval(card, by) => engine.withdraw_approval(*card, by, due).await?.into(),
            Change::Prune { retention, dedupe } => engine.prune(*retention, *dedupe).await?,
            Change::PruneLanes(idle) => engine.prune_lanes(*idle).await?,
            Change::PruneAudit(retention) => chain.prune(engine, *retention).await?,
            Change::SealAudit => chain.begin_sealing(engine).await?.into(),
            Change::Beat => engine.beat().await?,
        })
    }

    /// Bytes that it adds to a transaction, where these may be many.
    pub(super) fn size(&self) -> usize {
        if let Change::NoteUnhandled(entry, _) = self { entry.size() } else { 0 }
    }
}
