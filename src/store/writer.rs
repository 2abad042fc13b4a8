//! The writer: puts everything that waits into one transaction and one commit (group commit).
//!
//! Operations that arrive during a commit make the next batch, so batches grow with the load. It was measured to wait
//! for more before a commit: that made a slow disk a twelfth faster and a fast one a quarter slower. Success is
//! reported after the commit. If the commit fails, every operation of the batch fails.
//!
//! The engine blocks, so it runs on a thread of its own. The answers of a batch go back to a task as one message, since
//! each message between threads costs a wake-up.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc, watch};
use tokio::time::MissedTickBehavior;

use super::thread::{WriterThread, Written};
use super::{Batch, Chain, Due, Engine, Op, Results, StoreError};
use crate::clock;

/// How often an idle writer checks that the ledger's files are there, and whether another process committed something.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The task of the writer, and its thread before that is started. The part of the program that runs the tasks gets it.
pub struct Writer {
    thread: WriterThread,
    written: mpsc::UnboundedReceiver<Written>,
    answers: Answers,
}

/// What the task does with what the thread has written.
struct Answers {
    /// The way to the thread. It does not keep the ledger open.
    ops: mpsc::WeakSender<Op>,
    /// Wakes the task that ends requests for approval.
    approvals: Arc<Notify>,
    committed: watch::Sender<u64>,
}

impl Writer {
    pub(super) fn new(
        parts: (Engine, Chain),
        (ops, waiting): (mpsc::WeakSender<Op>, mpsc::Receiver<Op>),
        approvals: Arc<Notify>,
        committed: watch::Sender<u64>,
        missing_for: Duration,
    ) -> Writer {
        let (telling, written) = mpsc::unbounded_channel();
        let thread = WriterThread::new(parts, waiting, telling, missing_for);
        Writer { thread, written, answers: Answers { ops, approvals, committed } }
    }

    /// Writes until `stop` ends or every [`super::Store`] is gone. Operations that wait by then are still written.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if the ledger's files were missing for `store.missing_for`, or are missing at the end.
    /// Exit, so that a supervisor starts the daemon again.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<(), StoreError> {
        let Writer { thread, mut written, answers } = self;
        thread::Builder::new().name("ledger".to_owned()).spawn(|| thread.run()).map_err(engine_error)?;
        let mut stop = std::pin::pin!(stop);
        let mut is_stopping = false;
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut look_at: Option<Instant> = None;
        loop {
            let soon = async { tokio::time::sleep(look_at.map_or(LOOK_EVERY, |at| at - clock::instant())).await };
            tokio::select! {
                biased;
                told = written.recv() => match told {
                    Some(Written::Batch { batch, result, look_at: at }) => {
                        look_at = at;
                        answers.give(batch, result);
                    }
                    Some(Written::Beside) => answers.committed.send_modify(|commits| *commits += 1),
                    Some(Written::Ended(result)) => return result,
                    None => return Err(engine_error("the writer's thread has panicked")),
                },
                () = &mut stop, if !is_stopping => {
                    is_stopping = true;
                    answers.tell(Op::Close).await;
                }
                _ = looks.tick() => answers.have_it_look(),
                () = soon, if look_at.is_some() => {
                    look_at = None;
                    answers.have_it_look();
                }
            }
        }
    }
}

fn engine_error(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Engine(Arc::from(error.into()))
}

impl Answers {
    /// Answers the operations of a batch, and wakes who waits for what they made due.
    fn give(&self, batch: Batch, result: Result<(Results, Due), StoreError>) {
        match result {
            Ok((results, due)) => {
                self.committed.send_modify(|commits| *commits += 1);
                if due.approvals {
                    self.approvals.notify_one();
                }
                batch.succeed(results, &self.ops);
            }
            Err(error) => batch.fail(&error),
        }
    }

    async fn tell(&self, op: Op) {
        if let Some(ops) = self.ops.upgrade() {
            let _ = ops.send(op).await;
        }
    }

    /// Wakes the thread to look at everything. If it has no room for this, it is awake.
    fn have_it_look(&self) {
        if let Some(ops) = self.ops.upgrade() {
            let _ = ops.try_send(Op::Look);
        }
    }
}
