//! What goes on beside the work: pruning the ledger, and looking after the token and the webhooks.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::clock;
use crate::config::{self, Config, Mode};
use crate::event::{Event, Source, TimeUp};
use crate::health::Health;
use crate::identity::{Identity, doubt};
use crate::instance::Gate;
use crate::receiver::{Door, registration};
use crate::store::{Overdue, State, Store, StoreError};
use crate::webex::{Client, Error, Fault, Priority};

/// How often settled rows are looked through for those past their time.
const PRUNE_EVERY: Duration = Duration::from_secs(60);

/// The longest pause between two looks at what waits for approval: the clock may be set meanwhile.
const EXPIRE_EVERY: Duration = Duration::from_secs(60);

/// The same while some of it is being ended, or the ledger could not be read.
const EXPIRE_AGAIN: Duration = Duration::from_secs(10);

/// So often an end is put into the inbox anew that was given up or dropped there; what then still is not ended never will.
const MOST_EXPIRIES: u32 = 5;

/// Empties rows past their time, a step at a time, and sleeps when there are none left.
pub(super) async fn prune(store: Store, settings: config::Store, audit: Duration, catch_up: Duration) {
    // A space's mark says up to when everything there was worked on. It is needed for as long as messages are fetched, and
    // the ids of those that were answered are known.
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

/// Ends what waits for approval once its time is over, through the inbox, so that it happens in the order of the space and
/// survives whatever the rest of it survives.
pub(super) async fn expire(store: Store, webex: Client, door: Door) {
    loop {
        let pause = match put_overdue(&store, &webex, &door).await {
            Ok(pause) => pause,
            Err(error) => {
                if !error.is_told() {
                    tracing::error!(%error, "what waits for approval could not be looked through; trying again");
                }
                EXPIRE_AGAIN
            }
        };
        tokio::select! {
            () = store.approval_asked() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Until the next time is over, if nothing is asked for before.
async fn put_overdue(store: &Store, webex: &Client, door: &Door) -> Result<Duration, StoreError> {
    let now = clock::wall_ms();
    let (overdue, next) = store.overdue_approvals(now).await?;
    for Overdue { card, room, expires_at } in &overdue {
        // Its place in the space is by Webex's clock, as that of the clicks is.
        let at = (*expires_at).min(now) - webex.clock_lead().unwrap_or_default();
        let at = jiff::Timestamp::from_millisecond(at).ok();
        for nth in 0..MOST_EXPIRIES {
            let event = Event::TimeUp(TimeUp { card: *card, nth, room: room.as_str().into(), created: at });
            let row = store.between(event.event_id(), event.event_id()).await?.pop();
            match row.map(|row| row.state) {
                Some(State::Open) => break,
                // It was given up or dropped, and the request is still there.
                Some(State::Done | State::Dead | State::Forgotten) => {}
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

/// Learns who the bot is, then keeps its webhooks as they ought to be. A refused token or a Webex that is away is
/// said plainly and tried again: a supervisor that starts us over and over helps nobody.
pub(super) async fn register(
    config: Config,
    webex: Client,
    identity: Identity,
    health: Health,
    nudge: Arc<Notify>,
    gate: Gate,
) {
    let mut pause = Duration::from_secs(1);
    loop {
        match webex.me().await {
            Ok(me) => {
                tracing::info!(email = me.email(), id = %me.id, "Webex takes the token; it is of {}", me.described());
                if let Some((says, hint)) = doubt(&me) {
                    tracing::warn!(hint, "{says}");
                }
                health.token(Ok(()));
                identity.set(me);
                break;
            }
            Err(error) => {
                tracing::error!(%error, hint = error.hint(), "not ready: Webex does not say who the bot is; trying again");
                health.token(Err(error.in_short()));
                tokio::time::sleep(asked_pause(&error).unwrap_or(pause)).await;
                pause = (pause * 2).min(Duration::from_secs(30));
            }
        }
    }
    match config.delivery.mode {
        Mode::Webhook | Mode::Both => {}
        // There are none; whatever is the way in reports itself.
        Mode::Polling | Mode::Websocket => return std::future::pending().await,
    }
    let (Some(url), Some(secret)) = (config.webhook.target_url(), &config.webhook.secret) else {
        health.webhooks(Ok(()));
        nudge.notify_one();
        if config.cards.enabled && webex.webhooks().await.is_ok_and(|found| !registration::tells_of_clicks(&found)) {
            tracing::warn!(
                "no webhook tells of clicks on cards, so their buttons do nothing: set webhook.public_url, register one \
                 for attachmentActions yourself, or set cards.enabled = false"
            );
        }
        return std::future::pending().await;
    };
    let wanted = registration::wanted(url, secret);
    let mut looked_at = false;
    loop {
        // Whoever waits leaves them to the other daemon.
        gate.open().await;
        let interval = config.webhook.check_interval;
        let pause = match registration::synchronise(&webex.at(Priority::Poll), &wanted).await {
            Ok(changes) => {
                for change in &changes {
                    tracing::info!("webhooks: {change}");
                }
                // Until now they did not bring everything.
                if looked_at && !changes.is_empty() {
                    nudge.notify_one();
                }
                health.webhooks(Ok(()));
                health.token(Ok(()));
                interval
            }
            Err(error) => {
                tracing::error!(%error, hint = error.hint(), "the webhooks could not be looked after; trying again");
                if error.is_unauthorized() {
                    health.token(Err(error.in_short()));
                }
                health.webhooks(Err(error.in_short()));
                // Some of it may have been changed, and what was is not known.
                if looked_at {
                    nudge.notify_one();
                }
                asked_pause(&error).unwrap_or(interval.min(Duration::from_secs(5)))
            }
        };
        if !std::mem::replace(&mut looked_at, true) {
            nudge.notify_one();
        }
        tokio::time::sleep(pause).await;
    }
}

pub(super) fn asked_pause(error: &Error) -> Option<Duration> {
    match error.fault() {
        Fault::Wait(pause) => Some(pause),
        Fault::Away | Fault::Refused | Fault::NotFound | Fault::Broken | Fault::Final => None,
    }
}
