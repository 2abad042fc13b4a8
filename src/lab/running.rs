//! The running bot of a laboratory, and how tests wait for it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use tempfile::TempDir;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::app::{App, Handle};
use crate::simulator::{Cloud, Message};

/// How long a test waits for the bot, unless the test says otherwise.
const PATIENCE: Duration = Duration::from_secs(30);

/// A bot, the cloud it runs against, and how long it may take.
#[derive(Clone)]
pub(super) struct RunningBot {
    inner: Arc<Inner>,
    patience: Duration,
}

struct Inner {
    cloud: Cloud,
    bot: Handle,
    stop: CancellationToken,
    task: Mutex<Option<JoinHandle<anyhow::Result<()>>>>,
    /// Where the ledger is.
    _folder: TempDir,
}

impl RunningBot {
    pub(super) fn start(cloud: Cloud, app: App, folder: TempDir) -> RunningBot {
        let (bot, stop) = (app.handle(), CancellationToken::new());
        let task = Mutex::new(Some(tokio::spawn(app.run_until(stop.clone().cancelled_owned()))));
        RunningBot { inner: Arc::new(Inner { cloud, bot, stop, task, _folder: folder }), patience: PATIENCE }
    }

    pub(super) fn within(self, patience: Duration) -> RunningBot {
        RunningBot { patience, ..self }
    }

    pub(super) fn cloud(&self) -> &Cloud {
        &self.inner.cloud
    }

    pub(super) fn bot(&self) -> &Handle {
        &self.inner.bot
    }

    pub(super) fn answers(&self) -> Vec<Message> {
        let bot = self.cloud().bot().id;
        self.cloud().messages().into_iter().filter(|message| message.person_id == bot).collect()
    }

    pub(super) async fn is_ready(&self) -> anyhow::Result<()> {
        let ready = async {
            self.bot().ready().await;
            Ok(())
        };
        self.in_time("get ready", ready).await
    }

    pub(super) async fn settle(&self) -> anyhow::Result<()> {
        let settled = async {
            self.cloud().delivered().await;
            self.bot().settled().await?;
            self.cloud().delivered().await;
            Ok(())
        };
        self.in_time("settle", settled).await
    }

    pub(super) async fn until(&self, text: &str) -> anyhow::Result<String> {
        let said = async {
            let mut commits = self.bot().store().commits();
            while !self.cloud().conversation().contains(text) {
                // The store commits the end of a message after the message is in the cloud, so every message wakes
                // this.
                commits.changed().await.context("the bot has ended")?;
            }
            Ok(())
        };
        self.in_time(&format!("say {text:?}"), said).await?;
        Ok(self.cloud().conversation())
    }

    pub(super) async fn stop(self) -> anyhow::Result<()> {
        self.inner.stop.cancel();
        let Some(task) = self.inner.task.lock().await.take() else { return Ok(()) };
        let ended = tokio::time::timeout(self.patience, task).await;
        ended.map_err(|_| anyhow!("the bot did not stop within {:?}", self.patience))??
    }

    /// Waits for something that the bot does, while the bot runs and the patience lasts.
    async fn in_time(&self, what: &str, waited: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
        let mut task = self.inner.task.lock().await;
        let Some(running) = task.as_mut() else { bail!("the bot was stopped") };
        let patience = self.patience;
        tokio::select! {
            biased;
            waited = waited => waited,
            ended = running => {
                *task = None;
                ended?.context("the bot has ended")?;
                bail!("the bot has ended")
            }
            () = tokio::time::sleep(patience) => {
                let open = self.bot().store().depths().await?;
                let (events, replies, said) = (open.inbox, open.outbox, self.cloud().conversation());
                bail!("the bot did not {what} within {patience:?}: events open: {events}, replies open: {replies}. \
                       What was said:\n{said}")
            }
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(task) = self.task.get_mut().take() {
            task.abort();
        }
    }
}
