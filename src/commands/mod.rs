//! The commands every bot has, with one file and one line in the table for each, and those that the settings make.

mod configured;
mod direct_only;
mod echo;
mod help;
mod hook;
mod pairing;
mod report;
mod status;

use crate::config::Config;
use crate::handler::{Around, Command, Table};

/// The table, in the order that `help` shows.
pub fn table() -> Vec<Command> {
    vec![help::command(), status::command(), report::command(), pairing::command(), hook::command()]
}

/// The table of commands that the bot uses: with those that the settings switch on or make, and with the settings' rules.
///
/// # Errors
/// A command of the settings is wrong, or the same errors as [`Table::build`].
pub fn used(config: &Config, mut commands: Vec<Command>, around: &[Around]) -> anyhow::Result<Table> {
    commands.extend(config.commands.echo.then(echo::command));
    commands.extend(configured::commands(&config.command, &commands)?);
    Table::build(commands, &config.command, around)
}
