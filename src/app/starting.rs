//! Runs the author's functions once the bot is ready.

use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::FutureExt;

use super::Handle;

type Starting = Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send>>;

/// A function of the author; see [`Bot::on_start`](crate::Bot::on_start).
#[derive(Clone)]
pub(crate) struct OnStart(Arc<dyn Fn(Handle) -> Starting + Send + Sync>);

impl OnStart {
    pub(crate) fn new<H, F>(start: H) -> OnStart
    where
        H: Fn(Handle) -> F + Send + Sync + 'static,
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        OnStart(Arc::new(move |handle| Box::pin(start(handle))))
    }

    /// Runs the function when the bot is ready. The bot continues however it ends.
    pub(super) async fn run(self, handle: Handle) {
        handle.ready().await;
        match AssertUnwindSafe(async { (self.0)(handle).await }).catch_unwind().await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::error!(error = format!("{error:#}"), "what the program does at the start failed")
            }
            Err(_) => tracing::error!("what the program does at the start panicked"),
        }
        std::future::pending().await
    }
}

impl fmt::Debug for OnStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnStart")
    }
}
