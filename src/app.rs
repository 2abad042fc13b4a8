//! The composition root: `build` puts the rooms together; `spawning` starts every task and `stopping` ends them.

mod alone;
mod binding;
mod canary;
mod doubts;
mod handle;
mod reconcile;
mod registering;
mod shared;
mod spawning;
mod stopping;
mod tasks;
mod upkeep;
mod work;

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpListener;
use tokio::sync::watch;

use binding::bind;
pub(crate) use binding::hint as binding_hint;
pub(crate) use doubts::doubts;
pub use handle::Handle;
use shared::Shared;

use crate::access::Policy;
use crate::card::Cards;
use crate::clock::{self, Clock};
use crate::config::{Config, Doubt, Mode};
use crate::handler::{Command, EventHandler, Handlers, Services};
use crate::health::Health;
use crate::identity::Identity;
use crate::instance::{Gate, Standing};
use crate::receiver::Door;
use crate::receiver::websocket::Websocket;
use crate::signature::Seal;
use crate::store::{Store, Writer};
use crate::telemetry::Metrics;
use crate::webex::{Client, Mercury};
use crate::{commands, router};

/// The whole daemon, ready to run: its listeners are bound and its ledger is open.
pub struct App {
    config: Config,
    public: TcpListener,
    admin: Option<TcpListener>,
    writer: Writer,
    websocket: Option<Websocket>,
    /// Says which daemon answers.
    standing: watch::Sender<Standing>,
    events: Vec<EventHandler>,
    shared: Shared,
}

impl App {
    /// Opens the ledger and binds the listeners. Webex is not called yet: it may be away.
    ///
    /// # Errors
    /// Wrong settings, a port that is taken, or a ledger that cannot be opened; each with what to do.
    pub async fn build(config: Config, handlers: Handlers) -> anyhow::Result<App> {
        config.require_run()?;
        let public = bind(config.server.listen, "server.listen", &[]).await?;
        App::build_on(public, config, handlers, Clock::of_system()).await
    }

    /// The same with a listener that is bound already, where the port has to be known before the settings are.
    ///
    /// # Errors
    /// As [`App::build`].
    pub async fn build_on(
        public: TcpListener,
        config: Config,
        handlers: Handlers,
        clock: Clock,
    ) -> anyhow::Result<App> {
        config.require_run()?;
        let handlers = table(&config, handlers)?;
        let admin = match config.admin.listen {
            Some(address) => Some(bind(address, "admin.listen", &[(public.local_addr()?, "server.listen")]).await?),
            None => None,
        };
        let (store, writer) = Store::open(&config.store, &config.audit, config.worker.lease, clock).await?;
        for Doubt { says, hint } in doubts(&config, &handlers).into_iter().chain(config.uncalled()) {
            tracing::warn!(hint, "{says}");
        }
        let standing = if config.instance.alone { Standing::Unknown } else { Standing::Answers { after: None } };
        let (standing, gate) = Gate::new(standing, store.answered().await?);
        let (identity, metrics) = (Identity::default(), Metrics::default());
        let door = Door::new(store.clone(), metrics.clone(), identity.clone(), handlers.subscriptions());
        let Handlers { commands, events } = handlers;
        let services = Arc::new(services(&config, &store, metrics, commands).await?);
        let shared = Shared { store, services, identity, health: Health::default(), door, gate };
        let websocket = websocket(&config, &shared)?;
        Ok(App { config, public, admin, writer, websocket, standing, events, shared })
    }

    /// A look into the app while it runs.
    pub fn handle(&self) -> Handle {
        Handle {
            store: self.shared.store.clone(),
            health: self.shared.health.clone(),
            services: Arc::clone(&self.shared.services),
            line: self.websocket.as_ref().map(Websocket::line),
        }
    }
}

/// The handlers as they are used: with the commands that the settings switch on, and what the settings say of each.
///
/// # Errors
/// A command or a handler that cannot be called, or a rule for a command that is not there.
pub(crate) fn table(config: &Config, mut handlers: Handlers) -> anyhow::Result<Handlers> {
    handlers.check_events()?;
    handlers.commands.extend(config.commands.echo.then(commands::echo));
    router::check(&handlers.commands)?;
    Ok(Handlers { commands: router::permitted(handlers.commands, &config.command)?, ..handlers })
}

/// What the daemon shares with its commands.
async fn services(
    config: &Config,
    store: &Store,
    metrics: Metrics,
    commands: Vec<Command>,
) -> anyhow::Result<Services> {
    let webex = Client::new(&config.webex, config.token()?, metrics.clone())?.poll_at_most(config.polling.rate);
    Ok(Services {
        webex,
        store: store.clone(),
        metrics,
        mode: config.delivery.mode,
        files: config.files.clone(),
        conversations: config.conversations.clone(),
        policy: Policy::new(&config.access),
        started: clock::instant(),
        commands,
        cards: if config.cards.enabled { Some(cards(config, store).await?) } else { None },
    })
}

fn websocket(config: &Config, shared: &Shared) -> anyhow::Result<Option<Websocket>> {
    let Shared { services, health, door, gate, .. } = shared;
    match config.delivery.mode {
        Mode::Webhook | Mode::Polling | Mode::Both => return Ok(None),
        Mode::Websocket => {}
    }
    let metrics = &services.metrics;
    let mercury = Mercury::new(&config.webex, &config.websocket, config.token()?, metrics.clone())?;
    let (settings, health) = (config.websocket.clone(), health.clone());
    Ok(Some(Websocket::new(mercury, settings, door.clone(), metrics.clone(), health, gate.clone())))
}

/// What seals the buttons of cards: the secret that is set, else the ledger's own, which always opens what it has sealed.
/// Never the webhook's: everybody in a space can read what a button is sealed with, and try secrets on it.
async fn cards(config: &Config, store: &Store) -> anyhow::Result<Cards> {
    let bytes = |secret: &SecretString| secret.expose_secret().as_bytes().to_vec();
    let set = config.cards.secret.as_ref().map(bytes).filter(|secret| !secret.trim_ascii().is_empty());
    let previous = config.cards.previous_secrets.iter().map(bytes);
    let own = store.own_secret().await?;
    let current = set.unwrap_or_else(|| own.clone());
    let secrets: Vec<_> = [current].into_iter().chain(previous).chain([own]).collect();
    let seal = Seal::new(secrets.iter().map(Vec::as_slice));
    Ok(Cards::new(seal, config.cards.expire, config.has_buttons()))
}
