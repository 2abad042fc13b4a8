//! `help`: what the bot can do, made from the table of commands.

use crate::handler::{Args, Command, CommandError, Context, Reply, Result, code_block, escape, quoted};
use crate::router;

pub(super) fn command() -> Command {
    Command::new("help [command]", "What I can do, or how one command is used", run)
}

async fn run(context: Context, mut args: Args) -> Result<Reply> {
    let topic = args.next();
    args.finish()?;
    let commands: Vec<_> = context.commands().collect();
    let Some(topic) = topic else {
        return Ok(Reply::markdown(overview(&commands)));
    };
    let name = topic.strip_prefix('/').unwrap_or(&topic).to_lowercase();
    match commands.iter().find(|command| command.name() == name) {
        Some(command) => Ok(Reply::markdown(page(command))),
        None => Err(CommandError::User(match router::nearest(commands, &name) {
            Some(near) => format!("There is no command \"{}\"; did you mean {near}?", quoted(&name)),
            None => format!("There is no command \"{}\". Say help to see them all.", quoted(&name)),
        })),
    }
}

fn overview(commands: &[&Command]) -> String {
    let lines = commands.iter().map(|command| format!("- `{}`: {}", command.usage(), escape(command.summary())));
    let lines: Vec<_> = lines.collect();
    format!("I know these commands:\n\n{}\n\nSay `help` and a command's name to see how it is used.", lines.join("\n"))
}

fn page(command: &Command) -> String {
    let mut page = format!(
        "**{}**: {}\n\n{}",
        command.name(),
        escape(command.summary()),
        code_block(&format!("Usage: {}", command.usage()))
    );
    if !command.more().is_empty() {
        page.push_str("\n\n");
        page.push_str(command.more());
    }
    page
}
