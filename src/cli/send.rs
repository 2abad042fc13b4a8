//! `switchboard send`: sends one message now. Unlike a reply it does not go through the ledger, so the operator sees at
//! once whether Webex accepted it.

use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::output::{Format, print, print_json};
use super::webex::client;
use crate::config::{Config, ConfigError};
use crate::webex::{File, NewMessage, Priority};

#[derive(Args, Debug)]
pub(super) struct SendOptions {
    /// The space to write to; without it and --to it is webex.room_id
    #[arg(long, value_name = "ID", conflicts_with = "to")]
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
    /// What to say
    #[arg(required_unless_present = "file")]
    text: Vec<String>,
    #[command(flatten)]
    format: Format,
}

pub(super) async fn run(config: &Config, options: SendOptions) -> anyhow::Result<ExitCode> {
    let webex = client(config)?.at(Priority::Notify);
    let SendOptions { room, to, markdown, file, text, format } = options;
    let mut message = NewMessage::default();
    match (room.or_else(|| config.webex.room_id.clone().filter(|_| to.is_none())), to) {
        (_, Some(person)) if person.contains('@') => message.to_person_email = Some(person),
        (_, Some(person)) => message.to_person_id = Some(person.into()),
        (Some(room), None) => message.room_id = Some(room.into()),
        (None, None) => {
            return Err(ConfigError::one("nobody to send to: give --room or --to, or set webex.room_id").into());
        }
    }
    let text = Some(text.join(" ")).filter(|text| !text.is_empty());
    if markdown {
        message.markdown = text
    } else {
        message.text = text
    }
    let sent = match file {
        None => webex.create_message(&message).await,
        Some(url) if url.starts_with("https://") => {
            message.files = vec![url];
            webex.create_message(&message).await
        }
        Some(path) => webex.upload(&message, File::read(&path).await.context("--file")?).await,
    };
    let is_direct = message.is_to_person();
    let sent = sent.map_err(|error| anyhow::anyhow!("{error}\n{}", error.hint_of_message(is_direct)))?;
    if format.json {
        print_json(&sent)?;
    } else {
        print(&format!("sent {}", sent.id))?;
    }
    Ok(ExitCode::SUCCESS)
}
