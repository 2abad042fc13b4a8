//! The running cloud, and the state that all its parts share.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use url::Url;

use super::faults::Faults;
use super::limit::Limiter;
use crate::simulator::delivery::live::LiveWorld;
use crate::simulator::watch::calls::Calls;
use crate::simulator::watch::explain::{Explain, Explanation};
use crate::simulator::world::World;
use crate::simulator::world::things::Account;

/// A running cloud. It is cheap to clone, and all clones are the same cloud.
#[derive(Clone)]
pub struct Cloud {
    pub(crate) live: Arc<LiveWorld>,
    pub(crate) inner: Arc<Inner>,
}

/// The state of a cloud.
pub(crate) struct Inner {
    pub(crate) address: SocketAddr,
    /// The beginning of every address of this cloud, for clients.
    pub(crate) base: String,
    /// The public URL if one was given. The guard lets requests to its host in.
    pub(crate) public_url: Option<Url>,
    pub(crate) bot: Account,
    pub(crate) faults: Faults,
    pub(crate) limiter: Limiter,
    pub(crate) calls: Calls,
    pub(crate) explain: OnceLock<Explain>,
    /// How many times all faults were cleared on the page.
    pub(crate) mended: watch::Sender<u64>,
    /// The tasks that serve, and that write the state file. They end once the cloud stops.
    pub(crate) tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Cloud {
    /// The base URL of the API, such as `http://127.0.0.1:40123/v1`.
    pub fn api_url(&self) -> String {
        format!("{}/v1", self.inner.base)
    }

    /// The address of the chat page.
    pub fn page_url(&self) -> String {
        format!("{}/", self.inner.base)
    }

    /// The address at which a bot learns the hosts for its websocket, like Webex's `u2c` service.
    pub fn catalog_url(&self) -> String {
        format!("{}/u2c/api/v1/catalog", self.inner.base)
    }

    /// Sets the function that tells the page what the bot knows about an event. Only the first one counts.
    pub fn explained_by(
        &self,
        explain: impl Fn(String) -> BoxFuture<'static, Option<Explanation>> + Send + Sync + 'static,
    ) {
        // A second bot in one cloud would be another account, and the page does not ask about its events.
        let _ = self.inner.explain.set(Box::new(explain));
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.live.world()
    }

    pub(crate) fn change<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        self.live.change(act)
    }
}
