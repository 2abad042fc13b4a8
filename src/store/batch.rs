//! The writer's operations, and how many of them go into one transaction.

use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use super::{Again, AuditEntry, Claim, Claimed, Claims, Due, Entry, LedgerChange, Settlement, StoreError};

/// Where the caller waits for the result.
pub(super) type OpAnswer<T> = oneshot::Sender<Result<T, StoreError>>;

/// A change, and the audit entry that is written if it changes anything.
pub(super) type AuditedChange = (LedgerChange, Option<AuditEntry>);

/// A write. Reads do not go through the writer.
pub(super) enum Op {
    Put(Entry, OpAnswer<bool>),
    Claim(Claim, OpAnswer<HandedRows>),
    Settle(Box<Settlement>, OpAnswer<bool>),
    Change(AuditedChange, OpAnswer<u64>),
    /// Makes the periodic checks.
    Look,
    /// Takes no further operations, and ends once all that came before are written.
    Close,
}

/// Rows on their way to whoever claimed them. If nobody takes them, they are put back.
pub(super) struct HandedRows {
    rows: Vec<Claimed>,
    ops: mpsc::WeakSender<Op>,
}

impl HandedRows {
    pub(super) fn new(rows: Vec<Claimed>, ops: &mpsc::WeakSender<Op>) -> HandedRows {
        HandedRows { rows, ops: ops.clone() }
    }

    pub(super) fn take(mut self) -> Vec<Claimed> {
        std::mem::take(&mut self.rows)
    }
}

impl Drop for HandedRows {
    fn drop(&mut self) {
        let Some(ops) = self.ops.upgrade() else { return };
        for row in self.rows.drain(..) {
            // If there is no room for this, the row is claimed again when its lease ends.
            let (nobody, _) = oneshot::channel();
            let _ = ops.try_send(Op::Settle(Box::new(row.again(Again::default())), nobody));
        }
    }
}

/// A claim, and who waits for its rows.
pub(super) struct AskedClaim {
    pub(super) claim: Claim,
    pub(super) answer: OpAnswer<HandedRows>,
    /// What it found when it was tried in this batch.
    pub(super) found: Option<Claims>,
    /// When it has to be tried again. None if it was never tried.
    pub(super) look_at: Option<Instant>,
}

impl AskedClaim {
    pub(super) fn new(claim: Claim, answer: OpAnswer<HandedRows>) -> AskedClaim {
        AskedClaim { claim, answer, found: None, look_at: None }
    }

    /// Whether there may be a row for it.
    pub(super) fn is_to_be_tried(&self, due: &Due) -> bool {
        self.look_at.is_none() || due.has(self.claim.queue)
    }

    /// How long it still stands after it was tried and found nothing. None if it has rows, or no patience.
    pub(super) fn stands_for(&self) -> Option<Duration> {
        let left = self.claim.left();
        match &self.found {
            Some(claims) if claims.rows.is_empty() && !left.is_zero() => {
                Some(claims.next.map_or(left, |next| next.min(left)))
            }
            Some(_) | None => None,
        }
    }
}

/// A transaction with this many bytes takes no further operation. This bounds what one adds to the write-ahead log.
const MANY_BYTES: usize = 16 * 1024 * 1024;

/// A batch, sorted by kind.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) puts: Vec<(Entry, OpAnswer<bool>)>,
    pub(super) settlements: Vec<(Box<Settlement>, OpAnswer<bool>)>,
    pub(super) claims: Vec<AskedClaim>,
    pub(super) changes: Vec<(AuditedChange, OpAnswer<u64>)>,
}

/// The results of a batch's operations, in the order of the batch. A claim has its own.
#[derive(Default)]
pub(super) struct Results {
    pub(super) puts: Vec<bool>,
    pub(super) settlements: Vec<bool>,
    pub(super) changes: Vec<u64>,
}

impl Batch {
    /// Takes as many of the waiting operations as one transaction should have.
    pub(super) fn fill(ops: &mut impl Iterator<Item = Op>) -> Batch {
        let mut batch = Batch::default();
        let mut bytes = 0;
        while bytes < MANY_BYTES
            && let Some(op) = ops.next()
        {
            match op {
                Op::Put(entry, answer) => {
                    bytes += entry.size();
                    batch.puts.push((entry, answer));
                }
                Op::Settle(settlement, answer) => {
                    bytes += settlement.entries().iter().map(Entry::size).sum::<usize>();
                    batch.settlements.push((settlement, answer));
                }
                Op::Claim(claim, answer) => batch.claims.push(AskedClaim::new(claim, answer)),
                Op::Change(change, answer) => {
                    bytes += change.0.size();
                    batch.changes.push((change, answer));
                }
                Op::Look | Op::Close => {}
            }
        }
        batch
    }

    /// Sends the results. By `ops`, rows that nobody waits for any more are put back.
    pub(super) fn succeed(self, results: Results, ops: &mpsc::WeakSender<Op>) {
        answer(self.puts, results.puts.into_iter().map(Ok));
        answer(self.settlements, results.settlements.into_iter().map(Ok));
        answer(self.changes, results.changes.into_iter().map(Ok));
        for AskedClaim { answer, found, .. } in self.claims {
            let rows = found.map(|claims| claims.rows).unwrap_or_default();
            let _ = answer.send(Ok(HandedRows::new(rows, ops)));
        }
    }

    pub(super) fn fail(self, error: &StoreError) {
        answer(self.puts, std::iter::repeat_with(|| Err(error.clone())));
        answer(self.settlements, std::iter::repeat_with(|| Err(error.clone())));
        for AskedClaim { answer, .. } in self.claims {
            let _ = answer.send(Err(error.clone()));
        }
        answer(self.changes, std::iter::repeat_with(|| Err(error.clone())));
    }
}

/// Sends the results to the callers that still wait.
fn answer<Asked, T>(asked: Vec<(Asked, OpAnswer<T>)>, results: impl Iterator<Item = Result<T, StoreError>>) {
    for ((_, answer), result) in asked.into_iter().zip(results) {
        let _ = answer.send(result);
    }
}
