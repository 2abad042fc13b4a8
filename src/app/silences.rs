//! Watches hooks that expect something to come. The end of a silence that was allowed is an event, and goes through the
//! inbox like any other.

use std::time::Duration;

use super::shared::Shared;
use crate::clock::{self, Clock};
use crate::event::{Event, Source};
use crate::hooks::{due_silences, watched};
use crate::store::StoreError;

/// How often the silences are compared with the clock, which may be set meanwhile.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often the ledger notes that a daemon takes deliveries.
const NOTE_EVERY: Duration = Duration::from_secs(60);

/// Puts the beginning and the end of each silence into the inbox. Does nothing if no hook expects anything.
pub(super) async fn watch(shared: Shared) {
    let clock = shared.clock.clone();
    let hooks = watched(&shared.hooks);
    if hooks.is_empty() {
        return std::future::pending().await;
    }
    let mut noted = None;
    loop {
        // Another daemon takes the deliveries while this one waits.
        if shared.gate.answers().is_none() {
            shared.gate.open().await;
            noted = None;
        }
        let looked = async {
            if noted.is_none_or(|noted| clock::instant().duration_since(noted) >= NOTE_EVERY) {
                shared.store.watch_hooks(hooks.clone(), noted.is_none()).await?;
                noted = Some(clock::instant());
            }
            put_due(&shared, &clock).await
        };
        if let Err(error) = looked.await
            && !error.is_told()
        {
            tracing::error!(%error, "the silences of hooks could not be looked at; trying again");
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Puts the silences that are due into the inbox. One that is there already is not put again.
async fn put_due(Shared { store, hooks, door, .. }: &Shared, clock: &Clock) -> Result<(), StoreError> {
    let expected = store.expected_hooks().await?;
    for silence in due_silences(hooks, &expected, clock.wall_ms()) {
        let event = Event::Silence(silence);
        if store.row(event.event_id()).await?.is_none() {
            door.take(Source::Clock, &event, None).await?;
        }
    }
    Ok(())
}
