//! The two loops that do the work, put together from what they need.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::handler::{LiveTable, Services};
use crate::health::Health;
use crate::identity::Identity;
use crate::inbox::Inbox;
use crate::outbox::Outbox;
use crate::receiver::Door;
use crate::store::Store;

/// What was said while the bot was away is worked on before what is said now; for so long, that is waited for.
const CATCH_UP_FIRST: Duration = Duration::from_secs(10);

/// What both loops need.
pub(super) struct Work<'a> {
    pub config: &'a Config,
    pub services: &'a Arc<Services>,
    pub table: &'a LiveTable,
    pub identity: &'a Identity,
    pub health: &'a Health,
}

impl Work<'_> {
    /// What works on events.
    pub(super) fn inbox(&self, door: &Door) -> Inbox {
        Inbox::new(self.config, self.services, self.table.clone(), self.identity, self.health, door)
    }

    /// What sends replies.
    pub(super) fn outbox(&self, store: &Store) -> Outbox {
        let Services { webex, metrics, .. } = &**self.services;
        Outbox::new(self.config, webex, store, self.identity, metrics, self.health)
    }
}

/// Waits until the bot can tell its own words from others', and knows what it missed; nothing is claimed before. `false`
/// when the daemon stops first.
pub(super) async fn begin(
    identity: Identity,
    health: Health,
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
