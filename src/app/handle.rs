//! What a program can do with a running app.

use std::sync::Arc;

use anyhow::Context as _;
use tokio::sync::watch;

use crate::commands;
use crate::config::Config;
use crate::desk::Desk;
use crate::event;
use crate::handler::{Around, Command, LiveTable, Reply};
use crate::health::Health;
use crate::outbox::{self, Destination, Letter, Post, Posted};
use crate::receiver::websocket::Line;
use crate::store::{Store, StoreError};
use crate::webex::NewMessage;

/// A running app: gives its state, and takes what the bot is to say.
#[derive(Clone)]
pub struct Handle {
    pub(super) health: Health,
    pub(super) desk: Arc<Desk>,
    pub(super) line: Option<watch::Receiver<Line>>,
    pub(super) table: LiveTable,
    pub(super) around: Vec<Around>,
    pub(super) config: Arc<Config>,
}

impl Handle {
    /// Waits until Webex has accepted the token, the webhooks are registered and the loops run.
    pub async fn ready(&self) {
        self.health.well().await;
    }

    /// Waits until no event and no reply is open. One that waits for a pause to end counts as open.
    pub async fn settled(&self) -> anyhow::Result<()> {
        let mut commits = self.store().commits();
        loop {
            commits.borrow_and_update();
            let depths = self.store().depths().await?;
            if depths.inbox == 0 && depths.outbox == 0 {
                return Ok(());
            }
            commits.changed().await.context("the app has ended")?;
        }
    }

    /// The section of the settings that was given to [`Bot::settings`](crate::Bot::settings) with this type.
    ///
    /// # Errors
    /// No section of the bot has this type, which is a mistake of the program.
    pub fn settings<T: Send + Sync + 'static>(&self) -> anyhow::Result<Arc<T>> {
        self.desk.services.settings()
    }

    /// The value of this type that was given to [`Bot::state`](crate::Bot::state).
    ///
    /// # Errors
    /// The bot has no value of this type, which is a mistake of the program.
    pub fn state<T: Send + Sync + 'static>(&self) -> anyhow::Result<Arc<T>> {
        self.desk.services.value()
    }

    /// Says something that nobody asked for: an alert, a greeting, a result. When this returns it is on disk, and it
    /// will be sent in its turn even if the process is killed. Two calls with the same key say it once, so a call that
    /// failed can be repeated. If the key names the occasion, such as `backup/2026-11-27`, this also holds across
    /// restarts, for `store.retention` plus `store.dedupe` after it was sent. Buttons need a card that says whose
    /// actions they call: [`Card::calls`](crate::Card::calls). With a card this waits until Webex has said who the bot
    /// is.
    ///
    /// # Errors
    /// The reply cannot be sent: it says nothing, asks something, or has a wrong card or a file that is too large. Or
    /// the ledger does not take it now: then repeat the call with the same key later.
    pub async fn say(&self, key: &str, to: Destination, reply: Reply) -> anyhow::Result<Posted> {
        anyhow::ensure!(!reply.is_empty(), "nothing is said to {to}");
        reply.check_elsewhere(&to)?;
        self.desk.check_files(&reply).await.map_err(|error| anyhow::anyhow!("{error}"))?;
        if reply.has_card() {
            self.desk.identity.known().await;
        }
        let (id, post) = (outbox::letter_id(key), Post::new(to.clone(), NewMessage::default()).announced());
        let letter = |(message, nth)| self.desk.announcement(event::part_id(id, nth), post.clone(), message);
        let entries: Result<_, _> = reply.into_messages().into_iter().zip(0..).map(letter).collect();
        let entries = entries.map_err(|why| anyhow::anyhow!("the card to {to} cannot be sent: {why}"))?;
        let is_new = self.store().put_together(entries).await?;
        Ok(Posted { id, is_new })
    }

    /// Puts a letter that belongs to no event into the outbox. When this returns the letter is on disk, and it will be
    /// sent in its turn even if the process is killed. A second letter with the same key is ignored, so a call that
    /// failed can be repeated.
    ///
    /// # Errors
    /// Webex would refuse the letter, and the error says why. Or the ledger does not take it now: then repeat the call
    /// with the same key later.
    pub async fn post(&self, key: &str, letter: Letter) -> anyhow::Result<Posted> {
        Ok(outbox::post(self.store(), key, letter).await?)
    }

    /// The state of the websocket, now and at each change, if `delivery.mode` uses one.
    pub fn line(&self) -> Option<watch::Receiver<Line>> {
        self.line.clone()
    }

    /// Replaces the program's commands while the bot runs. The built-in ones stay. Events under way finish with the
    /// commands they began with. The rules in the settings hold for the new commands too.
    ///
    /// # Errors
    /// A command is declared wrongly, or a rule names a command that does not exist. The old commands stay.
    pub fn exchange_commands(&self, commands: Vec<Command>) -> anyhow::Result<()> {
        let all = commands::table().into_iter().chain(commands).collect();
        self.table.exchange(commands::used(&self.config, all, &self.around)?);
        Ok(())
    }

    /// Forgets the pauses that Webex asked for, and makes everything due that waits for one. The simulated cloud calls
    /// it when it takes its pauses back.
    pub(crate) async fn forget_limits(&self) -> Result<(), StoreError> {
        self.desk.services.webex.forget_limits();
        self.store().make_all_due().await
    }

    /// The ledger, to look into.
    pub(crate) fn store(&self) -> &Store {
        &self.desk.services.store
    }

    /// The text that a scrape of `/metrics` shows.
    pub async fn metrics(&self) -> anyhow::Result<String> {
        Ok(self.desk.services.metrics.render(self.store().depths().await?))
    }
}
