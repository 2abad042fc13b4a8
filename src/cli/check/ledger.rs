//! What `check` reads from the ledger, which it opens once.

use crate::cli::ledger::with_store_unsaid;
use crate::config::Config;
use crate::store::{ChatHook, Coverage, LedgerId, LedgerStatus, Pin, SealState};
use crate::telemetry::Depths;

/// What was read, or for each part why it cannot be read.
pub(super) struct CheckedLedger {
    pub(super) depths: anyhow::Result<Depths>,
    pub(super) coverage: anyhow::Result<Option<Coverage>>,
    pub(super) seal: anyhow::Result<SealState>,
    pub(super) id: anyhow::Result<LedgerId>,
    pub(super) pins: anyhow::Result<Vec<Pin>>,
    pub(super) hooks: anyhow::Result<Vec<ChatHook>>,
}

/// Reads the ledger. None if there is no ledger yet, since the daemon makes it.
pub(super) async fn read(config: &Config, look: &LedgerStatus) -> Option<anyhow::Result<CheckedLedger>> {
    if !look.exists {
        return None;
    }
    let read = with_store_unsaid(config, async |store| {
        Ok(CheckedLedger {
            depths: store.depths().await.map_err(Into::into),
            coverage: store.coverage().await.map_err(Into::into),
            seal: store.audit_seal().await.map_err(Into::into),
            id: store.ledger_id().await.map_err(Into::into),
            pins: store.pins().await.map_err(Into::into),
            hooks: store.chat_hooks().await.map_err(Into::into),
        })
    });
    Some(read.await)
}
