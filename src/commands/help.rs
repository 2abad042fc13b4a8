//! `help`: says what the bot can do, from the table of commands.

use crate::card::{Action, Card, Submit, Text};
use crate::handler::{Args, Command, CommandError, CommandSpec, Context, Param, Reply, Result};
use crate::text::{code_block, code_span, escape, find_called, nearest, quoted};

const NAME: &str = "help";

/// The most buttons in one card.
const MOST_BUTTONS: usize = 5;

/// How many cards may unfold from one another; further commands have to be typed.
const DEEPEST: usize = 3;

/// The most bytes of the list in a card. With its buttons sealed the card has to stay within what Webex takes.
const MOST_BYTES: usize = 8000;

pub(super) fn command() -> Command {
    let topic = Param::text("command").optional();
    Command::new(NAME, "What I can do, or how one command is used", run).param(topic)
}

async fn run(context: Context, args: Args) -> Result<Reply> {
    let commands = context.commands();
    let Some(topic) = args.get::<Option<String>>("command")? else {
        let reply = Reply::markdown(overview(&commands));
        return Ok(match card(&commands) {
            Some(card) => reply.with_card(card),
            None => reply,
        });
    };
    let words = commands.iter().flat_map(|command| command.words().map(move |word| (word, command)));
    if let Some((_, command)) = find_called(&topic, words.clone(), |(word, _)| word) {
        return Ok(Reply::markdown(page(command)));
    }
    Err(CommandError::User(match nearest(words.map(|(word, _)| word), &topic) {
        Some(near) => format!("There is no command \"{}\"; did you mean {near}?", quoted(&topic)),
        None => format!("There is no command \"{}\". Say help to see them all.", quoted(&topic)),
    }))
}

fn overview(commands: &[CommandSpec]) -> String {
    let lines =
        commands.iter().map(|command| format!("- {}: {}", code_span(&command.usage()), escape(command.summary())));
    let lines: Vec<_> = lines.collect();
    format!("I know these commands:\n\n{}\n\nSay `help` and a command's name to see how it is used.", lines.join("\n"))
}

/// The overview as a card with a button for each command. Pressing one is the same as typing the command. None if there
/// is too much to show.
fn card(commands: &[CommandSpec]) -> Option<Card> {
    let lines =
        commands.iter().map(|command| format!("- **{}**: {}", escape(&command.usage()), escape(command.summary())));
    let lines = lines.collect::<Vec<_>>().join("\n");
    let buttons: Vec<_> = commands.iter().filter(|command| command.name() != NAME).map(button).collect();
    menu("I know these commands:", &lines, &buttons)
}

/// A card with a heading, a list, and buttons for what is in the list. None if there is too much to show.
pub(super) fn menu(heading: &str, lines: &str, buttons: &[Submit]) -> Option<Card> {
    let card = Card::new().with(Text::new(heading)).with(Text::new(lines));
    (lines.len() <= MOST_BYTES).then(|| buttons_on(card, buttons, DEEPEST))
}

/// Adds as many buttons as a card may have. If there are more, the last one unfolds a card with the next ones, up to
/// `depth` cards.
fn buttons_on(card: Card, buttons: &[Submit], depth: usize) -> Card {
    let folds = buttons.len() > MOST_BUTTONS && depth > 1;
    let shown = if folds { MOST_BUTTONS - 1 } else { buttons.len().min(MOST_BUTTONS) };
    let (shown, rest) = buttons.split_at(shown);
    let card = shown.iter().cloned().fold(card, Card::action);
    if folds { card.action(Action::show_card("More", buttons_on(Card::new(), rest, depth - 1))) } else { card }
}

/// The button of a command. If the command needs arguments, the button shows its help.
fn button(command: &CommandSpec) -> Submit {
    match command.needs_arguments() {
        true => Submit::say(&format!("{} …", command.name()), &format!("{NAME} {}", command.name())),
        false => Submit::say(command.name(), command.name()),
    }
}

fn page(command: &CommandSpec) -> String {
    let mut page = format!(
        "**{}**: {}\n\n{}",
        command.name(),
        escape(command.summary()),
        code_block(&format!("Usage: {}", command.usage()))
    );
    let params = command.params().iter().filter(|param| !param.more().is_empty());
    let params = params.map(|param| format!("- {}: {}", code_span(param.name()), escape(param.more())));
    let aliases: Vec<_> = command.aliases().map(code_span).collect();
    let also = if aliases.is_empty() { String::new() } else { format!("Also called {}.", aliases.join(", ")) };
    for more in [params.collect::<Vec<_>>().join("\n"), also, command.details().to_owned()] {
        if !more.is_empty() {
            page.push_str("\n\n");
            page.push_str(&more);
        }
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
            let all = [self::command()].into_iter().chain((0..count).map(command));
            all.map(|command| command.as_ref().clone()).collect::<Vec<_>>()
        };
        for count in [0, 1, 5, 6, 9, 10, 13, 14, 100] {
            let commands = commands(count);
            let card = card(&commands).unwrap();
            card.check().unwrap();
            let shown = format!("{card:?}");
            assert_eq!(shown.matches("Action.Submit").count(), count.min(13));
        }
        assert!(card(&commands(1000)).is_none());
    }
}
