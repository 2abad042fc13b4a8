//! What others have of a running app.

use std::sync::Arc;

use anyhow::Context as _;
use tokio::sync::watch;

use super::App;
use crate::commands;
use crate::config::Config;
use crate::handler::{Around, Command, LiveTable, Services};
use crate::health::Health;
use crate::outbox::{self, Letter, Posted};
use crate::receiver::websocket::{Line, Websocket};
use crate::store::{Store, StoreError};

/// A running app, to be looked into and to be given what the bot is to say.
#[derive(Clone)]
pub struct Handle {
    store: Store,
    health: Health,
    services: Arc<Services>,
    line: Option<watch::Receiver<Line>>,
    table: LiveTable,
    around: Vec<Around>,
    config: Arc<Config>,
}

impl Handle {
    /// Ends when Webex has taken the token, the webhooks are registered and the loops run.
    pub async fn ready(&self) {
        self.health.well().await;
    }

    /// Ends when no event and no reply is open. What waits for a pause to end counts as open.
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

    /// Puts a letter into the outbox, outside of any event. It is on disk when this returns, and sent in its turn,
    /// whatever ends the process. A second letter of the same key is none, so a call that failed can be made again.
    ///
    /// # Errors
    /// When the ledger takes nothing just now.
    pub async fn post(&self, key: &str, letter: Letter) -> anyhow::Result<Posted> {
        Ok(outbox::post(&self.store, key, letter).await?)
    }

    /// How the websocket is and was, if `delivery.mode` has one.
    pub fn line(&self) -> Option<watch::Receiver<Line>> {
        self.line.clone()
    }

    /// Exchanges the commands, without a gap: what has begun ends with those it began with. The settings' rules hold
    /// for the new ones.
    ///
    /// # Errors
    /// A command that cannot be called, or a rule for one that is not there. Then nothing is exchanged.
    pub fn exchange_commands(&self, commands: Vec<Command>) -> anyhow::Result<()> {
        self.table.exchange(commands::used(&self.config, commands, &self.around)?);
        Ok(())
    }

    /// Forgets the pauses that Webex asked for, and does now what waits for one: the simulated cloud took them back.
    pub(crate) async fn forget_limits(&self) -> Result<(), StoreError> {
        self.services.webex.forget_limits();
        self.store.make_all_due().await
    }

    /// The ledger, for looking into.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// What a scrape of `/metrics` shows.
    pub async fn metrics(&self) -> anyhow::Result<String> {
        Ok(self.services.metrics.render(self.store.depths().await?))
    }
}

impl App {
    /// A look into the app while it runs.
    pub fn handle(&self) -> Handle {
        Handle {
            store: self.shared.store.clone(),
            health: self.shared.health.clone(),
            services: Arc::clone(&self.shared.services),
            line: self.websocket.as_ref().map(Websocket::line),
            table: self.table.clone(),
            around: self.around.clone(),
            config: Arc::new(self.config.clone()),
        }
    }
}
