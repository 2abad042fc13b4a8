//! `switchboard send`: sends one message now. Unlike a reply it does not go through the ledger, so the operator sees at
//! once whether Webex accepted it.

use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use serde_json::Value;
use tokio::io::AsyncReadExt;

use super::output::{Format, complain, print, print_json};
use super::webex::client;
use crate::card::Card;
use crate::config::{Config, ConfigError};
use crate::handler::Reply;
use crate::places::{Place, choose};
use crate::webex::{Attachment, Client, Error, File, Message, NewMessage, Priority, RoomId, RoomType};

/// The text that stands for standard input.
const FROM_INPUT: &str = "-";

/// The most bytes of standard input that are read: far more than anybody wants to post.
const MOST_INPUT: u64 = 1024 * 1024;

#[derive(Args, Debug)]
pub(super) struct SendOptions {
    /// The space to write to, by its id or title; without it and --to it is webex.room_id
    #[arg(long, value_name = "ID or TITLE", conflicts_with = "to")]
    room: Option<String>,
    /// The person to write to: an email or a person id
    #[arg(long, value_name = "PERSON")]
    to: Option<String>,
    /// The text is Webex markdown
    #[arg(long)]
    markdown: bool,
    /// A local file, or an https URL that Webex fetches
    #[arg(long, value_name = "PATH or URL")]
    file: Option<String>,
    /// A file with the JSON of an Adaptive Card
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    card: Option<String>,
    /// The message to answer in its thread
    #[arg(long, value_name = "ID")]
    thread: Option<String>,
    /// What to say; - or nothing reads it from standard input. A long text is sent in several messages
    text: Vec<String>,
    #[command(flatten)]
    format: Format,
}

pub(super) async fn run(config: &Config, options: SendOptions) -> anyhow::Result<ExitCode> {
    let webex = client(config)?.at(Priority::Notify);
    let to = destination(config, &webex, &options).await?;
    let card = match &options.card {
        Some(path) => Some(read_card(config, path).await?),
        None => None,
    };
    let text = text(&options).await?;
    let reply = if options.markdown { Reply::markdown(text) } else { Reply::text(text) };
    let reply = match card.clone() {
        Some(card) => reply.with_card(Card::from_json(card)?),
        None => reply,
    };
    let mut parts: Vec<NewMessage> = reply.into_messages().into_iter().map(|part| part.message).collect();
    if parts.is_empty() {
        parts.push(NewMessage::default());
    }
    // A card or a file goes with the last of them.
    if let Some((last, card)) = parts.last_mut().zip(card) {
        last.attachments.push(Attachment::adaptive_card(card));
    }
    let (count, mut sent) = (parts.len(), Vec::new());
    for (nth, part) in parts.into_iter().enumerate() {
        let NewMessage { room_id, to_person_email, to_person_id, parent_id, .. } = to.clone();
        let message = NewMessage { room_id, to_person_email, to_person_id, parent_id, ..part };
        let file = options.file.as_deref().filter(|_| nth + 1 == count);
        let message = match post(&webex, &message, file).await {
            Ok(message) => message,
            Err(error) if nth == 0 => return Err(error),
            Err(error) => return Err(error.context(format!("{nth} of {count} messages were sent"))),
        };
        if !options.format.json {
            print(&format!("sent {}", message.id))?;
        }
        sent.push(message);
    }
    match &sent[..] {
        _ if !options.format.json => {}
        [one] => print_json(one)?,
        several => print_json(&several)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Where the message goes: a message that says nothing else.
async fn destination(config: &Config, webex: &Client, options: &SendOptions) -> anyhow::Result<NewMessage> {
    let SendOptions { room, to, thread, .. } = options;
    let mut message = NewMessage { parent_id: thread.as_deref().map(Into::into), ..NewMessage::default() };
    match (room.as_deref().or(config.webex.room_id.as_deref().filter(|_| to.is_none())), to.as_deref()) {
        (_, Some(person)) if person.contains('@') => message.to_person_email = Some(person.to_owned()),
        (_, Some(person)) => message.to_person_id = Some(person.into()),
        (Some(room), None) => message.room_id = Some(space(webex, room).await?),
        (None, None) => {
            return Err(ConfigError::one("nobody to send to: give --room or --to, or set webex.room_id").into());
        }
    }
    Ok(message)
}

/// The space with this id or title.
async fn space(webex: &Client, named: &str) -> anyhow::Result<RoomId> {
    let Place::Titled(title) = Place::of(named) else { return Ok(named.into()) };
    let rooms = webex.rooms(Some(RoomType::Group)).await?;
    let room = choose(&title, None, &rooms).map_err(|unplaced| ConfigError::one(format!("--room: {unplaced}")))?;
    Ok(room.id.clone())
}

/// What to say: the arguments, or standard input. Empty only if there is a file or a card.
async fn text(options: &SendOptions) -> anyhow::Result<String> {
    let SendOptions { text, file, card, .. } = options;
    let is_alone = file.is_none() && card.is_none();
    let is_piped = text.is_empty() && is_alone && !std::io::stdin().is_terminal();
    let mut said = text.join(" ");
    if said == FROM_INPUT || is_piped {
        let mut input = Vec::new();
        tokio::io::stdin().take(MOST_INPUT + 1).read_to_end(&mut input).await.context("standard input")?;
        if input.len() as u64 > MOST_INPUT {
            return Err(ConfigError::one("standard input has more than 1 MiB; send it with --file").into());
        }
        said = String::from_utf8(input)
            .map_err(|_| ConfigError::one("standard input is not UTF-8; send it with --file"))?
            .trim_end()
            .to_owned();
    }
    if is_alone && Reply::text(&*said).is_empty() {
        let says = "nothing to send: the text is empty; give a text, - for standard input, --file or --card";
        return Err(ConfigError::one(says).into());
    }
    Ok(said)
}

/// The card in a file, checked. Says what Webex may not take.
async fn read_card(config: &Config, path: &str) -> anyhow::Result<Value> {
    let wrong = |problem: String| ConfigError::one(format!("--card {path}: {problem}"));
    let text = tokio::fs::read(path).await.map_err(|error| wrong(format!("cannot be read: {error}")))?;
    let content: Value = serde_json::from_slice(&text).map_err(|error| wrong(format!("is no JSON: {error}")))?;
    let card = Card::from_json(content.clone()).map_err(|error| wrong(format!("is wrong at {error}")))?;
    let doubts = card.doubts().map_err(|error| wrong(format!("is wrong at {error}")))?;
    for doubt in doubts {
        complain(&config.program, &format!("--card {path}: {doubt}"));
    }
    if card.has_submit() {
        let says = "its buttons that submit will do nothing: only the buttons of replies, hooks and the API are sealed";
        complain(&config.program, &format!("--card {path}: {says}"));
    }
    Ok(content)
}

/// Posts one message.
async fn post(webex: &Client, message: &NewMessage, file: Option<&str>) -> anyhow::Result<Message> {
    let sent = match file {
        None => webex.create_message(message).await,
        Some(url) if url.starts_with("https://") => {
            let files = vec![url.to_owned()];
            webex.create_message(&NewMessage { files, ..message.clone() }).await
        }
        Some(path) => webex.upload(message, File::read(path).await.context("--file")?).await,
    };
    sent.map_err(|error| {
        let hint = unknown(message, &error).unwrap_or_else(|| error.hint_of_message(message.is_to_person()).to_owned());
        anyhow::anyhow!("{error}\n{hint}")
    })
}

/// What to do about an id that Webex does not know.
fn unknown(message: &NewMessage, error: &Error) -> Option<String> {
    let Error::Status { status: 404, .. } = error else { return None };
    let NewMessage { room_id, to_person_id, to_person_email, parent_id, .. } = message;
    let what = match (room_id, to_person_id, to_person_email) {
        (Some(room), ..) => {
            format!("no space {room}, or the bot is not a member of it; `switchboard rooms` lists the spaces it is in")
        }
        (None, Some(person), _) => format!("no person {person}; give their email in place of the id"),
        (None, None, email) => format!("nobody with the email {}; is it spelled right?", email.as_deref()?),
    };
    let thread = parent_id.as_ref().map(|parent| format!("\nor it knows no message {parent}, which --thread names"));
    Some(format!("Webex knows {what}{}", thread.unwrap_or_default()))
}
