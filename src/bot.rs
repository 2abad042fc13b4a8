//! The builder for Rust developers: your own bot is the daemon with your commands in its table.

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
/// Your program then has every verb of `switchboard`: `run`, `simulate`, `check` and the rest. The [`lab`](crate::lab)
/// shows how to test it.
#[derive(Debug, Default)]
pub struct Bot(Parts);

impl Bot {
    /// A bot with `help`, `status`, `report`, and `pairing` for admins.
    pub fn builder() -> Bot {
        Bot::default()
    }

    /// Sets the program's name, as it appears in `--help`, `--version`, completions and error messages, in `status`, in
    /// the log, and in the `User-Agent` of its calls. Give the name that people type. The default is `switchboard`. The
    /// names of the settings and of the ledger stay the same.
    ///
    /// ```no_run
    /// switchboard::Bot::builder().name("lunchbot").version(env!("CARGO_PKG_VERSION")).run();
    /// ```
    #[must_use]
    pub fn name(mut self, name: &'static str) -> Bot {
        self.0.program.name = name;
        self
    }

    /// Sets the program's version. The default is Switchboard's.
    #[must_use]
    pub fn version(mut self, version: &'static str) -> Bot {
        self.0.program.version = version;
        self
    }

    /// Adds a command. If its name is taken already, the program refuses to start.
    #[must_use]
    pub fn command(mut self, command: Command) -> Bot {
        self.0.commands.push(command);
        self
    }

    /// Calls the handler for another event of Webex, given by the resource and event that Webex uses for webhooks. The
    /// handler gets the `data` of Webex's envelope. It is called at least once for each such event that was
    /// acknowledged. After an error the event is tried again like a command, and in the end becomes a dead letter; with
    /// [`CommandError::User`](crate::CommandError::User) the handler declines it for good. Events about one thing are
    /// handled in order. Events that the bot itself caused are left out.
    ///
    /// With `delivery.mode = "webhook"` or `"both"` the bot registers a webhook for these events; the token must have
    /// the scope for it. If Webex refuses the webhook, a warning says so at each look, and the bot runs without it. A
    /// websocket brings messages (updated, deleted), memberships (updated, deleted) and rooms (created, updated), with
    /// their ids alone. Polling brings none of these events. The start and `check` warn if an event cannot come at all.
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

    /// Runs this beside the bot once it is ready: to say something at the start, or again and again. It says things by
    /// [`Handle::say`]. It must not block its thread. When the bot stops, it is cancelled at an `await`. An error or a
    /// panic in it is logged, and the bot goes on.
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

    /// Wraps every command, the built-in ones included, and each of their actions. The wrapper can act before the
    /// command, after it, or in its place. If there are several wrappers, the first one added is the outermost.
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

    /// Reads a section of your own from the settings into your type. Handlers get the value by
    /// [`Context::settings`](crate::Context::settings).
    ///
    /// The section is read like the built-in ones. Each key can be set in the file or by a variable such as
    /// `SWITCHBOARD_LUNCH__KITCHEN`. A mistake is reported with its line and with what was probably meant, also by
    /// `check`. `Duration` takes texts such as `"30s"`. A field without a default must be given before the bot can run.
    /// To restrict the values of a field, use `#[serde(try_from = "...")]` or a type of its own; its error is shown
    /// after the name of the key.
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

    /// Shares a value with all handlers, which get it by its type with [`Context::state`](crate::Context::state). There
    /// is one value of each type; it is gone when the process ends.
    #[must_use]
    pub fn state<T: Send + Sync + 'static>(mut self, value: T) -> Bot {
        self.0.state.put(value);
        self
    }

    /// Sets the clock, which a test can turn. Only [`Bot::build_on`] uses it.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Bot {
        self.0.clock = clock;
        self
    }

    /// Runs the verb on the command line and gives the exit code: 0 done, 1 failed, 2 wrong use or wrong settings.
    pub fn run(self) -> ExitCode {
        cli::run(self.0)
    }

    /// [`Config::load`] with the sections of this bot.
    ///
    /// # Errors
    /// All mistakes in the settings. Each names the key, the file or variable, and the fix, and never shows a secret.
    /// Mend them and call again.
    pub fn load(&self, file: Option<&Path>) -> Result<Config, ConfigError> {
        self.0.look(file).and_then(Loaded::sound)
    }

    /// [`Config::from_parts`] with the sections of this bot.
    ///
    /// # Errors
    /// The same errors as [`Bot::load`].
    pub fn load_from_parts(&self, toml: &str, variables: &[(String, String)]) -> Result<Config, ConfigError> {
        self.0.look_at(toml, variables).and_then(Loaded::sound)
    }

    /// The program's name and version.
    pub(crate) fn program(&self) -> Program {
        self.0.program
    }

    /// Like [`Bot::load_from_parts`], with the text above the variables.
    pub(crate) fn load_above(&self, toml: &str, variables: &[(String, String)]) -> Result<Config, ConfigError> {
        self.0.look_above(toml, variables).and_then(Loaded::sound)
    }

    /// Builds the daemon, for a program with its own command line and runtime, or for a test that drives it. The caller
    /// binds the listener and so knows its port.
    ///
    /// # Errors
    /// The settings are wrong, or the ledger cannot be opened. The error says what to do.
    pub async fn build_on(self, listener: TcpListener, config: Config) -> anyhow::Result<App> {
        App::build_on(listener, config, self.0).await
    }
}
