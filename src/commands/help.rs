//! `help`: what the bot can do, made from the table of commands.

use crate::card::{Action, Card, Submit, Text};
use crate::handler::{Args, Command, CommandError, Context, Reply, Result};
use crate::router;
use crate::text::{code_block, code_span, escape, find_called, quoted};

const NAME: &str = "help";

/// Of one card.
const MOST_BUTTONS: usize = 5;

/// Cards that unfold one another; what is beyond is typed.
const DEEPEST: usize = 3;

/// Of the list in a card, which with its buttons sealed has to stay within what Webex takes.
const MOST_BYTES: usize = 8000;

pub(super) fn command() -> Command {
    Command::new("help [command]", "What I can do, or how one command is used", run)
}

async fn run(context: Context, mut args: Args) -> Result<Reply> {
    let topic = args.next();
    args.finish()?;
    let commands: Vec<_> = context.commands().collect();
    let Some(topic) = topic else {
        let reply = Reply::markdown(overview(&commands));
        return Ok(match card(&commands) {
            Some(card) => reply.with_card(card),
            None => reply,
        });
    };
    match find_called(&topic, commands.iter().copied(), |command| command.name()) {
        Some(command) => Ok(Reply::markdown(page(command))),
        None => Err(CommandError::User(match router::nearest(commands, &topic) {
            Some(near) => format!("There is no command \"{}\"; did you mean {near}?", quoted(&topic)),
            None => format!("There is no command \"{}\". Say help to see them all.", quoted(&topic)),
        })),
    }
}

fn overview(commands: &[&Command]) -> String {
    let lines =
        commands.iter().map(|command| format!("- {}: {}", code_span(command.usage()), escape(command.summary())));
    let lines: Vec<_> = lines.collect();
    format!("I know these commands:\n\n{}\n\nSay `help` and a command's name to see how it is used.", lines.join("\n"))
}

/// The same with buttons. Whoever presses one is answered as if they had typed it. None where there is too much to show.
fn card(commands: &[&Command]) -> Option<Card> {
    let lines =
        commands.iter().map(|command| format!("- **{}**: {}", escape(command.usage()), escape(command.summary())));
    let lines = lines.collect::<Vec<_>>().join("\n");
    let buttons: Vec<_> =
        commands.iter().filter(|command| command.name() != NAME).map(|command| button(command)).collect();
    menu("I know these commands:", &lines, &buttons)
}

/// A heading, a list and buttons for what is in it. None where there is too much to show.
pub(super) fn menu(heading: &str, lines: &str, buttons: &[Submit]) -> Option<Card> {
    let card = Card::new().with(Text::new(heading)).with(Text::new(lines));
    (lines.len() <= MOST_BYTES).then(|| buttons_on(card, buttons, DEEPEST))
}

/// As many buttons as a card may have; the last one unfolds more of them, for as long as that helps anybody.
fn buttons_on(card: Card, buttons: &[Submit], depth: usize) -> Card {
    let folds = buttons.len() > MOST_BUTTONS && depth > 1;
    let shown = if folds { MOST_BUTTONS - 1 } else { buttons.len().min(MOST_BUTTONS) };
    let (shown, rest) = buttons.split_at(shown);
    let card = shown.iter().cloned().fold(card, Card::action);
    if folds { card.action(Action::show_card("More", buttons_on(Card::new(), rest, depth - 1))) } else { card }
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
    if let Some(quorum) = command.quorum() {
        let people = if quorum.needed() == 1 {
            "somebody else approves".to_owned()
        } else {
            format!("{} others approve", quorum.needed())
        };
        page.push_str(&format!(
            "\n\nIt runs only in a space, once {people} of it on a card, within {}: {}.",
            quorum.time(),
            escape(&quorum.whom())
        ));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_button_for_each_command_of_a_few() {
        let commands = |count| {
            let command = |nth| Command::new(&format!("c{nth}"), "_does_ it", async |_, _| Ok(Reply::text("")));
            [self::command()].into_iter().chain((0..count).map(command)).collect::<Vec<_>>()
        };
        for count in [0, 1, 5, 6, 9, 10, 13, 14, 100] {
            let commands = commands(count);
            let card = card(&commands.iter().collect::<Vec<_>>()).unwrap();
            card.check().unwrap();
            let shown = format!("{card:?}");
            assert_eq!(shown.matches("Action.Submit").count(), count.min(13));
        }
        assert!(card(&commands(1000).iter().collect::<Vec<_>>()).is_none());
    }
}
