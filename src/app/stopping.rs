//! Runs the app until it is told to stop, and stops it in an order in which nothing in hand is lost.

use std::time::Duration;

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

use super::App;
use super::tasks::{INBOX, LEDGER, OUTBOX, PUBLIC, Tasks, WEBSOCKET};
use crate::worker::Stop;

/// After this the work still in hand is put back, so that a stop ends within the 30 s that supervisors wait.
const DRAIN: Duration = Duration::from_secs(25);

/// Open connections get this long to finish once all work is done.
const HANG_UP: Duration = Duration::from_secs(2);

/// What each group of tasks is stopped by.
#[derive(Default)]
pub(super) struct Stops {
    /// The work on events, and what brings or asks for them.
    pub inbox: Stop,
    /// The sending of messages.
    pub outbox: Stop,
    /// The listeners.
    pub servers: CancellationToken,
    /// The ledger's writer.
    pub ledger: CancellationToken,
}

impl App {
    /// Runs until `shutdown` ends, then finishes what is in hand, within 30 seconds.
    ///
    /// # Errors
    /// When one of the tasks ended by itself: that is a defect, and a supervisor should start the daemon anew.
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
            // Nothing that is in hand could be settled.
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

    /// What a command answers while draining still goes out, so the outbox stops after the inbox, and the ledger last.
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
