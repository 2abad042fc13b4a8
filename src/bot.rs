//! The front door for Rust developers: a bot of your own is the daemon with your commands in its table.

use std::path::Path;
use std::process::ExitCode;

use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::app::{App, Handle, OnStart, Parts};
use crate::cli;
use crate::clock::Clock;
use crate::config::{Config, ConfigError, Loaded, Section};
use crate::handler::{Around, Call, Command, Context, EventContext, EventHandler, Next, Reply};
use crate::program::Program;

/// A bot: the whole of Switchboard, its command line included, with your commands beside its own.
///
/// ```no_run
/// use switchboard::{Args, Bot, Command, Context, Param, Reply, Result};
///
/// async fn greet(_: Context, args: Args) -> Result<Reply> {
///     let name: String = args.get("name")?;
///     Ok(Reply::text(format!("Hello, {name}!")))
/// }
///
/// fn main() -> std::process::ExitCode {
///     Bot::builder().command(Command::new("greet", "Says hello to somebody", greet).param(Param::text("name"))).run()
/// }
/// ```
///
/// Your program then has every verb of `switchboard`: `run`, `simulate`, `check` and the rest. How it is tested, the
/// [`lab`](crate::lab) shows.
#[derive(Debug, Default)]
pub struct Bot(Parts);

impl Bot {
    /// A bot with `help`, `status`, `report`, and `pairing` for admins.
    pub fn builder() -> Bot {
        Bot::default()
    }

    /// What the program calls itself: in `--help`, `--version`, completions and complaints, in `status`, in the log, and
    /// in the `User-Agent` of its calls. Give the name that people type. Without it the program is `switchboard`; what the
    /// settings and the ledger are called does not change with it.
    ///
    /// ```no_run
    /// switchboard::Bot::builder().name("lunchbot").version(env!("CARGO_PKG_VERSION")).run();
    /// ```
    #[must_use]
    pub fn name(mut self, name: &'static str) -> Bot {
        self.0.program.name = name;
        self
    }

    /// The program's own version; without it Switchboard's.
    #[must_use]
    pub fn version(mut self, version: &'static str) -> Bot {
        self.0.program.version = version;
        self
    }

    /// Adds a command. A name that is there already is refused at the start.
    #[must_use]
    pub fn command(mut self, command: Command) -> Bot {
        self.0.commands.push(command);
        self
    }

    /// Has this called when Webex tells of something else: an event of a resource, as Webex names them for webhooks. The
    /// handler gets the `data` of Webex's envelope. It is called at least once for each such event that was acknowledged. An
    /// error is tried again like a command's, and then leaves a dead letter;
    /// [`CommandError::User`](crate::CommandError::User) declines for good. Events of one thing are worked on in order, and
    /// what the bot itself did is left out.
    ///
    /// With `delivery.mode = "webhook"` or `"both"` the bot registers a webhook for it, which the token must have a scope for.
    /// Where Webex refuses that, a warning says so at each look, and the bot goes on without it.
    /// A websocket tells of messages (updated, deleted), memberships (updated, deleted) and rooms (created, updated), with
    /// their ids alone. Polling finds none of it. The start and `check` warn where nothing can come.
    ///
    /// ```
    /// # use switchboard::Bot;
    /// let bot = Bot::builder().event("rooms", "updated", async |context, data| {
    ///     let room = context.webex().room(&data["id"].as_str().unwrap_or_default().into()).await?;
    ///     println!("{} is the title now", room.title);
    ///     Ok(())
    /// });
    /// ```
    #[must_use]
    pub fn event<H, F>(mut self, resource: &str, event: &str, handler: H) -> Bot
    where
        H: Fn(EventContext, Value) -> F + Send + Sync + 'static,
        F: Future<Output = crate::Result<()>> + Send + 'static,
    {
        self.0.events.push(EventHandler::new(resource, event, handler));
        self
    }

    /// Runs this beside the bot once it is ready: to say something when it starts, or again and again. What it says goes by
    /// [`Handle::say`]. It must not block its thread. It is cut off where it waits when the bot stops; an error or a panic of
    /// it is logged, and the bot goes on.
    ///
    /// ```no_run
    /// use switchboard::{Bot, Destination, Reply};
    ///
    /// let bot = Bot::builder().on_start(async |handle| {
    ///     let mut hours = tokio::time::interval(std::time::Duration::from_secs(3600));
    ///     loop {
    ///         hours.tick().await;
    ///         // The key names the hour, so it is said once however often the bot is started.
    ///         let hour = std::time::UNIX_EPOCH.elapsed()?.as_secs() / 3600;
    ///         let says = Reply::text("Another hour has begun.");
    ///         let said = handle.say(&format!("hour/{hour}"), Destination::email("alice@example.com"), says).await;
    ///         if let Err(error) = said {
    ///             eprintln!("the hour is not told: {error}");
    ///         }
    ///     }
    /// });
    /// ```
    #[must_use]
    pub fn on_start<H, F>(mut self, start: H) -> Bot
    where
        H: Fn(Handle) -> F + Send + Sync + 'static,
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        self.0.on_start.push(OnStart::new(start));
        self
    }

    /// Does something around every command, those that every bot has included, and around each of their actions: before
    /// it, after it, or in its place. Of several the first one is the outermost.
    ///
    /// ```no_run
    /// use switchboard::{Bot, Call, CommandError, Context, Next};
    ///
    /// let bot = Bot::builder().around(async |call: Call, context: Context, next: Next| {
    ///     if call.command == "deploy" && std::path::Path::new("/etc/freeze").exists() {
    ///         return Err(CommandError::User("Nothing is deployed today.".into()));
    ///     }
    ///     let reply = next.run(context).await;
    ///     println!("{} was run: {}", call.command, reply.is_ok());
    ///     reply
    /// });
    /// ```
    #[must_use]
    pub fn around<H, F>(mut self, around: H) -> Bot
    where
        H: Fn(Call, Context, Next) -> F + Send + Sync + 'static,
        F: Future<Output = crate::Result<Reply>> + Send + 'static,
    {
        self.0.around.push(Around::new(around));
        self
    }

    /// Reads a section of the bot's own from the settings, into a type of the author's. Handlers have it by
    /// [`Context::settings`](crate::Context::settings).
    ///
    /// It is read as ours are: each key may stand in the file or in a variable such as `SWITCHBOARD_LUNCH__KITCHEN`, what
    /// is wrong is told by its line with what was meant, and `check` reports it. `Duration` takes texts such as `"30s"`. A
    /// field without a default has to be given before the bot can run. What one value allows is said by
    /// `#[serde(try_from = "...")]` or a type of its own; its error is shown after the name of the key.
    ///
    /// ```no_run
    /// use switchboard::{Args, Bot, Command, Context, Reply, Result};
    ///
    /// #[derive(serde::Deserialize)]
    /// #[serde(default)]
    /// struct Lunch {
    ///     kitchen: String,
    ///     closes_within: std::time::Duration,
    /// }
    ///
    /// impl Default for Lunch {
    ///     fn default() -> Self {
    ///         Lunch { kitchen: "the canteen".into(), closes_within: std::time::Duration::from_secs(3600) }
    ///     }
    /// }
    ///
    /// async fn menu(context: Context, _: Args) -> Result<Reply> {
    ///     let lunch = context.settings::<Lunch>()?;
    ///     Ok(Reply::text(format!("Today from {}.", lunch.kitchen)))
    /// }
    ///
    /// Bot::builder().settings::<Lunch>("lunch").command(Command::new("menu", "What there is", menu)).run();
    /// ```
    #[must_use]
    pub fn settings<T: DeserializeOwned + Send + Sync + 'static>(mut self, section: &'static str) -> Bot {
        self.0.sections.push(Section::of::<T>(section));
        self
    }

    /// Shares a value with all handlers, which have it by [`Context::state`](crate::Context::state) and its type. There
    /// is one value of each type; it is gone when the process ends.
    #[must_use]
    pub fn state<T: Send + Sync + 'static>(mut self, value: T) -> Bot {
        self.0.state.put(value);
        self
    }

    /// Lives by this clock, which a test can turn. Only [`Bot::build_on`] looks at it.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Bot {
        self.0.clock = clock;
        self
    }

    /// Does what the command line says, and says how it went: 0 done, 1 failed, 2 wrong use or wrong settings.
    pub fn run(self) -> ExitCode {
        cli::run(self.0)
    }

    /// [`Config::load`] with the sections of this bot.
    ///
    /// # Errors
    /// Everything that is wrong, each finding naming the key, the file or variable, and the fix; never a secret.
    pub fn load(&self, file: Option<&Path>) -> Result<Config, ConfigError> {
        self.0.look(file).and_then(Loaded::sound)
    }

    /// [`Config::from_parts`] with the sections of this bot.
    ///
    /// # Errors
    /// As [`Bot::load`].
    pub fn load_from_parts(&self, toml: &str, variables: &[(String, String)]) -> Result<Config, ConfigError> {
        self.0.look_at(toml, variables).and_then(Loaded::sound)
    }

    /// What the program calls itself.
    pub(crate) fn program(&self) -> Program {
        self.0.program
    }

    /// The same with the text above the variables.
    pub(crate) fn load_above(&self, toml: &str, variables: &[(String, String)]) -> Result<Config, ConfigError> {
        self.0.look_above(toml, variables).and_then(Loaded::sound)
    }

    /// The daemon itself, for a program that brings its own command line and runtime, or for a test that drives it
    /// itself. The listener is bound by the caller, who thus knows its port.
    ///
    /// # Errors
    /// Wrong settings, or a ledger that cannot be opened; each with what to do.
    pub async fn build_on(self, listener: TcpListener, config: Config) -> anyhow::Result<App> {
        App::build_on(listener, config, self.0).await
    }
}
