//! The front door for Rust developers: a bot of your own is the daemon with your commands in its table.

use std::process::ExitCode;

use tokio::net::TcpListener;

use crate::app::App;
use crate::clock::Clock;
use crate::config::Config;
use crate::handler::Command;
use crate::{cli, commands};

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
/// Your program then has every verb of `switchboard`: `run`, `simulate`, `check` and the rest.
#[derive(Debug)]
pub struct Bot {
    commands: Vec<Command>,
    clock: Clock,
}

impl Bot {
    /// A bot with `help`, `status`, `report`, and `pairing` for admins.
    pub fn builder() -> Bot {
        Bot { commands: commands::table(), clock: Clock::of_system() }
    }

    /// Adds a command. A name that is there already is refused at the start.
    #[must_use]
    pub fn command(mut self, command: Command) -> Bot {
        self.commands.push(command);
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
        cli::run(self.commands)
    }

    /// The daemon itself, for a program that brings its own command line and runtime, or for a test that drives it
    /// against the [`simulator`](crate::simulator). The listener is bound by the caller, who thus knows its port.
    ///
    /// # Errors
    /// As [`App::build_on`].
    pub async fn build_on(self, listener: TcpListener, config: Config) -> anyhow::Result<App> {
        App::build_on(listener, config, self.commands, self.clock).await
    }
}
