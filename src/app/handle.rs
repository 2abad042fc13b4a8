//! A look into a running app from outside.

use std::sync::Arc;

use anyhow::Context as _;
use tokio::sync::watch;

use crate::handler::Services;
use crate::health::Health;
use crate::receiver::websocket::Line;
use crate::store::{Store, StoreError};

/// A look into a running app, for tests and for the simulator.
#[derive(Clone)]
pub struct Handle {
    pub(super) store: Store,
    pub(super) health: Health,
    pub(super) services: Arc<Services>,
    pub(super) line: Option<watch::Receiver<Line>>,
}

impl Handle {
    /// Ends when Webex has taken the token, the webhooks are registered and the loops run.
    pub async fn ready(&self) {
        self.health.well().await;
    }

    /// Ends when no event and no reply is open. What waits for a pause to end counts as open.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn settled(&self) -> anyhow::Result<()> {
        let mut commits = self.store.commits();
        loop {
            commits.borrow_and_update();
            let depths = self.store.depths().await?;
            if depths.inbox == 0 && depths.outbox == 0 {
                return Ok(());
            }
            commits.changed().await.context("the app has ended")?;
        }
    }

    /// How the websocket is and was, if `delivery.mode` has one.
    pub fn line(&self) -> Option<watch::Receiver<Line>> {
        self.line.clone()
    }

    /// Forgets the pauses that Webex asked for, and does now what waits for one: the simulated cloud took them back.
    pub(crate) async fn forget_limits(&self) -> Result<(), StoreError> {
        self.services.webex.forget_limits();
        self.store.hurry().await
    }

    /// The ledger, for looking into.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// What a scrape of `/metrics` shows.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn metrics(&self) -> anyhow::Result<String> {
        Ok(self.services.metrics.render(self.store.depths().await?))
    }
}
