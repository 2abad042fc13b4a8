//! Settings: what can be set, in one vocabulary. Every key is documented in `bot.toml`.
//!
//! Only this room reads the environment. Other rooms receive their own section.

mod access;
mod approve;
mod cards;
mod confidential;
mod doubts;
mod environment;
mod file;
mod findings;
mod instance;
mod layers;
mod names;
mod people;
mod read;
mod secrets;
mod syntax;
mod tree;
mod validate;
mod values;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

pub use access::{Access, CommandRule, DmPolicy, Flood, GroupPolicy, OnDeny, Pairing};
pub use approve::Approve;
pub(crate) use approve::problem as approve_problem;
pub use cards::{Cards, Commands, Conversations};
pub(crate) use doubts::Doubt;
use environment::Variables;
pub use findings::ConfigError;
pub use instance::{Instance, Log, LogFormat};
pub(crate) use layers::Loaded;
pub(crate) use people::{ADMINS, DIRECT, is_person, is_room};
pub(crate) use validate::{LONGEST_QUESTION, encrypted_or_loopback};
pub use values::parse_duration;
use values::{address, duration, optional_address, url};

/// The annotated file that documents every key and is the lowest layer of the settings.
pub const DEFAULTS: &str = include_str!("../../bot.toml");

/// All settings, read and checked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// How Webex is reached.
    pub webex: Webex,
    /// How messages reach the bot.
    pub delivery: Delivery,
    /// What Webex posts to us.
    pub webhook: Webhook,
    /// What we ask Webex.
    pub polling: Polling,
    /// The socket we hold open.
    pub websocket: Websocket,
    /// The public listener.
    pub server: Server,
    /// The operators' listener.
    pub admin: Admin,
    /// The ledger.
    pub store: Store,
    /// This daemon beside others.
    pub instance: Instance,
    /// How events are worked off.
    pub worker: Worker,
    /// Files that people attach and replies carry.
    pub files: Files,
    /// Buttons to press.
    pub cards: Cards,
    /// Questions that replies ask.
    pub conversations: Conversations,
    /// The commands that every bot has.
    pub commands: Commands,
    /// Who is answered.
    pub access: Access,
    /// Who did what.
    pub audit: Audit,
    /// How strangers are let in.
    pub pairing: Pairing,
    /// How much of one person and of one space is answered.
    pub flood: Flood,
    /// Who may give which command, and where.
    #[serde(default)]
    pub command: Vec<CommandRule>,
    /// What is logged.
    pub log: Log,
    /// What is doubtful about how it was all given.
    #[serde(skip)]
    given: Vec<Doubt>,
}

/// `[webex]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webex {
    /// Base of every call, with or without a path.
    #[serde(deserialize_with = "url")]
    pub api_url: Url,
    /// The bot's access token; never printed.
    pub token: Option<SecretString>,
    /// The space `send` writes to when it is told none.
    pub room_id: Option<String>,
    /// The most one request may take.
    #[serde(deserialize_with = "duration")]
    pub timeout: Duration,
    /// How often a request that may be repeated is repeated on the spot.
    pub retries: u32,
    /// A root certificate to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// What is taken out of all that Webex, or who answers in its place, says: the secrets of every section.
    #[serde(skip)]
    pub(crate) secrets: Vec<SecretString>,
}

/// `[delivery]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// How messages reach the bot.
    pub mode: Mode,
    /// How far back missed messages are fetched.
    #[serde(deserialize_with = "duration")]
    pub catch_up: Duration,
    /// The most messages fetched of one space at a time.
    pub catch_up_limit: usize,
    /// How often it is looked for messages whose delivery was lost.
    #[serde(deserialize_with = "duration")]
    pub reconcile: Duration,
    /// The space to which canaries are sent; none are without it.
    pub canary: Option<String>,
    /// The pause between two canaries.
    #[serde(deserialize_with = "duration")]
    pub canary_interval: Duration,
    /// How long a canary may take to come back.
    #[serde(deserialize_with = "duration")]
    pub canary_within: Duration,
}

/// `[polling]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Polling {
    /// How often Webex is asked.
    #[serde(deserialize_with = "duration")]
    pub interval: Duration,
    /// How many spaces are read at one time.
    pub concurrency: usize,
    /// The most calls a minute for what nobody waits for.
    pub rate: u32,
}

/// `[websocket]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Websocket {
    /// Where Webex says which of its hosts does what; the token goes to the hosts it names and to no others.
    #[serde(deserialize_with = "url")]
    pub catalog_url: Url,
    /// The name of the bot's own device at Webex, to which the socket belongs.
    pub device: String,
    /// How often the other end is asked whether it is still there.
    #[serde(deserialize_with = "duration")]
    pub ping_interval: Duration,
    /// How long it may take to say so.
    #[serde(deserialize_with = "duration")]
    pub pong_timeout: Duration,
    /// The longest pause before a lost socket is opened again.
    #[serde(deserialize_with = "duration")]
    pub backoff_max: Duration,
}

/// How messages reach the bot.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Webex posts to us.
    Webhook,
    /// We ask Webex.
    Polling,
    /// We hold a socket open.
    Websocket,
    /// Webhook and polling.
    Both,
}

impl Mode {
    /// The word used in the settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Webhook => "webhook",
            Mode::Polling => "polling",
            Mode::Websocket => "websocket",
            Mode::Both => "both",
        }
    }
}

/// `[webhook]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Where this daemon listens for Webex.
    pub path: String,
    /// The whole URL as registered with Webex, to the letter.
    #[serde(default)]
    pub public_url: Option<String>,
    /// The key of the signatures; never printed.
    pub secret: Option<SecretString>,
    /// How often our webhooks are looked at and mended.
    #[serde(deserialize_with = "duration")]
    pub check_interval: Duration,
}

/// `[server]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// The address of the webhook server.
    #[serde(deserialize_with = "address")]
    pub listen: SocketAddr,
    /// The largest body in bytes.
    pub body_limit: usize,
    /// The largest header of a request in bytes.
    pub header_limit: usize,
    /// Connections at one time.
    pub connections: usize,
    /// Connections of one public address at one time; 0 is no limit.
    pub per_address: usize,
    /// The most a client may take for its first byte, and then for the header.
    #[serde(deserialize_with = "duration")]
    pub header_timeout: Duration,
    /// The most one request may take, and the longest a connection may be idle.
    #[serde(deserialize_with = "duration")]
    pub timeout: Duration,
}

/// `[admin]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Admin {
    /// The operators' address; `None` turns the listener off.
    #[serde(deserialize_with = "optional_address")]
    pub listen: Option<SocketAddr>,
}

/// `[store]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// Where the ledger is. A secret, since a database URL may carry a password.
    pub url: SecretString,
    /// How long settled rows stay readable.
    #[serde(deserialize_with = "duration")]
    pub retention: Duration,
    /// How long after that their ids are remembered.
    #[serde(deserialize_with = "duration")]
    pub dedupe: Duration,
    /// How many writes may wait for the disk.
    pub waiting: usize,
    /// How large the write-ahead log may grow, in bytes.
    pub log_limit: u64,
    /// How long the ledger's files may be missing while the daemon runs, before it exits.
    #[serde(deserialize_with = "duration")]
    pub missing_for: Duration,
}

/// `[worker]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Worker {
    /// Events handled, and replies sent, at one time; 0 only receives.
    pub concurrency: usize,
    /// Tries before an event becomes a dead letter.
    pub max_attempts: u32,
    /// The most a command may take.
    #[serde(deserialize_with = "duration")]
    pub deadline: Duration,
    /// How long an event is reserved for the process that took it.
    #[serde(deserialize_with = "duration")]
    pub lease: Duration,
    /// The pause after a first failure.
    #[serde(deserialize_with = "duration")]
    pub backoff: Duration,
    /// The longest pause between two tries.
    #[serde(deserialize_with = "duration")]
    pub backoff_max: Duration,
    /// How long a message may be not yet visible at Webex before it counts as gone.
    #[serde(deserialize_with = "duration")]
    pub visible_within: Duration,
    /// How long events and replies wait for a Webex that is away.
    #[serde(deserialize_with = "duration")]
    pub give_up: Duration,
}

/// `[files]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// The largest file that a command fetches or a reply carries, in bytes.
    pub largest: u64,
    /// Bytes of files that may wait in the ledger to be sent.
    pub waiting: u64,
    /// How long a command waits for a file that Webex still scans for malware.
    #[serde(deserialize_with = "duration")]
    pub scan_wait: Duration,
}

/// `[audit]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audit {
    /// The key of the audit's seal; never printed.
    pub key: Option<SecretString>,
    /// The one before it.
    pub old_key: Option<SecretString>,
    /// How long rows stay.
    #[serde(deserialize_with = "duration")]
    pub retention: Duration,
}

impl Webhook {
    /// The URL to register, if one is set.
    pub fn target_url(&self) -> Option<&str> {
        self.public_url.as_deref().filter(|url| !url.is_empty())
    }

    /// The path of that URL.
    pub(crate) fn public_path(&self) -> Option<String> {
        Url::parse(self.target_url()?).ok().map(|url| url.path().to_owned())
    }
}

impl Config {
    /// Whether people have buttons to press: on cards, and Webex tells of the clicks.
    pub fn has_buttons(&self) -> bool {
        self.cards.enabled && self.delivery.mode != Mode::Polling
    }

    /// Layers the defaults, `file` (or `./bot.toml` when that is there) and the environment, and checks the result.
    ///
    /// # Errors
    /// Everything that is wrong, each finding naming the key, the file or variable, and the fix; never a secret.
    pub fn load(file: Option<&Path>) -> Result<Config, ConfigError> {
        Config::look(file)?.sound()
    }

    /// The same for whoever has more to say about the settings: with all that is wrong, and not only if nothing is.
    ///
    /// # Errors
    /// Only where the program itself is broken.
    pub(crate) fn look(file: Option<&Path>) -> Result<Loaded, ConfigError> {
        let file = file.or_else(|| Path::new("bot.toml").exists().then_some(Path::new("bot.toml")));
        layers::load(file, &Variables::of_process())
    }

    /// The same with `variables` above everything else, in place of those of the environment that set the same.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub(crate) fn load_under(file: Option<&Path>, variables: Vec<(String, String)>) -> Result<Config, ConfigError> {
        let mut all = Variables::of_process();
        all.overlay(variables);
        layers::load(file, &all)?.sound()
    }

    /// The same from a text and a list of variables, for tests and for programs that embed the bot.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn from_parts(toml: &str, variables: &[(String, String)]) -> Result<Config, ConfigError> {
        layers::parse("the given settings", toml, &Variables::given(variables))?.sound()
    }

    /// What `run` cannot start without.
    ///
    /// # Errors
    /// Names each key that is missing and the ways to give it.
    pub fn require_run(&self) -> Result<(), ConfigError> {
        let missing: Vec<_> = validate::missing(self).into_iter().map(|(_, says)| says.to_owned()).collect();
        if missing.is_empty() { Ok(()) } else { Err(ConfigError(missing)) }
    }

    /// The bot token, for the verbs that need nothing else.
    ///
    /// # Errors
    /// When it is missing, with the ways to give it.
    pub fn token(&self) -> Result<&SecretString, ConfigError> {
        let token = self.webex.token.as_ref().filter(|token| !token.expose_secret().trim().is_empty());
        token.ok_or_else(|| ConfigError::one(validate::MISSING_TOKEN))
    }
}
