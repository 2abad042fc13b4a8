//! Claim, run, settle: one loop that knows neither queue's meaning, and the table that says when a row is tried again.
//!
//! A row is claimed only when there is a slot to work on it, so no lease runs out while waiting its turn.

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
use tracing::Instrument;
use uuid::Uuid;

pub use retry::Retry;

use crate::instance::Gate;
use crate::store::{Claimed, Claims, Queue, Settlement, Store};
use crate::webex::Client;

/// The safety net: other processes may write to the ledger without our hearing of it.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What takes longer than this gives up its slot, where that may be.
const HANGS_AFTER: Duration = Duration::from_secs(2);

/// How often it is tried to settle a row.
const SETTLES: u32 = 3;

/// How the loops end.
#[derive(Clone, Default)]
pub struct Stop {
    /// Nothing new is claimed; what is in hand is finished.
    pub drain: CancellationToken,
    /// What is still in hand is put back.
    pub abort: CancellationToken,
}

/// What works on one row. It must end before the lease does.
pub trait Work: Send + Sync + 'static {
    /// Which rows.
    const QUEUE: Queue;

    /// Whether the work is nothing but waiting for Webex, so that what hangs may go on beside the slots.
    const MAY_STEP_ASIDE: bool;

    /// Whose budget of calls the work takes from.
    fn webex(&self) -> &Client;

    /// The event a row belongs to, for the log.
    fn event(row: &Claimed) -> Uuid;

    /// Works on a row and says what becomes of it.
    fn work(&self, row: Claimed) -> impl Future<Output = Settlement> + Send;

    /// What becomes of a row whose work panicked, outside of any handler.
    fn panicked(&self, row: Claimed, why: String) -> Settlement;

    /// What becomes of a row that is put back unfinished.
    fn put_back(row: Claimed) -> Settlement;
}

/// Runs until told to drain, and returns when nothing is in hand any more. Nothing is claimed before
/// it is known which daemon answers; what this one has acknowledged it answers in any case.
///
/// Spaces that fail or hang leave room for the others: what comes back after a pause has half of the slots, and a post that
/// hangs gives its slot away, as long as there are not more of them beside the slots than slots.
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
        // Nor does one when Webex asked to slow down: what could not be read or sent soon is not claimed yet.
        let Some(room) = stop.drain.run_until_cancelled(work.webex().room_for_messages()).await else { break };
        let free = room.min(1 + slots.available_permits());
        drop(slot);
        let most_back = for_back.available_permits();
        let claims = claim(&*work, &store, free, most_back).await;
        let found = claims.rows.len();
        for row in claims.rows {
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
            let back = if row.is_back { Arc::clone(&for_back).try_acquire_owned().ok() } else { None };
            let span = tracing::info_span!("event", id = %W::event(&row));
            let (work, store, stop, aside) = (Arc::clone(&work), store.clone(), stop.clone(), Arc::clone(&aside));
            let task = async move { work_on(&*work, &store, row, &stop, (slot, back), &aside).await };
            tasks.spawn(task.instrument(span));
        }
        if found < free {
            let is_back_full = for_back.available_permits() == 0;
            tokio::select! {
                () = store.woken(W::QUEUE) => {}
                _ = for_back.acquire(), if is_back_full => {}
                () = tokio::time::sleep(claims.next.map_or(LOOK_AGAIN, |next| next.min(LOOK_AGAIN))) => {}
                () = stop.drain.cancelled() => break,
            }
        }
    }
    while let Some(ended) = tasks.join_next().await {
        log_defect(ended);
    }
}

async fn claim<W: Work>(work: &W, store: &Store, most: usize, most_back: usize) -> Claims {
    store.claim(W::QUEUE, most, most_back, work.webex().webex_time()).await.unwrap_or_else(|error| {
        if !error.is_told() {
            tracing::error!(%error, "the ledger gave no work; looking again in a second");
        }
        Claims { rows: Vec::new(), next: Some(LOOK_AGAIN) }
    })
}

/// Works on a row and settles it, in its slot, or beside the slots once it hangs and there is room.
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
    let working = AssertUnwindSafe(work.work(row.clone())).catch_unwind();
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
            // The work is done, and settled as soon as the files are back, unless the daemon ends before.
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

/// What a panic said.
pub fn reason(panic: &(dyn Any + Send)) -> String {
    let said = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", said.unwrap_or("no reason given"))
}
