//! The commands every bot has: one file a command, one line in the table.

mod alone;
mod echo;
mod help;
mod pairing;
mod report;
mod status;

use crate::handler::Command;

/// The table, in the order that `help` shows.
pub fn table() -> Vec<Command> {
    vec![help::command(), status::command(), report::command(), pairing::command()]
}

/// The command that `commands.echo` adds.
pub fn echo() -> Command {
    echo::command()
}
