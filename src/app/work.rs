//! The two loops that do the work, assembled from their parts.

use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::shared::Shared;
use crate::config::Config;
use crate::handler::{EventHandler, LiveTable};
use crate::hooks::HookWork;
use crate::inbox::Inbox;
use crate::outbox::Outbox;

/// The longest time that new events wait for messages that were said while the bot was away.
const CATCH_UP_FIRST: Duration = Duration::from_secs(10);

/// The part that works on events.
pub(super) fn inbox(config: &Config, shared: &Shared, table: LiveTable, events: Vec<EventHandler>) -> Inbox {
    let hooks = HookWork::new(shared.hooks.clone(), shared.places.clone(), &shared.desk);
    Inbox::new(config, &shared.desk, table, (events, shared.handlers.clone()), hooks, &shared.door)
}

/// The part that sends replies.
pub(super) fn outbox(config: &Config, Shared { store, services, identity, health, .. }: &Shared) -> Outbox {
    Outbox::new(config, &services.webex, store, identity, &services.metrics, health)
}

/// Waits until the bot knows which messages are its own, and what it missed. Nothing is claimed before. `false` if the
/// daemon stops first.
pub(super) async fn begin(
    Shared { identity, health, .. }: Shared,
    mut caught_up: watch::Receiver<bool>,
    stop: CancellationToken,
) -> bool {
    let begin = async {
        identity.known().await;
        let _ = tokio::time::timeout(CATCH_UP_FIRST, caught_up.wait_for(|caught_up| *caught_up)).await;
    };
    tokio::select! {
        () = begin => {
            health.loops(Ok(()));
            true
        }
        () = stop.cancelled() => false,
    }
}
