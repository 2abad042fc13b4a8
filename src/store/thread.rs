//! The thread of the writer: writes batches, and checks the ledger's files.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::batch::AskedClaim;
use super::standing::StandingClaims;
use super::{AuditEntry, Batch, Chain, Damage, Due, Engine, LedgerChange, Op, Results, StoreError};
use crate::clock;
use crate::telemetry::Seldom;

/// The most operations of one transaction. This bounds how long the first of them waits.
const MOST_OPS: usize = 1024;

/// How often the ledger gets a new stamp. A copy that is written over the ledger goes unnoticed if it is younger than
/// this and of the same size.
const STAMP_EVERY: Duration = Duration::from_secs(3600);

/// What the thread tells the task.
pub(super) enum Written {
    Batch {
        batch: Batch,
        result: Result<(Results, Due), StoreError>,
        /// When a claim that stands has to be looked at, unless something becomes due before.
        look_at: Option<Instant>,
    },
    /// Another process may have committed something.
    Beside,
    /// The thread has ended.
    Ended(Result<(), StoreError>),
}

/// Holds the ledger's connection and lock.
pub(super) struct WriterThread {
    engine: Engine,
    chain: Chain,
    waiting: mpsc::Receiver<Op>,
    telling: mpsc::UnboundedSender<Written>,
    /// How long the ledger's files may be missing.
    missing_for: Duration,
    /// What is wrong with the files, and since when.
    damage: Option<(Damage, Instant)>,
    stamped: Instant,
    unwritten: Seldom,
    standing: StandingClaims,
}

impl WriterThread {
    pub(super) fn new(
        (engine, chain): (Engine, Chain),
        waiting: mpsc::Receiver<Op>,
        telling: mpsc::UnboundedSender<Written>,
        missing_for: Duration,
    ) -> WriterThread {
        WriterThread {
            engine,
            chain,
            waiting,
            telling,
            missing_for,
            damage: None,
            stamped: clock::instant(),
            unwritten: Seldom::default(),
            standing: StandingClaims::default(),
        }
    }

    /// Writes until it is told to end, or every sender of operations is gone. Then closes the ledger.
    pub(super) fn run(mut self) {
        let telling = self.telling.clone();
        let result = self.write_all();
        let result = self.close().and(result);
        let _ = telling.send(Written::Ended(result));
    }

    fn write_all(&mut self) -> Result<(), StoreError> {
        let mut ops = Vec::with_capacity(MOST_OPS);
        while self.waiting.blocking_recv_many(&mut ops, MOST_OPS) > 0 {
            // On a single core, whoever sends operations runs first, until it waits. So the batch becomes larger.
            std::thread::yield_now();
            while ops.len() < MOST_OPS
                && let Ok(op) = self.waiting.try_recv()
            {
                ops.push(op);
            }
            let mut looks = false;
            ops.retain(|op| match op {
                // Operations that were sent before are still received; new ones are refused.
                Op::Close => {
                    self.waiting.close();
                    self.standing.clear();
                    false
                }
                Op::Look => {
                    looks = true;
                    false
                }
                Op::Put(..) | Op::Claim(..) | Op::Settle(..) | Op::Change(..) => true,
            });
            let mut batches = ops.drain(..).peekable();
            while batches.peek().is_some() {
                self.commit(Batch::fill(&mut batches), Due::default());
            }
            if looks {
                self.look_around();
                if !self.standing.is_empty() {
                    self.commit(Batch::default(), Due::queues());
                }
            }
            if let Some((damage, since)) = self.damage
                && since.elapsed() >= self.missing_for
            {
                return Err(damage.into());
            }
        }
        Ok(())
    }

    /// Makes the periodic checks. Damage of the files is stored in `damage`.
    fn look_around(&mut self) {
        if self.look().is_err() {
            return;
        }
        if self.stamped.elapsed() >= STAMP_EVERY {
            self.stamped = clock::instant();
            self.engine.stamp();
        }
        if self.engine.changed_beside().unwrap_or(false) {
            let _ = self.telling.send(Written::Beside);
        }
    }

    /// Checks that the ledger's files are there. It logs once when they are not, and once when they are back.
    fn look(&mut self) -> Result<(), Damage> {
        let found = self.engine.check();
        match (found, self.damage) {
            (Err(damage), None) => {
                self.damage = Some((damage, clock::instant()));
                self.engine.save(damage);
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

    /// Commits a batch. `due` is what may be due already, whatever the batch makes due.
    fn commit(&mut self, mut batch: Batch, mut due: Due) {
        self.standing.join(&mut batch.claims);
        let result = self.apply(&mut batch, &mut due).map(|results| (results, due));
        match &result {
            Ok(_) => self.standing.keep(&mut batch.claims),
            Err(StoreError::Damaged(_)) => {}
            Err(error) => {
                if let Some(count) = self.unwritten.count() {
                    tracing::error!(%error, count, "the ledger could not be written; no operation of this batch is acknowledged");
                }
                self.engine.recover();
                self.chain.rolled_back();
            }
        }
        let is_written = result.is_ok();
        let _ = self.telling.send(Written::Batch { batch, result, look_at: self.standing.look_at() });
        if is_written {
            self.engine.keep_log_short();
        }
    }

    /// Writes and commits a batch. A commit into files that were renamed or deleted is not reported as a success.
    fn apply(&mut self, batch: &mut Batch, due: &mut Due) -> Result<Results, StoreError> {
        self.look()?;
        let results = self.write(batch, due)?;
        self.look()?;
        Ok(results)
    }

    /// Writes a batch: settlements, puts, changes, then claims, so that a claim finds the rows of its own batch.
    fn write(&mut self, batch: &mut Batch, due: &mut Due) -> Result<Results, StoreError> {
        let WriterThread { engine, chain, .. } = self;
        let Batch { puts, settlements, changes, claims } = batch;
        engine.begin()?;
        let mut results = Results {
            settlements: engine.settle(settlements.iter().map(|(settlement, _)| &**settlement), due)?,
            puts: engine.put(puts.iter().map(|(entry, _)| entry), due)?,
            ..Results::default()
        };
        let settled = settlements.iter().zip(&results.settlements).filter(|(_, held)| **held);
        let mut audit: Vec<&AuditEntry> = settled.flat_map(|((settlement, _), _)| settlement.audit()).collect();
        for ((change, entry), _) in &*changes {
            let changed = change.make(engine, chain, due)?;
            // A change that changed nothing was not made, so it is not audited.
            audit.extend(entry.as_ref().filter(|_| changed > 0));
            results.changes.push(changed);
        }
        if changes.iter().any(|((change, _), _)| matches!(change, LedgerChange::NoteUnhandled(..))) {
            engine.bound_unhandled()?;
        }
        chain.add(engine, &audit)?;
        for AskedClaim { claim, found, .. } in claims.iter_mut().filter(|asked| asked.is_to_be_tried(due)) {
            *found = Some(engine.claim(claim)?);
        }
        engine.commit()?;
        chain.committed();
        Ok(results)
    }

    /// Closes the ledger. The audit's end is checked between the last check of the files and the closing.
    fn close(mut self) -> Result<(), StoreError> {
        let mut engine = self.engine.check_last()?;
        if let Err(error) = self.chain.look(&mut engine) {
            tracing::warn!(%error, "the end of the audit could not be looked at; `switchboard audit verify` does");
        }
        engine.close();
        Ok(())
    }
}
