//! The front door for Rust developers: a bot of your own is the daemon with your commands in its table.

use std::process::ExitCode;

use serde_json::Value;
use tokio::net::TcpListener;

use crate::app::App;
use crate::clock::Clock;
use crate::config::Config;
use crate::handler::{Command, EventContext, EventHandler, Handlers, Result};
use crate::{cli, commands};

/// A bot: the whole of Switchboard, its command line included, with your commands beside its own.
///
/// ```no_run
/// use switchboard::{Args, Bot, Command, Context, Reply, Result};
///
/// async fn greet(_: Context, mut args: Args) -> Result<Reply> {
///     let name = args.required("name")?;
///     args.finish()?;
///     Ok(Reply::text(format!("Hello, {name}!")))
/// }
///
/// fn main() -> std::process::ExitCode {
///     Bot::builder().command(Command::new("greet <name>", "Says hello to somebody", greet)).run()
/// }
/// ```
///
/// Your program then has every verb of `switchboard`: `run`, `simulate`, `check` and the rest.
#[derive(Debug)]
pub struct Bot {
    handlers: Handlers,
    clock: Clock,
}

impl Bot {
    /// A bot with `help`, `status`, `report`, and `pairing` for admins.
    pub fn builder() -> Bot {
        Bot { handlers: Handlers { commands: commands::table(), events: Vec::new() }, clock: Clock::of_system() }
    }

    /// Adds a command. A name that is there already is refused at the start.
    #[must_use]
    pub fn command(mut self, command: Command) -> Bot {
        self.handlers.commands.push(command);
        self
    }

    /// Has this called when Webex tells of something else: an event of a resource, as Webex names them for webhooks. The
    /// handler gets the `data` of Webex's envelope. It is called at least once for each such event that was acknowledged; an
    /// error is tried again like a command's, and then leaves a dead letter, but [`CommandError::User`](crate::CommandError::User) declines for good.
    /// Events of one thing are worked on in order, and what the bot itself did is left out.
    ///
    /// With `delivery.mode = "webhook"` or `"both"` the bot registers a webhook for it, which the token must have a scope for.
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
        F: Future<Output = Result<()>> + Send + 'static,
    {
        self.handlers.events.push(EventHandler::new(resource, event, handler));
        self
    }

    /// Lives by this clock, which a test can turn. Only [`Bot::build_on`] looks at it.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Bot {
        self.clock = clock;
        self
    }

    /// Does what the command line says, and says how it went: 0 done, 1 failed, 2 wrong use or wrong settings.
    pub fn run(self) -> ExitCode {
        cli::run(self.handlers)
    }

    /// The daemon itself, for a program that brings its own command line and runtime, or for a test that drives it
    /// against the [`simulator`](crate::simulator). The listener is bound by the caller, who thus knows its port.
    ///
    /// # Errors
    /// As [`App::build_on`].
    pub async fn build_on(self, listener: TcpListener, config: Config) -> anyhow::Result<App> {
        App::build_on(listener, config, self.handlers, self.clock).await
    }
}
