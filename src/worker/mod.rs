//! Claims rows, has them worked on and settles them: one loop for both queues, which does not know what either is for.
//! `retry` says when a row is tried again.
//!
//! A row is claimed only when a slot is free to work on it, so no lease runs out while the row waits.

mod retry;

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span, field};
use uuid::Uuid;

pub use retry::{Retry, no_answer};

use crate::instance::Gate;
use crate::store::{Claimed, Queue, Settlement, Store};
use crate::webex::Client;

/// How long a claim stands. Before the next one, the loop asks anew how many calls Webex takes now. It is also the pause
/// after an error of the ledger.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How long work may take before it hangs. It then gives up its slot, if [`Work::MAY_STEP_ASIDE`].
const HANGS_AFTER: Duration = Duration::from_secs(2);

/// How often settling a row is tried.
const SETTLES: u32 = 3;

/// How the loops end.
#[derive(Clone, Default)]
pub struct Stop {
    /// Nothing new is claimed. Rows in hand are finished.
    pub drain: CancellationToken,
    /// Rows in hand are put back unfinished.
    pub abort: CancellationToken,
}

/// Works on rows. Work on a row must end before its lease does.
pub trait Work: Send + Sync + 'static {
    /// The queue of the rows.
    const QUEUE: Queue;

    /// Whether work that hangs may continue without a slot. True only for work that does nothing but wait for Webex.
    const MAY_STEP_ASIDE: bool;

    /// What the body of a row is read as.
    type Body: Send;

    /// The client whose budget of calls the work uses.
    fn webex(&self) -> &Client;

    /// Reads the body of a row. Gives it with the id of the event that the row belongs to, which the log names.
    fn read(row: &Claimed) -> (Uuid, Self::Body);

    /// Works on a row and gives its settlement.
    fn work(&self, row: Claimed, body: Self::Body) -> impl Future<Output = Settlement> + Send;

    /// The settlement of a row whose work panicked outside of any handler.
    fn panicked(&self, row: Claimed, why: String) -> Settlement;

    /// The settlement that puts a row back unfinished.
    fn put_back(row: Claimed) -> Settlement;
}

/// Runs until the drain, and returns when no row is in hand. Nothing is claimed until it is known which daemon answers;
/// then this one works on what it has acknowledged even if another one answers.
///
/// Spaces that fail or hang leave room for the others. Rows that come back after a pause have half of the slots. A post
/// that hangs gives up its slot; at most as many go on without a slot as there are slots.
pub async fn run<W: Work>(work: Arc<W>, store: Store, concurrency: usize, gate: Gate, stop: Stop) {
    let slots = Arc::new(Semaphore::new(concurrency));
    let (for_back, aside) = (Arc::new(Semaphore::new(concurrency.div_ceil(2))), Arc::new(Semaphore::new(concurrency)));
    let mut tasks = JoinSet::new();
    loop {
        let slot = async {
            gate.known().await;
            Arc::clone(&slots).acquire_owned().await
        };
        let Some(slot) = stop.drain.run_until_cancelled(slot).await else { break };
        while let Some(ended) = tasks.try_join_next() {
            log_defect(ended);
        }
        // Webex may have asked to slow down. Rows that could not be read or sent soon are not claimed yet.
        let Some(room) = stop.drain.run_until_cancelled(work.webex().room_for_messages()).await else { break };
        let free = room.min(1 + slots.available_permits());
        drop(slot);
        let most_back = for_back.available_permits();
        let rows = tokio::select! {
            rows = claim(&*work, &store, [free, most_back]) => rows,
            _ = for_back.acquire(), if most_back == 0 => continue,
            () = stop.drain.cancelled() => break,
        };
        for row in rows {
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
            let back = if row.is_back { Arc::clone(&for_back).try_acquire_owned().ok() } else { None };
            let span = tracing::info_span!("event", id = field::Empty);
            let (work, store, stop, aside) = (Arc::clone(&work), store.clone(), stop.clone(), Arc::clone(&aside));
            let task = async move { work_on(&*work, &store, row, &stop, (slot, back), &aside).await };
            tasks.spawn(task.instrument(span));
        }
    }
    while let Some(ended) = tasks.join_next().await {
        log_defect(ended);
    }
}

/// Claims rows. Waits for some if none is due.
async fn claim<W: Work>(work: &W, store: &Store, most: [usize; 2]) -> Vec<Claimed> {
    let webex = work.webex().clone();
    match store.claim(W::QUEUE, most, move || webex.webex_time(), LOOK_AGAIN).await {
        Ok(rows) => rows,
        Err(error) => {
            if !error.is_told() {
                tracing::error!(%error, "the ledger gave no work; looking again in a second");
            }
            tokio::time::sleep(LOOK_AGAIN).await;
            Vec::new()
        }
    }
}

/// Works on a row and settles it. Work that hangs gives up its slot if there is a place aside.
async fn work_on<W: Work>(
    work: &W,
    store: &Store,
    row: Claimed,
    stop: &Stop,
    slots: (OwnedSemaphorePermit, Option<OwnedSemaphorePermit>),
    aside: &Semaphore,
) {
    let mut settling = pin!(settle(work, store, row, stop));
    tokio::select! {
        () = &mut settling => return,
        () = tokio::time::sleep(HANGS_AFTER), if W::MAY_STEP_ASIDE => {}
    }
    let place = aside.try_acquire();
    if place.is_ok() {
        drop(slots);
    }
    settling.await;
}

fn log_defect(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "work on a row failed where it must not; its lease ends by itself");
    }
}

async fn settle<W: Work>(work: &W, store: &Store, row: Claimed, stop: &Stop) {
    let (event, body) = W::read(&row);
    // Every line of the log about the row has it from now on.
    Span::current().record("id", field::display(event));
    let working = AssertUnwindSafe(work.work(row.clone(), body)).catch_unwind();
    let settlement = tokio::select! {
        result = working => match result {
            Ok(settlement) => settlement,
            Err(panic) => work.panicked(row, reason(&*panic)),
        },
        () = stop.abort.cancelled() => W::put_back(row),
    };
    let mut tries = 1;
    loop {
        match store.settle(settlement.clone()).await {
            Ok(true) => return,
            Ok(false) => {
                tracing::warn!("a lease was lost before the work was settled; somebody else has it now");
                return;
            }
            // The ledger's files are missing. The work is done, and is settled once they are back.
            Err(error) if error.is_told() => {
                if stop.abort.is_cancelled() {
                    return;
                }
            }
            Err(error) if tries == SETTLES => {
                tracing::error!(%error, "work could not be settled; it is done again when its lease ends");
                return;
            }
            Err(error) => {
                tries += 1;
                tracing::warn!(%error, "work could not be settled; trying again");
            }
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// The message of a panic.
pub fn reason(panic: &(dyn Any + Send)) -> String {
    let said = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", said.unwrap_or("no reason given"))
}
