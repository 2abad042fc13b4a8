//! The commands every bot has: one file a command, one line in the table.

mod echo;
mod help;
mod pairing;
mod report;
mod status;

use crate::handler::{Command, CommandError, Context};

/// The table, in the order that `help` shows.
pub fn table() -> Vec<Command> {
    vec![help::command(), status::command(), report::command(), pairing::command()]
}

/// Refuses what others are not to read along, even where whoever asks may have it.
fn alone(context: &Context) -> Result<(), CommandError> {
    if context.is_direct() {
        return Ok(());
    }
    Err(CommandError::User("Please tell me that in a direct message: others read along here.".to_owned()))
}

/// The command that `commands.echo` adds.
pub fn echo() -> Command {
    echo::command()
}
