//! The running cloud, and what everything else here holds of it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use url::Url;

use super::faults::Faults;
use super::limit::Limiter;
use crate::simulator::delivery::live::Live;
use crate::simulator::watch::calls::Calls;
use crate::simulator::watch::explain::{Explain, Explanation};
use crate::simulator::world::World;
use crate::simulator::world::things::Account;

/// A running cloud. Cheap to clone; all clones are the same cloud.
#[derive(Clone)]
pub struct Cloud {
    pub(crate) live: Arc<Live>,
    pub(crate) inner: Arc<Inner>,
}

/// What there is beside the world.
pub(crate) struct Inner {
    pub(crate) address: SocketAddr,
    /// How clients begin the address of anything here.
    pub(crate) base: String,
    /// The same if it was said, as a name that the guard lets in.
    pub(crate) public_url: Option<Url>,
    pub(crate) bot: Account,
    pub(crate) faults: Faults,
    pub(crate) limiter: Limiter,
    pub(crate) calls: Calls,
    pub(crate) explain: OnceLock<Explain>,
    /// How often everything that was broken was mended.
    pub(crate) mended: watch::Sender<u64>,
    /// Serves, and keeps the state; both end once the cloud stops.
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

    /// Where a bot learns the hosts of its websocket, as Webex's `u2c` service tells them.
    pub fn catalog_url(&self) -> String {
        format!("{}/u2c/api/v1/catalog", self.inner.base)
    }

    /// Has the page ask this for what the bot knows of an event. Only the first one counts.
    pub fn explained_by(
        &self,
        explain: impl Fn(String) -> BoxFuture<'static, Option<Explanation>> + Send + Sync + 'static,
    ) {
        // A second bot in one cloud would be another account, whose events nobody asks for.
        let _ = self.inner.explain.set(Box::new(explain));
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.live.world()
    }

    pub(crate) fn change<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        self.live.change(act)
    }
}
