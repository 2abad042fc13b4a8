//! Runs the app until it is told to stop. Then stops it in an order that loses no work in hand.

use std::time::Duration;

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

use super::App;
use super::tasks::{INBOX, LEDGER, OUTBOX, PUBLIC, Tasks, WEBSOCKET};
use crate::worker::Stop;

/// After this time, unfinished work is put back. So a stop ends within the 30 s that supervisors wait.
const DRAIN: Duration = Duration::from_secs(25);

/// How long open connections may take to finish once all work is done.
const HANG_UP: Duration = Duration::from_secs(2);

/// The tokens that stop each group of tasks.
#[derive(Default)]
pub(super) struct Stops {
    /// Stops the work on events, and the tasks that bring or request events.
    pub inbox: Stop,
    /// Stops the sending of messages.
    pub outbox: Stop,
    /// Stops the listeners.
    pub servers: CancellationToken,
    /// Stops the ledger's writer.
    pub ledger: CancellationToken,
}

impl App {
    /// Runs until `shutdown` ends, then finishes what is in hand, within 30 seconds.
    ///
    /// # Errors
    /// A task ended by itself, which is a defect. Exit, so that a supervisor starts the daemon again.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) -> anyhow::Result<()> {
        let (health, program) = (self.shared.health.clone(), self.shared.services.program);
        let address = self.public.local_addr()?;
        tracing::info!(%address, name = program.name, version = program.version, "listening");
        let (mut tasks, stops) = (Tasks::default(), Stops::default());
        let mut lost = self.spawn(&mut tasks, &stops)?;

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
            // Work in hand could not be settled without the ledger.
            stops.abort();
        }
        stops.stop_all(&mut tasks).await;
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
}

impl Stops {
    fn abort(&self) {
        self.inbox.abort.cancel();
        self.outbox.abort.cancel();
    }

    /// Stops the inbox, then the outbox, and the ledger last. So replies of commands that finish while draining are
    /// still sent.
    async fn stop_all(self, tasks: &mut Tasks) {
        self.inbox.drain.cancel();
        let drained = async {
            tasks.until_ended(INBOX).await;
            self.outbox.drain.cancel();
            tasks.until_ended(OUTBOX).await;
            tasks.until_ended(WEBSOCKET).await;
        };
        let limit = async {
            tokio::time::sleep(DRAIN).await;
            self.abort();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = drained => {}
            () = limit => {}
        }
        self.servers.cancel();
        let _ = tokio::time::timeout(HANG_UP, tasks.until_ended(PUBLIC)).await;
        self.ledger.cancel();
        tasks.until_ended(LEDGER).await;
    }
}
