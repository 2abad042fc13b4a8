//! The writer: puts everything that waits into one transaction and one commit (group commit).
//!
//! Operations that arrive during a commit make the next batch, so batches grow with the load. It was measured to wait
//! for more before a commit: that made a slow disk a twelfth faster and a fast one a quarter slower. Success is
//! reported after the commit. If the commit fails, every operation of the batch fails.
//!
//! The engine blocks, so it has a thread of its own, which takes the next operations while a commit runs. The answers of
//! a batch go back to a task as one message, since each message between threads costs a wake-up.

use std::sync::Arc;
use std::thread;
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

/// The task of the writer, and its thread before that is started. The part of the program that runs the tasks gets it.
pub struct Writer {
    thread: WriterThread,
    written: mpsc::UnboundedReceiver<Written>,
    /// Wakes the thread. It does not keep the ledger open.
    ops: mpsc::WeakSender<Op>,
    wakers: Arc<Wakers>,
    committed: watch::Sender<u64>,
}

/// What the thread tells the task.
enum Written {
    Batch(Batch, Result<(Results, Due), StoreError>),
    /// Another process may have committed something.
    Beside,
    /// The thread has ended.
    Ended(Result<(), StoreError>),
}

impl Writer {
    pub(super) fn new(
        (engine, chain): (Engine, Chain),
        (ops, waiting): (mpsc::WeakSender<Op>, mpsc::Receiver<Op>),
        wakers: Arc<Wakers>,
        committed: watch::Sender<u64>,
        missing_for: Duration,
    ) -> Writer {
        let (telling, written) = mpsc::unbounded_channel();
        let stamped = clock::instant();
        let unwritten = Seldom::default();
        let thread = WriterThread { engine, chain, waiting, telling, missing_for, damage: None, stamped, unwritten };
        Writer { thread, written, ops, wakers, committed }
    }

    /// Writes until `stop` ends or every [`super::Store`] is gone. Operations that wait by then are still written.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if the ledger's files were missing for `store.missing_for`, or are missing at the end.
    /// Exit, so that a supervisor starts the daemon again.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<(), StoreError> {
        let Writer { thread, mut written, ops, wakers, committed } = self;
        thread::Builder::new().name("ledger".to_owned()).spawn(|| thread.run()).map_err(engine_error)?;
        let mut stop = std::pin::pin!(stop);
        let mut is_stopping = false;
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                told = written.recv() => match told {
                    Some(Written::Batch(batch, result)) => finish(batch, result, &wakers, &committed),
                    Some(Written::Beside) => committed.send_modify(|commits| *commits += 1),
                    Some(Written::Ended(result)) => return result,
                    None => return Err(engine_error("the writer's thread has panicked")),
                },
                () = &mut stop, if !is_stopping => {
                    is_stopping = true;
                    if let Some(ops) = ops.upgrade() {
                        let _ = ops.send(Op::Close).await;
                    }
                }
                _ = looks.tick() => {
                    // A thread that has no room for this is awake.
                    if let Some(ops) = ops.upgrade() {
                        let _ = ops.try_send(Op::Look);
                    }
                }
            }
        }
    }
}

fn engine_error(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Engine(Arc::from(error.into()))
}

/// Answers the operations of a batch, and wakes who waits for what they made due.
fn finish(batch: Batch, result: Result<(Results, Due), StoreError>, wakers: &Wakers, committed: &watch::Sender<u64>) {
    match result {
        Ok((results, due)) => {
            committed.send_modify(|commits| *commits += 1);
            batch.succeed(results);
            wakers.wake(&due);
        }
        Err(error) => batch.fail(&error),
    }
}

/// Holds the ledger's connection and lock.
struct WriterThread {
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
}

impl WriterThread {
    fn run(mut self) {
        let telling = self.telling.clone();
        let result = self.write_all();
        let result = self.close().and(result);
        let _ = telling.send(Written::Ended(result));
    }

    fn write_all(&mut self) -> Result<(), StoreError> {
        let mut ops = Vec::with_capacity(MOST_OPS);
        while self.waiting.blocking_recv_many(&mut ops, MOST_OPS) > 0 {
            let mut looks = false;
            ops.retain(|op| match op {
                // Operations that were sent before are still received; new ones are refused.
                Op::Close => {
                    self.waiting.close();
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
                self.commit(Batch::fill(&mut batches));
            }
            if looks {
                self.look_around();
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

    fn commit(&mut self, batch: Batch) {
        let mut due = Due::default();
        let result = self.apply(&batch, &mut due).map(|results| (results, due));
        if let Err(error) = &result
            && !matches!(error, StoreError::Damaged(_))
        {
            if let Some(count) = self.unwritten.count() {
                tracing::error!(%error, count, "the ledger could not be written; no operation of this batch is acknowledged");
            }
            self.engine.recover();
            self.chain.rolled_back();
        }
        let is_written = result.is_ok();
        let _ = self.telling.send(Written::Batch(batch, result));
        if is_written {
            self.engine.keep_log_short();
        }
    }

    /// Writes and commits a batch. A commit into files that were renamed or deleted is not reported as a success.
    fn apply(&mut self, batch: &Batch, due: &mut Due) -> Result<Results, StoreError> {
        self.look()?;
        let results = self.write(batch, due)?;
        self.look()?;
        Ok(results)
    }

    /// Writes a batch: settlements, puts, changes, then claims, so that a claim finds the replies of its own batch.
    fn write(&mut self, batch: &Batch, due: &mut Due) -> Result<Results, StoreError> {
        let WriterThread { engine, chain, .. } = self;
        engine.begin()?;
        let mut results = Results {
            settlements: engine.settle(batch.settlements.iter().map(|(settlement, _)| &**settlement), due)?,
            puts: engine.put(batch.puts.iter().map(|(entry, _)| entry), due)?,
            ..Results::default()
        };
        let settled = batch.settlements.iter().zip(&results.settlements).filter(|(_, held)| **held);
        let mut audit: Vec<&AuditEntry> = settled.flat_map(|((settlement, _), _)| settlement.audit()).collect();
        for ((change, entry), _) in &batch.changes {
            let changed = change.make(engine, chain, due)?;
            // A change that changed nothing was not made, so it is not audited.
            audit.extend(entry.as_ref().filter(|_| changed > 0));
            results.changes.push(changed);
        }
        if batch.changes.iter().any(|((change, _), _)| matches!(change, LedgerChange::NoteUnhandled(..))) {
            engine.bound_unhandled()?;
        }
        chain.add(engine, &audit)?;
        for (claim, _) in &batch.claims {
            results.claims.push(engine.claim(*claim)?);
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
