//! What a bot is made of, beside its settings.

use std::path::Path;

use crate::clock::Clock;
use crate::commands;
use crate::config::{Config, ConfigError, Loaded};
use crate::handler::Command;
use crate::program::Program;
use crate::router;

/// What the author of a bot gave to its builder.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub program: Program,
    pub commands: Vec<Command>,
    pub clock: Clock,
}

impl Default for Parts {
    /// The bot that has nothing of an author's.
    fn default() -> Self {
        Parts { program: Program::default(), commands: commands::table(), clock: Clock::of_system() }
    }
}

impl Parts {
    /// The settings in `file` and in the environment; with all that is wrong with them, and not only if nothing is.
    pub(crate) fn look(&self, file: Option<&Path>) -> Result<Loaded, ConfigError> {
        let mut loaded = Config::look(file)?;
        self.sign(&mut loaded.config);
        Ok(loaded)
    }

    /// Says in the settings whose they are.
    pub(super) fn sign(&self, config: &mut Config) {
        config.program = self.program;
        config.webex.agent = self.program.agent();
    }
}

/// The commands as they are used: with those that the settings switch on, and what the settings say of each.
///
/// # Errors
/// A command that cannot be called, or a rule for one that is not there.
pub(crate) fn table(config: &Config, mut commands: Vec<Command>) -> anyhow::Result<Vec<Command>> {
    commands.extend(config.commands.echo.then(commands::echo));
    router::check(&commands)?;
    Ok(router::permitted(commands, &config.command)?)
}
