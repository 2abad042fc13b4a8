//! The composition root: `build` puts the rooms together, `run_until` owns every task.

mod alone;
mod binding;
mod canary;
mod doubts;
mod handle;
mod parts;
mod reconcile;
mod sealing;
mod tasks;
mod upkeep;
mod work;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot, watch};
use tokio_util::sync::CancellationToken;

use alone::Alone;
use binding::bind;
pub(crate) use binding::hint as binding_hint;
use canary::Canary;
pub(crate) use doubts::doubts;
pub use handle::Handle;
pub(crate) use parts::Parts;
use reconcile::Reconciling;
use tasks::Tasks;
use work::Work;

use crate::access::Policy;
use crate::clock;
use crate::config::{Config, Doubt, Mode};
use crate::handler::{Around, LiveTable, Services};
use crate::health::Health;
use crate::identity::Identity;
use crate::instance::{Gate, Standing};
use crate::receiver::websocket::Websocket;
use crate::receiver::{Door, webhook::Webhook};
use crate::signature::Signer;
use crate::store::{self, Store, StoreError};
use crate::telemetry::Metrics;
use crate::webex::{Client, Mercury};
use crate::worker::{self, Stop};
use crate::{admin, commands, http};

/// After this the work still in hand is put back, so that a stop ends within the 30 s that supervisors wait.
const DRAIN: Duration = Duration::from_secs(25);

/// Open connections get this long to finish once all work is done.
const HANG_UP: Duration = Duration::from_secs(2);

/// The whole daemon, ready to run: its listeners are bound and its ledger is open.
pub struct App {
    config: Config,
    public: TcpListener,
    admin: Option<TcpListener>,
    store: Store,
    writer: store::Writer,
    services: Arc<Services>,
    table: LiveTable,
    around: Vec<Around>,
    identity: Identity,
    health: Health,
    door: Door,
    websocket: Option<Websocket>,
    gate: (watch::Sender<Standing>, Gate),
}

impl App {
    /// Opens the ledger and binds the listeners. Webex is not called yet: it may be away.
    ///
    /// # Errors
    /// Wrong settings, a port that is taken, or a ledger that cannot be opened; each with what to do.
    pub(crate) async fn build(config: Config, parts: Parts) -> anyhow::Result<App> {
        config.require_run()?;
        let public = bind(config.server.listen, "server.listen", &[]).await?;
        App::build_on(public, config, parts).await
    }

    /// The same with a listener that is bound already, where the port has to be known before the settings are.
    ///
    /// # Errors
    /// As [`App::build`].
    pub(crate) async fn build_on(public: TcpListener, mut config: Config, parts: Parts) -> anyhow::Result<App> {
        config.require_run()?;
        parts.sign(&mut config);
        let state = parts.shared(&config)?;
        let Parts { program, commands, around, clock, .. } = parts;
        let table = commands::used(&config, commands, &around)?;
        let admin = match config.admin.listen {
            Some(address) => Some(bind(address, "admin.listen", &[(public.local_addr()?, "server.listen")]).await?),
            None => None,
        };
        let (store, writer) = Store::open(&config.store, &config.audit, config.worker.lease, clock).await?;
        let metrics = Metrics::default();
        let webex = Client::new(&config.webex, config.token()?, metrics.clone())?.poll_at_most(config.polling.rate);
        let (identity, health) = (Identity::default(), Health::default());
        let standing = if config.instance.alone { Standing::Unknown } else { Standing::Answers { after: None } };
        let (standing, gate) = Gate::new(standing, store.answered().await?);
        let door = Door::new(store.clone(), metrics.clone(), identity.clone());
        let websocket = match config.delivery.mode {
            Mode::Websocket => Some(Websocket::new(
                Mercury::new(&config.webex, &config.websocket, config.token()?, metrics.clone())?,
                config.websocket.clone(),
                door.clone(),
                metrics.clone(),
                health.clone(),
                gate.clone(),
            )),
            Mode::Webhook | Mode::Polling | Mode::Both => None,
        };
        for Doubt { says, hint } in doubts(&config, &table).into_iter().chain(config.uncalled()) {
            tracing::warn!(hint, "{says}");
        }
        let table = LiveTable::new(table);
        let cards = if config.cards.enabled { Some(sealing::cards(&config, &store).await?) } else { None };
        let services = Arc::new(Services {
            webex,
            store: store.clone(),
            metrics,
            mode: config.delivery.mode,
            files: config.files.clone(),
            conversations: config.conversations.clone(),
            policy: Policy::new(&config.access),
            started: clock::instant(),
            catalogue: Arc::new(table.clone()),
            program,
            state,
            cards,
        });
        let gate = (standing, gate);
        Ok(App {
            config,
            public,
            admin,
            store,
            writer,
            services,
            table,
            around,
            identity,
            health,
            door,
            websocket,
            gate,
        })
    }

    /// Runs until `shutdown` ends, then finishes what is in hand, within 30 seconds.
    ///
    /// # Errors
    /// When one of the tasks ended by itself: that is a defect, and a supervisor should start the daemon anew.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) -> anyhow::Result<()> {
        let (inbox, outbox, servers, ledger) =
            (Stop::default(), Stop::default(), CancellationToken::new(), CancellationToken::new());
        let (health, program) = (self.health.clone(), self.services.program);
        let address = self.public.local_addr()?;
        let mut tasks = Tasks::default();
        let (losing, mut lost) = oneshot::channel();
        self.spawn(&mut tasks, &inbox, &outbox, &servers, (&ledger, losing))?;
        tracing::info!(%address, name = program.name, version = program.version, "listening");

        let died = tokio::select! {
            () = shutdown => None,
            ended = tasks.next_end() => Some(ended),
        };
        if let Some((task, _)) = &died {
            health.loops(Err(format!("{task} has ended")));
        }
        health.drain();
        tracing::info!("stopping: finishing what is in hand");
        let loss = lost.try_recv().ok();
        if loss.is_some() {
            // Nothing that is in hand could be settled.
            inbox.abort.cancel();
            outbox.abort.cancel();
        }
        let (abort_inbox, abort_outbox) = (inbox.abort.clone(), outbox.abort.clone());
        tasks.spawn("the limit of the drain", async move {
            tokio::time::sleep(DRAIN).await;
            abort_inbox.cancel();
            abort_outbox.cancel();
        });
        // What a command answers while draining still goes out, so the outbox stops after the inbox.
        inbox.drain.cancel();
        tasks.until_ended(INBOX).await;
        outbox.drain.cancel();
        tasks.until_ended(OUTBOX).await;
        tasks.until_ended(WEBSOCKET).await;
        servers.cancel();
        let _ = tokio::time::timeout(HANG_UP, tasks.until_ended(PUBLIC)).await;
        ledger.cancel();
        tasks.until_ended(LEDGER).await;
        if let Some(error) = loss.or_else(|| lost.try_recv().ok()) {
            return Err(error).context("stopped without its ledger");
        }
        match died {
            None => {
                tracing::info!("stopped");
                Ok(())
            }
            Some((task, Ok(()))) => anyhow::bail!("{task} ended by itself; this is a defect"),
            Some((task, Err(error))) => anyhow::bail!("{task} failed: {error}; this is a defect"),
        }
    }

    fn spawn(
        self,
        tasks: &mut Tasks,
        inbox: &Stop,
        outbox: &Stop,
        servers: &CancellationToken,
        (ledger, losing): (&CancellationToken, oneshot::Sender<StoreError>),
    ) -> anyhow::Result<()> {
        let App {
            config, public, admin, store, writer, services, table, identity, health, door, websocket, gate, ..
        } = self;
        let (standing, gate) = gate;
        let worker = config.worker.clone();
        let (nudge, caught_up) = (Arc::new(Notify::new()), watch::Sender::new(false));
        let writing = writer.run(ledger.clone().cancelled_owned());
        tasks.spawn(LEDGER, async move {
            if let Err(error) = writing.await {
                let _ = losing.send(error);
            }
        });
        if worker.concurrency > 0 {
            let work =
                Work { config: &config, services: &services, table: &table, identity: &identity, health: &health };
            let begin = work::begin(identity.clone(), health.clone(), caught_up.subscribe(), inbox.drain.clone());
            let handling = Arc::new(work.inbox(&door));
            let handling = worker::run(handling, store.clone(), worker.concurrency, gate.clone(), inbox.clone());
            tasks.spawn(INBOX, async move {
                if begin.await {
                    handling.await;
                }
            });
            let sending = Arc::new(work.outbox(&store));
            tasks.spawn(OUTBOX, worker::run(sending, store.clone(), worker.concurrency, gate.clone(), outbox.clone()));
        } else {
            health.loops(Ok(()));
            tasks.spawn(INBOX, inbox.drain.clone().cancelled_owned());
            tasks.spawn(OUTBOX, outbox.drain.clone().cancelled_owned());
        }
        let webhook = match (config.delivery.mode, &config.webhook.secret) {
            (Mode::Webhook | Mode::Both, Some(secret)) => {
                let (signer, metrics) = (Signer::new(secret.clone()), services.metrics.clone());
                Some(Arc::new(Webhook::new(signer, door.clone(), metrics, gate.clone())))
            }
            (Mode::Webhook | Mode::Both, None) | (Mode::Polling | Mode::Websocket, _) => None,
        };
        let routes = http::routes(&config.server, &config.webhook.path, webhook, health.clone(), store.clone());
        tasks.spawn(PUBLIC, http::serve(public, routes, config.server.clone(), servers.clone()));
        if let Some(listener) = admin {
            tracing::info!(address = %listener.local_addr()?, "metrics are at /metrics");
            let routes = admin::router(services.metrics.clone(), store.clone());
            let routes = http::operators_routes(&config.server, routes);
            tasks.spawn(ADMIN, http::serve(listener, routes, config.server.clone(), servers.clone()));
        }
        let stopped = inbox.drain.clone();
        // The websocket as a way in; `Websocket::line` says when there is something to be fetched by REST.
        let line = websocket.as_ref().map(Websocket::line);
        if let Some(websocket) = websocket {
            tasks.spawn(WEBSOCKET, websocket.run(stopped.clone()));
        }
        tasks.spawn(
            EXPIRER,
            unless(stopped.clone(), upkeep::expire(store.clone(), services.webex.clone(), door.clone())),
        );
        let ledger_id = store.clone();
        tasks.spawn(
            PRUNER,
            unless(
                stopped.clone(),
                upkeep::prune(store, config.store.clone(), config.audit.retention, config.delivery.catch_up),
            ),
        );
        let canary = Canary {
            delivery: config.delivery.clone(),
            services: Arc::clone(&services),
            health: health.clone(),
            door: door.clone(),
            nudge: Arc::clone(&nudge),
            gate: gate.clone(),
        };
        tasks.spawn(CANARY, unless(stopped.clone(), canary.run()));
        let reconciling = Reconciling {
            delivery: config.delivery.clone(),
            polling: config.polling.clone(),
            lag: config.worker.visible_within,
            give_up: config.worker.give_up,
            services: Arc::clone(&services),
            door,
            identity: identity.clone(),
            health: health.clone(),
            nudge: Arc::clone(&nudge),
            line,
            caught_up,
            gate: gate.clone(),
            falls_back: false,
        };
        tasks.spawn(RECONCILER, unless(stopped.clone(), reconciling.run()));
        let webex = services.webex.clone();
        let alone = Alone::new(&config, webex.clone(), ledger_id, health.clone(), standing);
        tasks.spawn(ALONE, unless(stopped.clone(), alone.run()));
        tasks.spawn(REGISTRATION, unless(stopped, upkeep::register(config, webex, identity, health, nudge, gate)));
        Ok(())
    }
}

const LEDGER: &str = "the ledger's writer";
const INBOX: &str = "the inbox loop";
const OUTBOX: &str = "the outbox loop";
const PUBLIC: &str = "the public listener";
const WEBSOCKET: &str = "the websocket";
const ADMIN: &str = "the operators' listener";
const PRUNER: &str = "the pruning of settled rows";
const EXPIRER: &str = "the look after what waits for approval";
const CANARY: &str = "the canary";
const ALONE: &str = "the look for other daemons";
const RECONCILER: &str = "the look for what was missed";
const REGISTRATION: &str = "the look after token and webhooks";

async fn unless(stopped: CancellationToken, task: impl Future<Output = ()>) {
    tokio::select! {
        () = task => {}
        () = stopped.cancelled() => {}
    }
}
