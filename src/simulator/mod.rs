//! A Webex cloud inside the binary: the REST API a bot calls, the webhooks it is called by, the people it talks to, and
//! a page to be one of them.
//!
//! `switchboard simulate` runs the daemon against it, and so do the tests; with `--no-bot` any other client of Webex
//! can. [`Cloud`] is started, people act through [`Person`], and what may go wrong is set with [`Fault`],
//! [`RateLimit`], [`Deliveries`], [`Sockets`], [`Quirks`] and [`Scan`]. A test of a handler says something and reads the
//! transcript:
//!
//! ```
//! use switchboard::simulator::{Cloud, Options};
//! use switchboard::{Bot, Command, Config, Reply};
//!
//! # #[tokio::main]
//! # async fn main() -> anyhow::Result<()> {
//! let ping = Command::new("ping", "Answers", |_, _| async { Ok(Reply::text("pong")) });
//!
//! let cloud = Cloud::start(Options::default()).await?;
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let folder = tempfile::tempdir()?;
//! let mut variables = cloud.environment(listener.local_addr()?);
//! variables.push(("SWITCHBOARD_STORE__URL".into(), format!("sqlite:{}/ledger.db", folder.path().display())));
//! let config = Config::from_parts("[access]\ndm_policy = 'open'", &variables)?;
//! let app = Bot::builder().command(ping).build_on(listener, config).await?;
//! let bot = app.handle();
//! let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
//! let running = tokio::spawn(app.run_until(async { drop(stopped.await) }));
//! bot.ready().await;
//!
//! cloud.person("alice@example.com").says("ping");
//! cloud.delivered().await;
//! bot.settled().await?;
//! assert_eq!(cloud.transcript(), "alice: ping\nbot: pong\n");
//!
//! drop(stop);
//! running.await??;
//! # Ok(())
//! # }
//! ```
//!
//! In other languages the same is done over HTTP: `/as/{email}/...` is Webex's surface as somebody, without a token,
//! and `/control` is everything else (see `control`).
//!
//! # What is not as with Webex
//!
//! | here | with Webex | why |
//! |---|---|---|
//! | ids of messages and rooms are random (v4) | they carry a time (v1) | with a seed they are the same in every run |
//! | the id of a person follows from the address, and with a seed the token too | they are random | tests can quote them |
//! | one organization, and one device per person | many | nothing here tells them apart |
//! | an unknown address that is written to or added is a new person | that depends on the organization | nobody could chat otherwise |
//! | a reply to a reply is 400, a deletion or a change of somebody else's message 403 | not documented | the stricter side finds more mistakes |
//! | a card may have 22 KB | no figure is published | what people report |
//! | `---` and tables stay text, a list needs a blank line before it | `---` is unknown, the rest is so | the stricter side again |
//! | of html that a client sends, text and mentions stay | its formatting too | it is not in the current specification |
//! | a deleted team space is gone | it is archived | there is no way to see an archive |
//! | meetings are scheduled and never held: no instances, invitations, recordings or other webhooks than `created`, `updated`, `deleted` | all of that | a bot schedules, and tells |
//! | tokens never expire; a refresh gives one more | 14 and 90 days | a test can take a person's token away by deleting them |
//! | no rate limit until a [`RateLimit`] is set, and that one of all calls of a token | about 300 calls a minute, more for messages and people | tests are not left to luck |
//! | licences, roles and organizations are a fixed few | an administrator's own | nothing depends on them |
//! | search, events, compliance, guests, room tabs, whiteboards, reactions are missing | they exist, some without an API | no bot of this kind uses them |
//! | a device, and what its socket has not acknowledged, is forgotten when the cloud ends | it is kept for a time that nobody has published | the stricter side |
//! | what happens while a device has no socket is never sent to it | some of it is, for a while | the stricter side: whoever lost a socket has to ask by REST |
//! | an account has at most 100 devices, then 403 | a figure nobody has published | clients that pile them up are found |
//! | numbers of envelopes begin at 1 with each socket | not documented | clients look for gaps within one socket only |
//! | messages are plain | encrypted end to end | the API shows them plain |
//!
//! Where the facts are silent or disagree, [`Quirks`] takes the other side.
//!
//! # How it is made
//!
//! Five folders, each of which knows only those before it:
//!
//! | folder | what it is for |
//! |---|---|
//! | `world` | the state and its rules: people, rooms, messages, webhooks, devices; of HTTP it knows only the status of a refusal |
//! | `watch` | what can be seen: calls, deliveries, the journal, the transcript, the page |
//! | `delivery` | webhooks and sockets that tell what happened; how files are fetched, and from where |
//! | `scenario` | what tests do: people act, things go wrong |
//! | `surface` | HTTP: the API that plays Webex, `/control`, and the guard before both |
//!
//! This room imports nothing of the daemon but the spelling of ids and the signature.

mod delivery;
mod scenario;
mod surface;
mod watch;
pub(crate) mod world;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::watch::Sender;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

pub use delivery::manner::{Deliveries, Delivery, SignatureCheck};
pub use scenario::faults::Fault;
pub use scenario::limit::RateLimit;
pub use scenario::person::Person;
pub use scenario::setup::RoomInfo;
pub use watch::calls::Call;
pub use watch::explain::Explanation;
pub use world::quirks::Quirks;
pub use world::refusal::Refusal;
pub use world::things::account::{Account, AccountType};
pub use world::things::content::{Content, Scan, Verdict};
pub use world::things::device::DeviceInfo;
pub use world::things::device::Sockets;
pub use world::things::grant::Grant;
pub use world::things::message::Message;
pub use world::things::room::RoomType;
pub use world::things::webhook::{Webhook, WebhookStatus};
pub use world::webhooks::WebhookDraft;

use delivery::live::Courier;
use delivery::outward::Outward;
use scenario::faults::Faults;
use scenario::limit::Limiter;
use surface::guard;
use watch::calls::Calls;
use watch::explain::Explain;
use watch::journal::{Happening, Journal};
use watch::page;
use world::ids::Mint;
use world::memory;
use world::state::World;

/// The bot's token where tokens can be quoted.
const QUOTABLE_BOT_TOKEN: &str = "simulated-bot-token";
/// A client that does not finish its request does not hold up the end for longer.
const LONGEST_STOP: Duration = Duration::from_secs(5);

/// How a cloud begins.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the API listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where clients reach it, without a path, if that is not where it listens: the addresses of pages and files begin
    /// so.
    pub public_url: Option<String>,
    /// The bot's address.
    pub bot_email: String,
    /// The bot's display name; mentions show its first word.
    pub bot_name: String,
    /// The bot's token. Without one it is `simulated-bot-token` where there is a seed, otherwise nobody can guess it.
    pub bot_token: Option<String>,
    /// How webhooks are delivered.
    pub deliveries: Deliveries,
    /// Where chance begins: the same seed gives the same ids and the same luck to the same acts, and each address the
    /// same token in every run. Without one nobody can guess a token.
    pub seed: Option<u64>,
    /// Whether a message may name a file at an address of this machine or of a private network. Whoever can post here
    /// can then have any page read out that this machine can reach.
    pub fetch_private: bool,
    /// A file in which the cloud's memory outlives it. It is written about a second after a change, later where writing
    /// takes over a tenth of that, and at [`Cloud::stop`]: a kill loses what happened since. What it says of people, the bot included, goes before the rest.
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
            fetch_private: false,
            state: None,
        }
    }
}

/// A running cloud. Cheap to clone; all clones are the same cloud.
#[derive(Clone)]
pub struct Cloud {
    inner: Arc<Inner>,
}

struct Inner {
    address: SocketAddr,
    /// How clients begin the address of anything here.
    base: String,
    /// The same if it was said, as a name that the guard lets in.
    public_url: Option<Url>,
    bot: Account,
    world: Mutex<World>,
    courier: Courier,
    faults: Faults,
    limiter: Limiter,
    calls: Calls,
    journal: Journal,
    explain: OnceLock<Explain>,
    /// How often everything that was broken was mended.
    mended: Sender<u64>,
    runtime: Handle,
    stopping: CancellationToken,
    /// Counts the changes of the world.
    revision: Sender<u64>,
    /// Serves, and keeps the state; both end once the cloud stops.
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

/// An address that stands for all of this machine's is none to call.
fn base(listening: SocketAddr) -> String {
    let port = listening.port();
    if listening.ip().is_unspecified() { format!("http://127.0.0.1:{port}") } else { format!("http://{listening}") }
}

/// Webex's surface, and our own beside it.
fn router(cloud: Cloud) -> Router {
    let (webex, in_person) = surface::routes(&cloud);
    let all = webex.merge(page::routes()).merge(surface::control::routes(&cloud)).merge(in_person);
    all.layer(from_fn_with_state(cloud.clone(), guard::guard)).with_state(cloud)
}

impl Cloud {
    /// Starts to serve. Must be called within a tokio runtime, where the cloud then lives until [`Cloud::stop`].
    ///
    /// # Errors
    /// When the address cannot be bound, the public URL is none, the delivering client cannot be set up, or the state
    /// file is not one.
    pub async fn start(options: Options) -> io::Result<Cloud> {
        let listener = TcpListener::bind(options.listen).await?;
        // Each kind of chance has dice of its own, so that one more call changes no delivery.
        let mut dice = options.seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        let kept = match options.state.clone() {
            Some(path) => {
                tokio::task::spawn_blocking(move || memory::load(&path)).await.map_err(io::Error::other)??
            }
            None => None,
        };
        let mut world = kept.unwrap_or_else(|| World::new(Mint::new(dice.fork())));
        world.has_quotable_tokens = options.seed.is_some();
        let email = options.bot_email.to_ascii_lowercase();
        let bot = match world.by_email(&email) {
            Some(bot) => bot.clone(),
            None => {
                let quotable = options.seed.map(|_| QUOTABLE_BOT_TOKEN.to_owned());
                let token = options.bot_token.or(quotable).unwrap_or_else(|| world.token_for(&email));
                world.enrol(AccountType::Bot, email, options.bot_name, token)
            }
        };
        let public_url = options.public_url.as_deref().map(str::parse).transpose();
        let public_url = public_url.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let address = listener.local_addr()?;
        let cloud = Cloud {
            inner: Arc::new(Inner {
                address,
                base: options.public_url.map_or_else(|| base(address), |url| url.trim_end_matches('/').to_owned()),
                bot,
                world: Mutex::new(world),
                public_url,
                courier: Courier::new(options.deliveries, Outward::new(options.fetch_private)?, dice.fork()),
                faults: Faults::new(dice.fork()),
                limiter: Limiter::default(),
                calls: Calls::default(),
                journal: Journal::default(),
                explain: OnceLock::new(),
                mended: Sender::new(0),
                runtime: Handle::current(),
                stopping: CancellationToken::new(),
                revision: Sender::new(0),
                tasks: Mutex::default(),
            }),
        };
        let stopping = cloud.inner.stopping.clone();
        let serving = axum::serve(listener, router(cloud.clone()))
            .with_graceful_shutdown(async move { stopping.cancelled().await });
        let server = tokio::spawn(async move {
            if let Err(error) = serving.await {
                tracing::error!(%error, "the simulated cloud stopped serving");
            }
        });
        let keeper = options.state.map(|path| cloud.keep_state(path));
        cloud.inner.tasks.lock().unwrap_or_else(PoisonError::into_inner).extend(keeper.into_iter().chain([server]));
        Ok(cloud)
    }

    /// Stops serving and delivering. Stalled calls are dropped, and what was not delivered yet is lost.
    pub async fn stop(&self) {
        self.inner.stopping.cancel();
        let tasks = std::mem::take(&mut *self.inner.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for mut task in tasks {
            if tokio::time::timeout(LONGEST_STOP, &mut task).await.is_err() {
                task.abort();
            }
        }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.inner.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every change of the world goes through here: what it made happen is queued before anything else can happen.
    fn change<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        let mut world = self.world();
        let webhooks = world.webhooks.revision();
        let outcome = act(&mut world);
        for (event, audience) in std::mem::take(&mut world.happened) {
            self.dispatch(&event, audience);
        }
        for change in std::mem::take(&mut world.changes) {
            self.inner.journal.changed(change);
        }
        self.inner.revision.send_modify(|revision| *revision += 1);
        if webhooks != world.webhooks.revision() {
            self.inner.journal.tell(Happening::State);
        }
        outcome
    }
}
