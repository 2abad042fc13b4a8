//! The writer's operations, and how many of them go into one transaction.

use tokio::sync::{mpsc, oneshot};

use super::standing::{AskedClaim, HandedRows};
use super::{AuditEntry, Claim, Entry, LedgerChange, Settlement, StoreError};

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
