//! The writer task: whatever waits goes into one transaction and one commit (group commit).
//!
//! What comes while a commit is on its way makes the next batch, so batches grow with the load by themselves; to wait for
//! more before a commit was measured and helped only a slow disk, by a twelfth, and cost a fast one a quarter.
//! Nobody hears of success before the commit. When it fails, everybody in the batch hears of the failure.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use super::pairing::{Asked, Asking, Deciding};
use super::sqlite::database::{Due, Sqlite};
use super::sqlite::presence::Damage;
use super::{ASKED, AuditEntry, Beginning, Claim, Claims, Entry, Progress, Queue, Settlement, StoreError};
use crate::clock;
use crate::telemetry::Seldom;

type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

/// One thing to be written.
pub(super) enum Op {
    Put(Entry, Answer<bool>),
    Note(Entry, String, Answer<bool>),
    Claim(Claim, Answer<Claims>),
    Settle(Box<Settlement>, Answer<bool>),
    Reopen(Uuid, AuditEntry, Answer<bool>),
    Discard(Uuid, AuditEntry, Answer<bool>),
    Prune { retention: Duration, dedupe: Duration, answer: Answer<u64> },
    PruneAudit(Duration, Answer<u64>),
    PruneLanes(Duration, Answer<u64>),
    SealAudit(AuditEntry, Answer<bool>),
    Begin(Beginning, Answer<()>),
    Progress(Progress, Answer<()>),
    Ask(Box<Asking>, Answer<Asked>),
    Decide(Box<Deciding>, Answer<bool>),
    Withdraw(Uuid, String, AuditEntry, Answer<bool>),
    Answers(bool, Answer<()>),
    BeginOnce { seq: i64, lane: Uuid, fence: i64, answer: Answer<bool> },
    Hurry(Answer<()>),
    Beat(Answer<()>),
}

impl Op {
    /// Sends the caller how many rows the operation changed, or why it failed.
    fn answer(self, changed: Result<u64, StoreError>) {
        match self {
            Op::Reopen(.., answer)
            | Op::Discard(.., answer)
            | Op::Withdraw(.., answer)
            | Op::Decide(_, answer)
            | Op::BeginOnce { answer, .. }
            | Op::Note(.., answer)
            | Op::SealAudit(_, answer) => drop(answer.send(changed.map(|rows| rows > 0))),
            Op::Ask(_, answer) => drop(answer.send(changed.map(Asked::of))),
            Op::Prune { answer, .. } | Op::PruneAudit(_, answer) | Op::PruneLanes(_, answer) => {
                drop(answer.send(changed))
            }
            Op::Begin(_, answer)
            | Op::Progress(_, answer)
            | Op::Answers(_, answer)
            | Op::Hurry(answer)
            | Op::Beat(answer) => {
                drop(answer.send(changed.map(drop)));
            }
            // A batch answers these itself: each kind is one statement.
            Op::Put(..) | Op::Claim(..) | Op::Settle(..) => {}
        }
    }
}

/// The most operations of one transaction: it bounds how long the first of them waits.
const MOST_OPS: usize = 1024;

/// Bytes after which a transaction takes no further operation: it bounds what one adds to the write-ahead log.
const MANY_BYTES: usize = 16 * 1024 * 1024;

/// How often it is looked whether the ledger's files are there, while nothing is written.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often the ledger is stamped anew; a copy that is younger and as large, and is written over it, is not noticed.
const STAMP_EVERY: Duration = Duration::from_secs(3600);

/// Holds the ledger's connection and lock; given to whoever runs the tasks.
pub struct Writer {
    engine: Sqlite,
    waiting: mpsc::Receiver<Op>,
    wakers: Arc<[Notify; 3]>,
    committed: watch::Sender<u64>,
    /// How long the ledger's files may be missing.
    missing_for: Duration,
    /// What is wrong with them, and since when.
    damage: Option<(Damage, Instant)>,
    unwritten: Seldom,
}

/// A batch, sorted by kind so that each kind is one statement.
#[derive(Default)]
struct Batch {
    puts: Vec<(Entry, Answer<bool>)>,
    settlements: Vec<(Settlement, Answer<bool>)>,
    claims: Vec<(Claim, Answer<Claims>)>,
    others: Vec<Op>,
}

impl Writer {
    pub(super) fn new(
        engine: Sqlite,
        waiting: mpsc::Receiver<Op>,
        wakers: Arc<[Notify; 3]>,
        committed: watch::Sender<u64>,
        missing_for: Duration,
    ) -> Writer {
        Writer { engine, waiting, wakers, committed, missing_for, damage: None, unwritten: Seldom::default() }
    }

    /// Serves writes until `stop` ends or every [`super::Store`] is gone; what waits then is still written.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when the ledger's files were missing for `store.missing_for`, or are at the end.
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
                self.engine.close().await?;
                return Err(damage.into());
            }
            let received = tokio::select! {
                biased;
                received = self.waiting.recv_many(&mut ops, MOST_OPS) => received,
                () = &mut stop, if !self.waiting.is_closed() => {
                    // What was sent before is still received; then nothing is.
                    self.waiting.close();
                    continue;
                }
                _ = looks.tick() => {
                    // What is wrong is kept in `damage`.
                    if self.look(None).await.is_ok() && stamped.elapsed() >= STAMP_EVERY {
                        stamped = clock::instant();
                        self.engine.stamp().await;
                    }
                    continue;
                }
            };
            if received == 0 {
                return Ok(self.engine.close().await?);
            }
            let mut ops = ops.drain(..).peekable();
            while ops.peek().is_some() {
                self.commit(Batch::fill(&mut ops)).await;
            }
        }
    }

    /// Sees that the ledger's files are there, and tells when they are not, once, and when they are again.
    async fn look(&mut self, pages: Option<i64>) -> Result<(), Damage> {
        let found = self.engine.check(pages).await;
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
                results.answer(batch);
                for queue in [Queue::Inbox, Queue::Outbox] {
                    if due.has(queue) {
                        self.wakers[queue as usize].notify_one();
                    }
                }
                if due.approvals {
                    self.wakers[ASKED].notify_one();
                }
                self.engine.keep_log_short().await;
            }
            Err(error @ StoreError::Damaged(_)) => {
                batch.fail(&error);
            }
            Err(error) => {
                if let Some(count) = self.unwritten.count() {
                    tracing::error!(%error, count, "the ledger could not be written; nothing of this batch is acknowledged");
                }
                self.engine.recover().await;
                batch.fail(&error);
            }
        }
    }

    /// Nobody hears of a commit into files that have other names by now, or none.
    async fn apply(&mut self, batch: &Batch, due: &mut Due) -> Result<Results, StoreError> {
        self.look(None).await?;
        let (results, pages) = self.write(batch, due).await?;
        self.look(Some(pages)).await?;
        Ok(results)
    }

    /// Settlements before puts, so that a reply is in the outbox when the claim of the same batch looks; claims last.
    async fn write(&mut self, batch: &Batch, due: &mut Due) -> Result<(Results, i64), sqlx::Error> {
        let engine = &mut self.engine;
        let pages = engine.begin().await?;
        let mut results = Results {
            settlements: engine.settle(batch.settlements.iter().map(|(settlement, _)| settlement), due).await?,
            puts: engine.put(batch.puts.iter().map(|(entry, _)| entry), due).await?,
            ..Results::default()
        };
        let settled = batch.settlements.iter().zip(&results.settlements).filter(|(_, held)| **held);
        let mut audit: Vec<&AuditEntry> = settled.flat_map(|((settlement, _), _)| settlement.audit()).collect();
        for op in &batch.others {
            let (changed, entry) = match op {
                Op::Reopen(id, entry, _) => (engine.reopen(*id, due).await?.into(), Some(entry)),
                Op::Discard(id, entry, _) => (engine.discard(*id, due).await?.into(), Some(entry)),
                Op::Withdraw(card, by, entry, _) => {
                    (engine.withdraw_approval(*card, by, due).await?.into(), Some(entry))
                }
                Op::Prune { retention, dedupe, .. } => (engine.prune(*retention, *dedupe).await?, None),
                Op::PruneAudit(retention, _) => (engine.prune_audit(*retention).await?, None),
                Op::PruneLanes(idle, _) => (engine.prune_lanes(*idle).await?, None),
                Op::SealAudit(entry, _) => (engine.seal_audit().await?.into(), Some(entry)),
                Op::Begin(beginning, _) => (engine.begin_coverage(beginning).await.map(|()| 0)?, None),
                Op::Progress(progress, _) => (engine.progress(progress).await.map(|()| 0)?, None),
                Op::Ask(asking, _) => (engine.ask(asking).await? as u64, None),
                Op::Decide(deciding, _) => (engine.decide(deciding, due).await?.into(), Some(&deciding.audit)),
                Op::Answers(answers, _) => (engine.set_answers(*answers).await.map(|()| 0)?, None),
                Op::BeginOnce { seq, lane, fence, .. } => (engine.begin_once(*seq, *lane, *fence).await?, None),
                Op::Hurry(_) => (engine.hurry(due).await.map(|()| 0)?, None),
                Op::Beat(_) => (engine.beat().await.map(|()| 0)?, None),
                Op::Note(entry, note, _) => (engine.note_unhandled(entry, note).await?.into(), None),
                Op::Put(..) | Op::Claim(..) | Op::Settle(..) => (0, None),
            };
            // What changed nothing was not done.
            audit.extend(entry.filter(|_| changed > 0));
            results.others.push(changed);
        }
        if batch.others.iter().any(|op| matches!(op, Op::Note(..))) {
            engine.bound_unhandled().await?;
        }
        engine.audit(&audit).await?;
        for (claim, _) in &batch.claims {
            results.claims.push(engine.claim(*claim).await?);
        }
        engine.commit().await?;
        Ok((results, pages))
    }
}

/// What the operations of a batch come to, in the batch's order.
#[derive(Default)]
struct Results {
    puts: Vec<bool>,
    settlements: Vec<bool>,
    claims: Vec<Claims>,
    others: Vec<u64>,
}

impl Results {
    /// Whoever has stopped waiting for an answer does not get it. Nobody stops waiting for a claim: its rows would stay
    /// reserved until the lease ends.
    fn answer(self, batch: Batch) {
        for ((_, answer), new) in batch.puts.into_iter().zip(self.puts) {
            let _ = answer.send(Ok(new));
        }
        for ((_, answer), held) in batch.settlements.into_iter().zip(self.settlements) {
            let _ = answer.send(Ok(held));
        }
        for ((.., answer), claims) in batch.claims.into_iter().zip(self.claims) {
            let _ = answer.send(Ok(claims));
        }
        for (op, changed) in batch.others.into_iter().zip(self.others) {
            op.answer(Ok(changed));
        }
    }
}

/// Bytes of an entry's body and file.
fn size(entry: &Entry) -> usize {
    entry.body.len() + entry.file.as_ref().map_or(0, |file| file.len())
}

impl Batch {
    /// Takes from what waits as much as one transaction should have.
    fn fill(ops: &mut impl Iterator<Item = Op>) -> Batch {
        let mut batch = Batch::default();
        let mut bytes = 0;
        while bytes < MANY_BYTES
            && let Some(op) = ops.next()
        {
            match op {
                Op::Put(entry, answer) => {
                    bytes += size(&entry);
                    batch.puts.push((entry, answer));
                }
                Op::Settle(settlement, answer) => {
                    bytes += settlement.entries().iter().map(size).sum::<usize>();
                    batch.settlements.push((*settlement, answer));
                }
                Op::Claim(claim, answer) => batch.claims.push((claim, answer)),
                Op::Note(entry, note, answer) => {
                    bytes += size(&entry);
                    batch.others.push(Op::Note(entry, note, answer));
                }
                op @ (Op::Reopen(..)
                | Op::Discard(..)
                | Op::Withdraw(..)
                | Op::Prune { .. }
                | Op::PruneAudit(..)
                | Op::PruneLanes(..)
                | Op::SealAudit(..)
                | Op::Begin(..)
                | Op::Progress(..)
                | Op::Ask(..)
                | Op::Decide(..)
                | Op::Answers(..)
                | Op::BeginOnce { .. }
                | Op::Hurry(_)
                | Op::Beat(_)) => batch.others.push(op),
            }
        }
        batch
    }

    fn fail(self, error: &StoreError) {
        let error = || error.clone();
        self.puts.into_iter().for_each(|(_, answer)| drop(answer.send(Err(error()))));
        self.settlements.into_iter().for_each(|(_, answer)| drop(answer.send(Err(error()))));
        self.claims.into_iter().for_each(|(.., answer)| drop(answer.send(Err(error()))));
        self.others.into_iter().for_each(|op| op.answer(Err(error())));
    }
}
