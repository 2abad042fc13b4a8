//! The front door for Rust developers: a bot of your own is the daemon with your commands in its table.

use std::process::ExitCode;

use tokio::net::TcpListener;

use crate::app::{App, Parts};
use crate::cli;
use crate::clock::Clock;
use crate::config::Config;
use crate::handler::Command;

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

    /// The daemon itself, for a program that brings its own command line and runtime, or for a test that drives it
    /// against the [`simulator`](crate::simulator). The listener is bound by the caller, who thus knows its port.
    ///
    /// # Errors
    /// Wrong settings, or a ledger that cannot be opened; each with what to do.
    pub async fn build_on(self, listener: TcpListener, config: Config) -> anyhow::Result<App> {
        App::build_on(listener, config, self.0).await
    }
}
