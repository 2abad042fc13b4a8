//! `help`: what the bot can do, made from the table of commands.

use crate::card::{Action, Submit, Text};
use crate::handler::{Args, Card, Command, CommandError, Context, Reply, Result, code_block, escape, quoted};
use crate::router;

const NAME: &str = "help";

/// Of one card.
const MOST_BUTTONS: usize = 5;

pub(super) fn command() -> Command {
    Command::new("help [command]", "What I can do, or how one command is used", run)
}

async fn run(context: Context, mut args: Args) -> Result<Reply> {
    let topic = args.next();
    args.finish()?;
    let commands = &context.services.commands;
    let Some(topic) = topic else {
        return Ok(Reply::markdown(overview(commands)).with_card(card(commands)));
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

fn overview(commands: &[Command]) -> String {
    let lines = commands.iter().map(|command| format!("- `{}`: {}", command.usage(), escape(command.summary())));
    let lines: Vec<_> = lines.collect();
    format!("I know these commands:\n\n{}\n\nSay `help` and a command's name to see how it is used.", lines.join("\n"))
}

/// The same with a button for each command. Whoever presses one is answered as if they had typed it.
fn card(commands: &[Command]) -> Card {
    let lines =
        commands.iter().map(|command| format!("- **{}**: {}", escape(command.usage()), escape(command.summary())));
    let lines: Vec<_> = lines.collect();
    let card = Card::new().with(Text::new("I know these commands:")).with(Text::new(lines.join("\n")));
    let buttons: Vec<_> = commands.iter().filter(|command| command.name() != NAME).map(button).collect();
    buttons_on(card, &buttons)
}

/// As many buttons as a card may have; the last one unfolds the rest.
fn buttons_on(card: Card, buttons: &[Submit]) -> Card {
    let shown = if buttons.len() > MOST_BUTTONS { MOST_BUTTONS - 1 } else { buttons.len() };
    let (shown, rest) = buttons.split_at(shown);
    let card = shown.iter().cloned().fold(card, Card::action);
    if rest.is_empty() { card } else { card.action(Action::show_card("More", buttons_on(Card::new(), rest))) }
}

/// A command that needs arguments says how it is used.
fn button(command: &Command) -> Submit {
    match command.needs_arguments() {
        true => Submit::say(&format!("{} …", command.name()), &format!("{NAME} {}", command.name())),
        false => Submit::say(command.name(), command.name()),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_button_for_each_command_however_many_there_are() {
        for count in [0, 1, 5, 6, 9, 10, 30] {
            let command = |nth| Command::new(&format!("c{nth}"), "_does_ it", async |_, _| Ok(Reply::text("")));
            let commands: Vec<_> = [self::command()].into_iter().chain((0..count).map(command)).collect();
            let card = card(&commands);
            card.check().unwrap();
            let shown = format!("{card:?}");
            assert_eq!(shown.matches("Action.Submit").count(), count);
        }
    }
}
