//! The composition root: `build` puts the rooms together; `spawning` starts every task and `stopping` ends them.

mod binding;
mod canary;
mod doubts;
mod handle;
mod instance_watch;
mod parts;
mod placing;
mod reconcile;
mod registering;
mod sealing;
mod shared;
mod silences;
mod spawning;
mod starting;
mod stopping;
mod tasks;
mod upkeep;
mod work;

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;

use binding::bind;
pub(crate) use binding::hint as binding_hint;
pub(crate) use doubts::doubts;
pub use handle::Handle;
pub(crate) use parts::Parts;
pub(crate) use placing::{titles_of_chat, titles_of_settings};
use shared::Shared;
pub(crate) use starting::OnStart;

use crate::access::Policy;
use crate::clock;
use crate::config::{Config, Mode, SettingDoubt};
use crate::desk::Desk;
use crate::handler::{Around, EventHandler, HandlerThreads, LiveTable, Services};
use crate::health::Health;
use crate::hooks::{HookMaker, Hooks};
use crate::identity::Identity;
use crate::instance::{DaemonRole, Gate};
use crate::places::Places;
use crate::receiver::Door;
use crate::receiver::websocket::Websocket;
use crate::signature::SecretKey;
use crate::state::State;
use crate::store::{Store, Writer};
use crate::telemetry::Metrics;
use crate::webex::{Client, Mercury};

/// The whole daemon, ready to run: its listeners are bound and its ledger is open.
pub struct App {
    config: Config,
    public: TcpListener,
    admin: Option<TcpListener>,
    writer: Writer,
    websocket: Option<Websocket>,
    /// Says which daemon answers.
    standing: watch::Sender<DaemonRole>,
    table: LiveTable,
    around: Vec<Around>,
    events: Vec<EventHandler>,
    on_start: Vec<OnStart>,
    shared: Shared,
}

impl App {
    /// Opens the ledger and binds the listeners. Webex is not called yet, since it may be away.
    ///
    /// # Errors
    /// The settings are wrong, a port is taken, or the ledger cannot be opened. The error says what to do.
    pub(crate) async fn build(config: Config, parts: Parts) -> anyhow::Result<App> {
        config.require_run()?;
        let public = bind(config.server.listen, "server.listen", &[]).await?;
        App::build_on(public, config, parts).await
    }

    /// Like [`App::build`], with a listener that is bound already, for a program that must know its port before the
    /// settings.
    ///
    /// # Errors
    /// The same errors as [`App::build`].
    pub(crate) async fn build_on(public: TcpListener, mut config: Config, parts: Parts) -> anyhow::Result<App> {
        config.require_run()?;
        parts.sign(&mut config);
        let (table, subscriptions) = (parts.table(&config)?, parts.subscriptions());
        let (mut state, hooks) = (parts.shared(&config)?, Parts::hooks(&config, parts.clock.clone())?);
        let Parts { events, on_start, around, clock, threads, .. } = parts;
        let handlers = threads.unwrap_or_else(HandlerThreads::here);
        let admin = match config.admin.listen {
            Some(address) => Some(bind(address, "admin.listen", &[(public.local_addr()?, "server.listen")]).await?),
            None => None,
        };
        let (store, writer) = Store::open(&config.store, &config.audit, config.worker.lease, clock.clone()).await?;
        for SettingDoubt { says, hint } in
            doubts(&config, &table, &subscriptions).into_iter().chain(config.missing_url())
        {
            tracing::warn!(hint, "{says}");
        }
        let standing = if config.instance.alone { DaemonRole::Unknown } else { DaemonRole::Answers { after: None } };
        let (standing, gate) = Gate::new(standing, store.answered().await?);
        let (identity, metrics) = (Identity::default(), Metrics::default());
        let door = Door::new(store.clone(), metrics.clone(), identity.clone(), subscriptions, config.store.raw_limit);
        let table = LiveTable::new(table);
        let webex = Client::new(&config.webex, config.token()?, metrics.clone())?.poll_at_most(config.polling.rate);
        let places = Places::new(&webex, &store);
        let maker = hook_maker(&config, &hooks, &store, &places).await?;
        state.put(maker.clone());
        let services = Arc::new(services(&config, webex, &store, metrics, &table, state).await?);
        let health = Health::default();
        let desk = Arc::new(Desk::new(&config.worker, &services, &identity, &health));
        let shared =
            Shared { store, services, handlers, desk, identity, health, door, gate, hooks, clock, places, maker };
        let websocket = websocket(&config, &shared)?;
        Ok(App { config, public, admin, writer, websocket, standing, table, around, events, on_start, shared })
    }

    /// A handle on the app, to be used while it runs.
    pub fn handle(&self) -> Handle {
        Handle {
            health: self.shared.health.clone(),
            desk: Arc::clone(&self.shared.desk),
            line: self.websocket.as_ref().map(Websocket::line),
            table: self.table.clone(),
            around: self.around.clone(),
            config: Arc::new(self.config.clone()),
        }
    }
}

/// Makes hooks from the chat. Those that were made are taken from now on.
async fn hook_maker(config: &Config, hooks: &Hooks, store: &Store, places: &Places) -> anyhow::Result<HookMaker> {
    let key = SecretKey::new(config.hook_secret()?);
    let maker = HookMaker::new(hooks.clone(), (store.clone(), places.clone()), key, config).await?;
    for (hook, state) in maker.list().await? {
        if let Some((says, hint)) = state.doubt(&hook.name) {
            tracing::warn!(hook = hook.name, hint, "{says}");
        }
    }
    Ok(maker)
}

/// The services that the daemon shares with its commands.
async fn services(
    config: &Config,
    webex: Client,
    store: &Store,
    metrics: Metrics,
    table: &LiveTable,
    state: State,
) -> anyhow::Result<Services> {
    Ok(Services {
        webex,
        store: store.clone(),
        metrics,
        mode: config.delivery.mode,
        files: config.files.clone(),
        conversations: config.conversations.clone(),
        policy: Policy::new(&config.access),
        started: clock::instant(),
        catalogue: Arc::new(table.clone()),
        program: config.program,
        state,
        cards: if config.cards.enabled { Some(sealing::cards(config, store).await?) } else { None },
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
