//! Maintains the ledger beside the work: empties rows whose time is over, and ends requests for approval.

use std::time::Duration;

use super::shared::Shared;
use crate::clock;
use crate::config;
use crate::event::{Event, Source, TimeUp};
use crate::hooks::HookMaker;
use crate::store::{Overdue, RowState, Store, StoreError};

/// How often the ledger is searched for rows whose time is over.
const PRUNE_EVERY: Duration = Duration::from_secs(60);

/// The longest pause before requests for approval are checked again, since the clock may be set meanwhile.
const EXPIRE_EVERY: Duration = Duration::from_secs(60);

/// The pause while some requests are being ended, or if the ledger could not be read.
const EXPIRE_AGAIN: Duration = Duration::from_secs(10);

/// The most times that the end of a request is put into the inbox, if each time it is given up or dropped there. After
/// that the request stays open.
const MOST_EXPIRIES: u32 = 5;

/// Empties rows whose time is over, a step at a time, and sleeps when none are left.
pub(super) async fn prune(store: Store, settings: config::Store, audit: Duration, catch_up: Duration) {
    // The mark of a space says up to when everything there was worked on. It is needed as long as messages are fetched,
    // and as long as the ids of answered ones are known.
    let lanes = catch_up.max(settings.retention.saturating_add(settings.dedupe));
    loop {
        let pruned = async {
            Ok::<_, StoreError>(
                store.prune(settings.retention, settings.dedupe).await?
                    + store.prune_audit(audit).await?
                    + store.prune_lanes(lanes).await?,
            )
        };
        match pruned.await {
            Ok(0) => tokio::time::sleep(PRUNE_EVERY).await,
            Ok(_) => tokio::task::yield_now().await,
            Err(error) => {
                if !error.is_told() {
                    tracing::error!(%error, "settled rows could not be pruned");
                }
                tokio::time::sleep(PRUNE_EVERY).await;
            }
        }
    }
}

/// Ends requests for approval once their time is over. It does so through the inbox, so the end takes its place in the
/// order of the space and survives a killed process, like any other event.
pub(super) async fn expire(shared: Shared) {
    loop {
        let pause = match put_overdue(&shared).await {
            Ok(pause) => pause,
            Err(error) => {
                if !error.is_told() {
                    tracing::error!(%error, "what waits for approval could not be looked through; trying again");
                }
                EXPIRE_AGAIN
            }
        };
        tokio::select! {
            () = shared.store.approval_asked() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Tells the makers of hooks when these end.
pub(super) async fn tell_makers(maker: HookMaker) {
    loop {
        if let Err(error) = maker.tell_makers().await
            && !error.is_told()
        {
            tracing::error!(%error, "the hooks that end could not be looked through; trying again");
        }
        tokio::time::sleep(EXPIRE_EVERY).await;
    }
}

/// Puts the ends of overdue requests into the inbox. Gives the time until the next check, if nobody makes a request
/// before.
async fn put_overdue(Shared { store, services, door, .. }: &Shared) -> Result<Duration, StoreError> {
    let now = clock::wall_ms();
    let (overdue, next) = store.overdue_approvals(now).await?;
    for Overdue { card, room, expires_at } in &overdue {
        // Its place in the order of the space is by Webex's clock, like that of clicks.
        let at = (*expires_at).min(now) - services.webex.clock_lead().unwrap_or_default();
        let at = jiff::Timestamp::from_millisecond(at).ok();
        for nth in 0..MOST_EXPIRIES {
            let event = Event::TimeUp(TimeUp { card: *card, nth, room: room.as_str().into(), created: at });
            let row = store.row(event.event_id()).await?;
            match row.map(|row| row.state) {
                Some(RowState::Open) => break,
                // The event was given up or dropped, and the request is still open.
                Some(RowState::Done | RowState::Dead | RowState::Forgotten) => {}
                None => {
                    door.take(Source::Clock, &event, None).await?;
                    break;
                }
            }
        }
    }
    let pause = next.map(|next| Duration::from_millis((next - now).max(0).unsigned_abs()));
    Ok(pause.unwrap_or(EXPIRE_EVERY).min(if overdue.is_empty() { EXPIRE_EVERY } else { EXPIRE_AGAIN }))
}
