//! Keeps the tasks of an app by name, so that the end of each can be waited for, and an unexpected end names its task.

use std::collections::HashMap;
use std::future::Future;

use tokio::task::{Id, JoinSet};

pub(super) const LEDGER: &str = "the ledger's writer";
pub(super) const INBOX: &str = "the inbox loop";
pub(super) const OUTBOX: &str = "the outbox loop";
pub(super) const PUBLIC: &str = "the public listener";
pub(super) const WEBSOCKET: &str = "the websocket";
pub(super) const ADMIN: &str = "the operators' listener";
pub(super) const PROGRAM: &str = "what the program does beside the bot";
pub(super) const PRUNER: &str = "the pruning of settled rows";
pub(super) const EXPIRER: &str = "the look after what waits for approval";
pub(super) const PLACES: &str = "the look for spaces by their titles";
pub(super) const SILENCES: &str = "the watch over hooks that expect something";
pub(super) const HOOK_ENDS: &str = "the look for hooks that end";
pub(super) const CANARY: &str = "the canary";
pub(super) const ALONE: &str = "the look for other daemons";
pub(super) const RECONCILER: &str = "the look for what was missed";
pub(super) const REGISTRATION: &str = "the look after token and webhooks";

/// Tasks that run for as long as the app does.
#[derive(Default)]
pub(super) struct Tasks {
    set: JoinSet<()>,
    running: HashMap<Id, &'static str>,
}

impl Tasks {
    pub(super) fn spawn(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let id = self.set.spawn(task).id();
        self.running.insert(id, name);
    }

    /// Waits for the next task to end. Gives its name and its result.
    pub(super) async fn next_end(&mut self) -> (&'static str, Result<(), String>) {
        match self.set.join_next_with_id().await {
            Some(Ok((id, ()))) => (self.take(id), Ok(())),
            Some(Err(error)) => (self.take(error.id()), Err(error.to_string())),
            None => std::future::pending().await,
        }
    }

    /// Waits until a task has ended. Returns at once if it has ended already, or never ran.
    pub(super) async fn until_ended(&mut self, name: &str) {
        while self.running.values().any(|running| *running == name) {
            if let (ended, Err(error)) = self.next_end().await {
                tracing::error!(task = ended, %error, "a task failed while stopping");
            }
        }
    }

    fn take(&mut self, id: Id) -> &'static str {
        self.running.remove(&id).unwrap_or("a task")
    }
}
