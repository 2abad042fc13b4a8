//! The writer task: puts everything that waits into one transaction and one commit (group commit).
//!
//! Operations that arrive during a commit make the next batch, so batches grow with the load. It was measured to wait
//! for more before a commit: that made a slow disk a twelfth faster and a fast one a quarter slower. Success is
//! reported after the commit. If the commit fails, every operation of the batch fails.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;

use super::{AuditEntry, Batch, Chain, Damage, Due, Engine, LedgerChange, Op, Results, StoreError, Wakers};
use crate::clock;
use crate::telemetry::Seldom;

/// The most operations of one transaction. This bounds how long the first of them waits.
const MOST_OPS: usize = 1024;

/// How often an idle writer checks that the ledger's files are there, and whether another process committed something.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often the ledger gets a new stamp. A copy that is written over the ledger goes unnoticed if it is younger than
/// this and of the same size.
const STAMP_EVERY: Duration = Duration::from_secs(3600);

/// Holds the ledger's connection and lock. The part of the program that runs the tasks gets it.
pub struct Writer {
    engine: Engine,
    chain: Chain,
    waiting: mpsc::Receiver<Op>,
    wakers: Arc<Wakers>,
    committed: watch::Sender<u64>,
    /// How long the ledger's files may be missing.
    missing_for: Duration,
    /// What is wrong with the files, and since when.
    damage: Option<(Damage, Instant)>,
    unwritten: Seldom,
}

impl Writer {
    pub(super) fn new(
        (engine, chain): (Engine, Chain),
        waiting: mpsc::Receiver<Op>,
        wakers: Arc<Wakers>,
        committed: watch::Sender<u64>,
        missing_for: Duration,
    ) -> Writer {
        Writer { engine, chain, waiting, wakers, committed, missing_for, damage: None, unwritten: Seldom::default() }
    }

    /// Writes until `stop` ends or every [`super::Store`] is gone. Operations that wait by then are still written.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if the ledger's files were missing for `store.missing_for`, or are missing at the end.
    /// Exit, so that a supervisor starts the daemon again.
    pub async fn run(mut self, stop: impl Future<Output = ()>) -> Result<(), StoreError> {
        let mut stop = std::pin::pin!(stop);
        let mut ops = Vec::with_capacity(MOST_OPS);
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stamped = clock::instant();
        loop {
            if let Some((damage, since)) = self.damage
                && since.elapsed() >= self.missing_for
            {
                self.close().await?;
                return Err(damage.into());
            }
            let received = tokio::select! {
                biased;
                received = self.waiting.recv_many(&mut ops, MOST_OPS) => received,
                () = &mut stop, if !self.waiting.is_closed() => {
                    // Operations that were sent before are still received; new ones are refused.
                    self.waiting.close();
                    continue;
                }
                _ = looks.tick() => {
                    self.look_around(&mut stamped).await;
                    continue;
                }
            };
            if received == 0 {
                return self.close().await;
            }
            let mut ops = ops.drain(..).peekable();
            while ops.peek().is_some() {
                self.commit(Batch::fill(&mut ops)).await;
            }
        }
    }

    /// Makes the periodic checks. Damage of the files is stored in `damage`.
    async fn look_around(&mut self, stamped: &mut Instant) {
        if self.look().await.is_err() {
            return;
        }
        if stamped.elapsed() >= STAMP_EVERY {
            *stamped = clock::instant();
            self.engine.stamp().await;
        }
        if self.engine.changed_beside().await.unwrap_or(false) {
            self.committed.send_modify(|commits| *commits += 1);
        }
    }

    /// Checks that the ledger's files are there. It logs once when they are not, and once when they are back.
    async fn look(&mut self) -> Result<(), Damage> {
        let found = self.engine.check().await;
        match (found, self.damage) {
            (Err(damage), None) => {
                self.damage = Some((damage, clock::instant()));
                self.engine.save(damage).await;
                tracing::error!(
                    exits_after_seconds = self.missing_for.as_secs(),
                    "{damage}: nothing is acknowledged until it is as it was; put it back, or the daemon exits"
                );
            }
            (Ok(()), Some((_, since))) => {
                self.damage = None;
                tracing::info!(seconds = since.elapsed().as_secs(), "the ledger's files are as they were: going on");
            }
            (Err(_), Some(_)) | (Ok(()), None) => {}
        }
        found
    }

    async fn commit(&mut self, batch: Batch) {
        let mut due = Due::default();
        match self.apply(&batch, &mut due).await {
            Ok(results) => {
                self.committed.send_modify(|commits| *commits += 1);
                batch.succeed(results);
                self.wakers.wake(&due);
                self.engine.keep_log_short().await;
            }
            Err(error @ StoreError::Damaged(_)) => {
                batch.fail(&error);
            }
            Err(error) => {
                if let Some(count) = self.unwritten.count() {
                    tracing::error!(%error, count, "the ledger could not be written; no operation of this batch is acknowledged");
                }
                self.engine.recover().await;
                self.chain.rolled_back();
                batch.fail(&error);
            }
        }
    }

    /// Writes and commits a batch. A commit into files that were renamed or deleted is not reported as a success.
    async fn apply(&mut self, batch: &Batch, due: &mut Due) -> Result<Results, StoreError> {
        self.look().await?;
        let results = self.write(batch, due).await?;
        self.look().await?;
        Ok(results)
    }

    /// Writes a batch: settlements, puts, changes, then claims, so that a claim finds the replies of its own batch.
    async fn write(&mut self, batch: &Batch, due: &mut Due) -> Result<Results, StoreError> {
        let Writer { engine, chain, .. } = self;
        engine.begin().await?;
        let mut results = Results {
            settlements: engine.settle(batch.settlements.iter().map(|(settlement, _)| &**settlement), due).await?,
            puts: engine.put(batch.puts.iter().map(|(entry, _)| entry), due).await?,
            ..Results::default()
        };
        let settled = batch.settlements.iter().zip(&results.settlements).filter(|(_, held)| **held);
        let mut audit: Vec<&AuditEntry> = settled.flat_map(|((settlement, _), _)| settlement.audit()).collect();
        for ((change, entry), _) in &batch.changes {
            let changed = change.make(engine, chain, due).await?;
            // A change that changed nothing was not made, so it is not audited.
            audit.extend(entry.as_ref().filter(|_| changed > 0));
            results.changes.push(changed);
        }
        if batch.changes.iter().any(|((change, _), _)| matches!(change, LedgerChange::NoteUnhandled(..))) {
            engine.bound_unhandled().await?;
        }
        chain.add(engine, &audit).await?;
        for (claim, _) in &batch.claims {
            results.claims.push(engine.claim(*claim).await?);
        }
        engine.commit().await?;
        chain.committed();
        Ok(results)
    }

    /// Closes the ledger. The audit's end is checked between the last check of the files and the closing.
    async fn close(mut self) -> Result<(), StoreError> {
        let mut engine = self.engine.check_last().await?;
        if let Err(error) = self.chain.look(&mut engine).await {
            tracing::warn!(%error, "the end of the audit could not be looked at; `switchboard audit verify` does");
        }
        engine.close().await;
        Ok(())
    }
}
