//! Starts the tasks of an app.

use std::future::Future;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot, watch};

use super::App;
use super::canary::Canary;
use super::instance_watch::InstanceWatch;
use super::reconcile::ReconcileSchedule;
use super::shared::Shared;
use super::stopping::Stops;
use super::tasks::{
    ADMIN, ALONE, CANARY, EXPIRER, HOOK_ENDS, INBOX, LEDGER, OUTBOX, PLACES, PROGRAM, PRUNER, PUBLIC, RECONCILER,
    REGISTRATION, SILENCES, Tasks, WEBSOCKET,
};
use super::{placing, registering, silences, upkeep, work};
use crate::api::{ApiDoor, ApiKeys};
use crate::config::{Config, Mode};
use crate::handler::{EventHandler, LiveTable};
use crate::hooks::HookDoor;
use crate::instance::DaemonRole;
use crate::receiver::webhook::Webhook;
use crate::receiver::websocket::Websocket;
use crate::signature::Signer;
use crate::store::{StoreError, Writer};
use crate::worker;
use crate::{admin, http};

/// Starts tasks that share this state.
struct TaskSpawner<'a> {
    tasks: &'a mut Tasks,
    stops: &'a Stops,
    config: &'a Config,
    shared: &'a Shared,
    /// Requests a read-back of missed messages.
    nudge: Arc<Notify>,
    /// Notified when the first read-back has ended.
    caught_up: watch::Sender<bool>,
}

impl App {
    /// Starts every task. The receiver it gives gets the reason if the ledger is lost.
    pub(super) fn spawn(self, tasks: &mut Tasks, stops: &Stops) -> anyhow::Result<oneshot::Receiver<StoreError>> {
        let handle = self.handle();
        let App { config, public, admin, writer, websocket, standing, table, events, on_start, shared, .. } = self;
        let (nudge, caught_up) = (Arc::default(), watch::Sender::new(false));
        let mut spawning = TaskSpawner { tasks, stops, config: &config, shared: &shared, nudge, caught_up };
        let lost = spawning.ledger(writer);
        spawning.registration();
        spawning.work(table, events);
        spawning.listeners(public, admin)?;
        spawning.ways_in(websocket);
        spawning.upkeep(standing);
        for start in on_start {
            let (handlers, handle) = (shared.handlers.clone(), handle.clone());
            spawning.until_stop(PROGRAM, async move {
                let _ = handlers.run(start.run(handle)).await;
            });
        }
        Ok(lost)
    }
}

impl TaskSpawner<'_> {
    /// Starts a task that is cancelled at an `await` when the daemon stops.
    fn until_stop(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let stopped = self.stops.inbox.drain.clone();
        self.tasks.spawn(name, async move {
            let _ = stopped.run_until_cancelled(task).await;
        });
    }

    fn ledger(&mut self, writer: Writer) -> oneshot::Receiver<StoreError> {
        let (losing, lost) = oneshot::channel();
        let writing = writer.run(self.stops.ledger.clone().cancelled_owned());
        self.tasks.spawn(LEDGER, async move {
            if let Err(error) = writing.await {
                let _ = losing.send(error);
            }
        });
        lost
    }

    /// Starts the two loops that do the work.
    fn work(&mut self, table: LiveTable, events: Vec<EventHandler>) {
        let Shared { store, gate, health, .. } = self.shared;
        let (concurrency, Stops { inbox, outbox, .. }) = (self.config.worker.concurrency, self.stops);
        if concurrency == 0 {
            health.loops(Ok(()));
            self.tasks.spawn(INBOX, inbox.drain.clone().cancelled_owned());
            self.tasks.spawn(OUTBOX, outbox.drain.clone().cancelled_owned());
            return;
        }
        let begin = work::begin(self.shared.clone(), self.caught_up.subscribe(), inbox.drain.clone());
        let handling = Arc::new(work::inbox(self.config, self.shared, table, events));
        let handling = worker::run(handling, store.clone(), concurrency, gate.clone(), inbox.clone());
        self.tasks.spawn(INBOX, async move {
            if begin.await {
                handling.await;
            }
        });
        let sending = Arc::new(work::outbox(self.config, self.shared));
        self.tasks.spawn(OUTBOX, worker::run(sending, store.clone(), concurrency, gate.clone(), outbox.clone()));
    }

    fn listeners(&mut self, public: TcpListener, admin: Option<TcpListener>) -> anyhow::Result<()> {
        let (Shared { store, services, health, door, gate, hooks, .. }, Config { server, webhook, .. }) =
            (self.shared, self.config);
        let servers = &self.stops.servers;
        let receiver = match (self.config.delivery.mode, &webhook.secret) {
            (Mode::Webhook | Mode::Both, Some(secret)) => {
                let (signer, metrics) = (Signer::new(secret.clone()), services.metrics.clone());
                Some(Webhook::new(signer, door.clone(), metrics, gate.clone()))
            }
            (Mode::Webhook | Mode::Both, None) | (Mode::Polling | Mode::Websocket, _) => None,
        };
        if !hooks.names().is_empty() {
            tracing::info!(address = %public.local_addr()?, hooks = hooks.names(), "hooks are at /hooks/NAME");
        }
        // A hook can be made at any time.
        let hooks = HookDoor::new(
            hooks.clone(),
            self.config,
            (door.clone(), store.clone()),
            services.metrics.clone(),
            gate.clone(),
        );
        let doors = (Some(hooks), self.api());
        let routes = http::Routes::public(server, (&webhook.path, receiver), doors, health.clone(), store.clone());
        self.tasks.spawn(PUBLIC, http::serve(public, routes, server.clone(), servers.clone()));
        if let Some(listener) = admin {
            tracing::info!(address = %listener.local_addr()?, "metrics are at /metrics");
            let routes = admin::router(services.metrics.clone(), store.clone());
            let routes = http::Routes::operators(server, routes);
            self.tasks.spawn(ADMIN, http::serve(listener, routes, server.clone(), servers.clone()));
        }
        Ok(())
    }

    /// The bearer API, if the settings have keys for it.
    fn api(&self) -> Option<ApiDoor> {
        let Config { api_key, webex, .. } = self.config;
        let keys = ApiKeys::new(api_key, webex.room_id.as_deref());
        let Shared { desk, places, gate, .. } = self.shared;
        let door = || ApiDoor::new(keys, desk, places.clone(), gate.clone(), self.config);
        (!api_key.is_empty()).then(door)
    }

    /// Starts the websocket, if the bot uses one, and the read-backs of messages that were not delivered.
    fn ways_in(&mut self, websocket: Option<Websocket>) {
        // It says when something must be fetched by REST.
        let line = websocket.as_ref().map(Websocket::line);
        if let Some(websocket) = websocket {
            self.tasks.spawn(WEBSOCKET, websocket.run(self.stops.inbox.drain.clone()));
        }
        let (shared, nudge) = (self.shared.clone(), Arc::clone(&self.nudge));
        self.until_stop(
            RECONCILER,
            ReconcileSchedule::new(self.config, shared, nudge, line, self.caught_up.clone()).run(),
        );
    }

    fn registration(&mut self) {
        let (config, shared, nudge) = (self.config.clone(), self.shared.clone(), Arc::clone(&self.nudge));
        self.until_stop(REGISTRATION, registering::register(config, shared, nudge));
    }

    fn upkeep(&mut self, standing: watch::Sender<DaemonRole>) {
        let Config { delivery, store: settings, audit, .. } = self.config;
        let Shared { store, services, health, .. } = self.shared;
        self.until_stop(PLACES, placing::find_spaces(self.config.clone(), self.shared.clone()));
        self.until_stop(SILENCES, silences::watch(self.shared.clone()));
        self.until_stop(EXPIRER, upkeep::expire(self.shared.clone()));
        self.until_stop(HOOK_ENDS, upkeep::tell_makers(self.shared.maker.clone()));
        self.until_stop(PRUNER, upkeep::prune(store.clone(), settings.clone(), audit.retention, delivery.catch_up));
        let (shared, nudge) = (self.shared.clone(), Arc::clone(&self.nudge));
        self.until_stop(CANARY, Canary { delivery: delivery.clone(), shared, nudge }.run());
        let alone = InstanceWatch::new(self.config, services.webex.clone(), store.clone(), health.clone(), standing);
        self.until_stop(ALONE, alone.run());
    }
}
