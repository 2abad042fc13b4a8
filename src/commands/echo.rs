//! `echo`: shows what the bot received, for trying things out. The bot has it only with `commands.echo`.

use serde_json::Value;

use crate::card::Card;
use crate::handler::{Args, Command, CommandError, Context, Inputs, Param, Question, Reply, Result};
use crate::text::{code_block, cut, draws, escape, is_unseen};
use crate::webex::{cluster, local_part};

const SUBMITTED: &str = "submitted";
const REPEAT: &str = "repeat";

/// The most bytes that are shown. Inputs and frames can be long, and one message is enough to see them.
const MOST_BYTES: usize = 4000;

/// What the bot shows if Webex sent nothing.
const NOTHING_SENT: &str = "(Webex did not send me this: I found it by asking.)";

pub(super) fn command() -> Command {
    Command::new("echo", "What I received, to the letter; an Adaptive Card comes back as a card", run)
        .param(Param::text("text").optional().rest())
        .details("`echo` alone: I ask, and your next message is the answer. `echo` and the JSON of an Adaptive Card: I check it, show it, and tell what is submitted.")
        .asks(&Question::new(REPEAT))
        .action(SUBMITTED, submitted)
        .action(REPEAT, async |context, _| received(&context).await)
}

async fn run(context: Context, args: Args) -> Result<Reply> {
    let text = args.get::<Option<String>>("text")?.unwrap_or_default();
    if text.is_empty() && context.files().is_empty() {
        return Ok(Reply::text("What shall I repeat? Say cancel to stop.").ask(Question::new(REPEAT)));
    }
    if let Some(card) = pasted(&text) {
        let card = Card::from_foreign(card, SUBMITTED).map_err(|error| {
            CommandError::User(format!("I can't show that card. {}", crate::text::quoted(&error.to_string())))
        })?;
        return Ok(Reply::text(format!("{} pasted this card:", context.sender().email)).with_card(card));
    }
    received(&context).await
}

/// Shows exactly what Webex sent, and what a handler is given of it.
async fn received(context: &Context) -> Result<Reply> {
    let sent = match context.raw().await? {
        Some(raw) => bounded(context.webex().without_secrets(&String::from_utf8_lossy(&raw))),
        None => NOTHING_SENT.to_owned(),
    };
    let place = |id: &str| format!("{} in {}", local_part(id), cluster(id).unwrap_or_else(|| "no cluster".to_owned()));
    let lines = [
        ("room", place(context.room().as_str())),
        ("message", context.message().map_or("none".to_owned(), |message| place(message.as_str()))),
        ("sender", format!("{} ({})", context.sender().email, place(context.sender().id.as_str()))),
        ("direct", context.is_direct().to_string()),
        ("text", literal(context.text())),
    ];
    let lines: Vec<_> = lines.iter().map(|(name, value)| format!("{name:9}{value}")).collect();
    let said = format!("{sent}\n\n{}", lines.join("\n"));
    Ok(Reply::markdown(code_block(&said)))
}

fn bounded(mut text: String) -> String {
    if text.len() > MOST_BYTES {
        text.truncate(cut(&text, MOST_BYTES));
        text.push_str("\n… and more");
    }
    text
}

/// A text in quotation marks, with invisible characters written as escapes. Those inside an emoji stay, so that it is
/// shown whole.
fn literal(text: &str) -> String {
    let mut literal = String::from("\"");
    let mut before = ' ';
    for c in text.chars() {
        match c {
            '"' | '\\' | '\n' | '\r' | '\t' => literal.extend(c.escape_default()),
            c if draws(c) && !before.is_ascii() => literal.push(c),
            c if is_unseen(c) => literal.extend(c.escape_unicode()),
            c => literal.push(c),
        }
        before = c;
    }
    literal.push('"');
    literal
}

/// The card in a text, with or without a code fence around it.
fn pasted(text: &str) -> Option<Value> {
    let text = text.trim().trim_start_matches("```json").trim_matches('`').trim();
    let value: Value = serde_json::from_str(text).ok()?;
    (value["type"] == "AdaptiveCard").then_some(value)
}

async fn submitted(context: Context, inputs: Inputs) -> Result<Reply> {
    let lines: Vec<_> = inputs.iter().map(|(id, value)| format!("{} = {}", literal(id), literal(value))).collect();
    let said = if lines.is_empty() { "no inputs".to_owned() } else { bounded(lines.join("\n")) };
    Ok(Reply::markdown(format!("{} submitted:\n\n{}", escape(&context.sender().email), code_block(&said))))
}
