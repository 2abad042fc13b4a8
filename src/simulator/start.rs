//! Starts and stops a cloud.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::delivery::courier::Courier;
use super::delivery::live::LiveWorld;
use super::delivery::manner::Deliveries;
use super::delivery::outward::Outward;
use super::scenario::cloud::{Cloud, Inner};
use super::scenario::faults::Faults;
use super::scenario::limit::Limiter;
use super::surface::{self, guard};
use super::watch::calls::Calls;
use super::watch::journal::Journal;
use super::watch::page;
use super::world::World;
use super::world::ids::Mint;
use super::world::memory::{self, SavedWorld};
use super::world::things::{Account, AccountType};

/// The bot's token in a cloud with a seed, where tests can quote tokens.
const QUOTABLE_BOT_TOKEN: &str = "simulated-bot-token";
/// The longest time a client that does not finish its request can delay the end.
const LONGEST_STOP: Duration = Duration::from_secs(5);

/// The options of a cloud.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the API listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The URL at which clients reach the cloud, without a path, if they do not reach it at the address it listens on.
    /// The addresses of pages and files begin with it.
    pub public_url: Option<String>,
    /// The bot's address.
    pub bot_email: String,
    /// The bot's display name; mentions show its first word.
    pub bot_name: String,
    /// The bot's token. Without one it is `simulated-bot-token` if there is a seed, and otherwise a token that nobody
    /// can guess.
    pub bot_token: Option<String>,
    /// How webhooks are delivered.
    pub deliveries: Deliveries,
    /// The seed of all randomness. The same seed gives the same ids and random faults for the same acts, and each
    /// address the same token in every run. Without a seed nobody can guess a token.
    pub seed: Option<u64>,
    /// Whether the cloud fetches a file that a message names by its address. If not, the file is empty, and
    /// [`Content::source`](super::Content::source) has the address.
    pub fetch: bool,
    /// Whether a message may name a file at an address of this machine or of a private network. Anybody who can post
    /// here can then read every page that this machine can reach.
    pub fetch_private: bool,
    /// A file that keeps the cloud's state after it ends. It is written about a second after a change, later if writing
    /// takes more than a tenth of a second, and at [`Cloud::stop`]. A kill loses what happened since the last write.
    /// Accounts in the file, the bot's included, take precedence over these options.
    pub state: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            public_url: None,
            bot_email: "switchboard@webex.bot".to_owned(),
            bot_name: "Switchboard".to_owned(),
            bot_token: None,
            deliveries: Deliveries::default(),
            seed: None,
            fetch: true,
            fetch_private: false,
            state: None,
        }
    }
}

/// The base URL for a listening address. The address of all interfaces cannot be called, so it becomes the loopback
/// address.
fn base(listening: SocketAddr) -> String {
    let port = listening.port();
    if listening.ip().is_unspecified() { format!("http://127.0.0.1:{port}") } else { format!("http://{listening}") }
}

/// The bot's account, which is created if the world does not have it yet.
fn bot(world: &mut World, email: String, name: String, token: Option<String>) -> Account {
    let email = email.to_ascii_lowercase();
    if let Some(bot) = world.by_email(&email) {
        return bot.clone();
    }
    let quotable = world.has_quotable_tokens.then(|| QUOTABLE_BOT_TOKEN.to_owned());
    let token = token.or(quotable).unwrap_or_else(|| world.token_for(&email));
    world.add_account(AccountType::Bot, email, name, token)
}

/// Serves until the cloud stops.
async fn serve(listener: TcpListener, cloud: Cloud) {
    let stopping = cloud.live.stopping.clone();
    let serving =
        axum::serve(listener, router(cloud)).with_graceful_shutdown(async move { stopping.cancelled().await });
    if let Err(error) = serving.await {
        tracing::error!(%error, "the simulated cloud stopped serving");
    }
}

/// The routes of Webex's API, and our own beside them.
fn router(cloud: Cloud) -> Router {
    let (webex, in_person) = surface::routes(&cloud);
    let all = webex.merge(page::routes()).merge(surface::control::routes(&cloud)).merge(in_person);
    all.layer(from_fn_with_state(cloud.clone(), guard::guard)).with_state(cloud)
}

impl Cloud {
    /// Starts a cloud. It must be called within a tokio runtime, and the cloud then runs there until [`Cloud::stop`].
    ///
    /// # Errors
    /// The address cannot be bound, the public URL is no URL, the HTTP client cannot be set up, or the state file is
    /// not one of the simulator.
    pub async fn start(options: Options) -> io::Result<Cloud> {
        let listener = TcpListener::bind(options.listen).await?;
        // Each kind of random decision has its own generator, so that one more call changes no delivery.
        let mut dice = options.seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        let kept = match options.state.clone() {
            Some(path) => {
                tokio::task::spawn_blocking(move || memory::load(&path)).await.map_err(io::Error::other)??
            }
            None => None,
        };
        let mut world = kept.unwrap_or_else(|| World::new(Mint::new(dice.fork())));
        world.has_quotable_tokens = options.seed.is_some();
        let bot = bot(&mut world, options.bot_email, options.bot_name, options.bot_token);
        let public_url = options.public_url.as_deref().map(str::parse).transpose();
        let public_url = public_url.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let address = listener.local_addr()?;
        let live = Arc::new(LiveWorld {
            world: Mutex::new(world),
            courier: Courier::new(options.deliveries, Outward::new(options.fetch, options.fetch_private)?, dice.fork()),
            journal: Journal::default(),
            runtime: Handle::current(),
            stopping: CancellationToken::new(),
            revision: watch::Sender::new(0),
        });
        let cloud = Cloud {
            live,
            inner: Arc::new(Inner {
                address,
                base: options.public_url.map_or_else(|| base(address), |url| url.trim_end_matches('/').to_owned()),
                bot,
                public_url,
                faults: Faults::new(dice.fork()),
                limiter: Limiter::default(),
                calls: Calls::default(),
                explain: OnceLock::new(),
                mended: watch::Sender::new(0),
                tasks: Mutex::default(),
            }),
        };
        let server = tokio::spawn(serve(listener, cloud.clone()));
        let keeper = options.state.map(|path| {
            let (live, revisions) = (Arc::clone(&cloud.live), cloud.live.revision.subscribe());
            let saved = move || SavedWorld::of(&live.world());
            tokio::spawn(memory::keep(path, revisions, cloud.live.stopping.clone(), saved))
        });
        cloud.inner.tasks.lock().unwrap_or_else(PoisonError::into_inner).extend(keeper.into_iter().chain([server]));
        Ok(cloud)
    }

    /// Stops serving and delivering. Stalled calls are dropped, and undelivered events are lost.
    pub async fn stop(&self) {
        self.live.stopping.cancel();
        let tasks = std::mem::take(&mut *self.inner.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for mut task in tasks {
            if tokio::time::timeout(LONGEST_STOP, &mut task).await.is_err() {
                task.abort();
            }
        }
    }
}
