//! Claim, run, settle: one loop, used for the inbox and for the outbox.
//!
//! A row is claimed only when there is a slot to work on it, so no lease runs out while waiting its turn.

mod inbox;
mod outbox;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use inbox::Inbox;
pub use outbox::{Letter, Outbox};

use crate::config;
use crate::store::{Claimed, Queue, Settlement, Store};

/// The safety net: other processes may write to the ledger without our hearing of it.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

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

    /// Works on a row and says what becomes of it.
    fn work(&self, row: Claimed) -> impl Future<Output = Settlement> + Send;

    /// What becomes of a row that is put back unfinished.
    fn put_back(row: Claimed) -> Settlement;
}

/// Runs until told to drain, and returns when nothing is in hand any more.
pub async fn run<W: Work>(work: Arc<W>, store: Store, concurrency: usize, stop: Stop) {
    let slots = Arc::new(Semaphore::new(concurrency));
    let mut tasks = JoinSet::new();
    loop {
        let slot = tokio::select! {
            biased;
            () = stop.drain.cancelled() => break,
            slot = Arc::clone(&slots).acquire_owned() => slot,
        };
        while tasks.try_join_next().is_some() {}
        let free = 1 + slots.available_permits();
        drop(slot);
        let claims = match store.claim(W::QUEUE, free).await {
            Ok(claims) => claims,
            Err(error) => {
                tracing::error!(%error, "the ledger gave no work; looking again in a second");
                crate::store::Claims { rows: Vec::new(), next: Some(LOOK_AGAIN) }
            }
        };
        let found = claims.rows.len();
        for row in claims.rows {
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
            let (work, store, stop) = (Arc::clone(&work), store.clone(), stop.clone());
            tasks.spawn(async move {
                settle(&*work, &store, row, &stop).await;
                drop(slot);
            });
        }
        if found < free {
            tokio::select! {
                () = store.woken(W::QUEUE) => {}
                () = tokio::time::sleep(claims.next.map_or(LOOK_AGAIN, |next| next.min(LOOK_AGAIN))) => {}
                () = stop.drain.cancelled() => break,
            }
        }
    }
    while tasks.join_next().await.is_some() {}
}

async fn settle<W: Work>(work: &W, store: &Store, row: Claimed, stop: &Stop) {
    let id = row.id;
    let settlement = tokio::select! {
        settlement = work.work(row.clone()) => settlement,
        () = stop.abort.cancelled() => W::put_back(row),
    };
    for last in [false, false, true] {
        match store.settle(settlement.clone()).await {
            Ok(true) => return,
            Ok(false) => {
                tracing::warn!(event = %id, "a lease was lost before the work was settled; somebody else has it now");
                return;
            }
            Err(error) if last => {
                tracing::error!(event = %id, %error, "work could not be settled; it is done again when its lease ends");
            }
            Err(error) => {
                tracing::warn!(event = %id, %error, "work could not be settled; trying again");
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        }
    }
}

/// The pause after the nth failure: doubling, capped, and at random between half and all of it.
fn backoff(settings: &config::Worker, attempt: u32) -> Duration {
    let whole = settings.backoff.saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1).min(20)));
    jittered(whole.min(settings.backoff_max))
}

/// The pause while Webex is away: half as long as it has been waiting already, so it doubles without a counter.
fn patience(settings: &config::Worker, age: Duration) -> Duration {
    jittered((age / 2).clamp(settings.backoff, settings.backoff_max))
}

fn jittered(whole: Duration) -> Duration {
    whole.mul_f64(0.5 + fastrand::f64() / 2.0)
}
