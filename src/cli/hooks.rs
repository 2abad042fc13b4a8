//! `switchboard hooks`: lists the hooks, says what to set at a sender, shows what one makes of a payload or would make
//! of earlier ones, and works on one again.

mod deliveries;
mod diff;
mod replay;
mod vars;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;

use super::ledger::with_store_unsaid;
use super::output::{Format, complain, print, print_json};
use crate::app::Parts;
use crate::config::{Config, ConfigError};
use crate::hooks::{HookSummary, Tried, setup_text};
use crate::signature::SecretKey;
use crate::store::{ChatHook, Store};
use crate::text::table;

#[derive(Debug, Subcommand)]
pub(super) enum HooksVerb {
    /// List the hooks, and where each was made
    List {
        #[command(flatten)]
        format: Format,
    },
    /// Say what to set at the sender of a hook, in its own words; secrets are not printed
    Setup {
        /// The hook
        name: String,
    },
    /// Show what a hook would post for a payload, and where; nothing is posted
    Test {
        /// The hook
        name: String,
        /// A file with the payload; - for standard input
        file: PathBuf,
        /// A header of the delivery, such as "x-github-event: push"; may be repeated
        #[arg(long, value_name = "NAME: VALUE")]
        header: Vec<String>,
        /// A file with headers, one on each line
        #[arg(long, value_name = "FILE")]
        headers: Option<PathBuf>,
        #[command(flatten)]
        format: Format,
    },
    /// List what rules can name in a payload, and its values
    Vars {
        /// The hook
        name: String,
        /// A file with the payload; - for standard input
        #[arg(required_unless_present = "last", conflicts_with = "last")]
        file: Option<PathBuf>,
        /// The last delivery that the ledger has of this hook
        #[arg(long)]
        last: bool,
        /// A header of the delivery, such as "x-github-event: push"; may be repeated
        #[arg(long, value_name = "NAME: VALUE")]
        header: Vec<String>,
        #[command(flatten)]
        format: Format,
    },
    /// Show what the rules as they are now would change about the last deliveries; nothing is posted
    Diff {
        /// The hook
        name: String,
        /// How many deliveries
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
        last: u32,
        #[command(flatten)]
        format: Format,
    },
    /// Work on a delivery once more, as if it had come again; what its rules say is posted again
    Replay {
        /// The delivery: its id, the first letters of it, or its reference
        id: String,
        #[command(flatten)]
        format: Format,
    },
}

pub(super) async fn run(config: &Config, parts: &Parts, verb: HooksVerb) -> anyhow::Result<ExitCode> {
    let (hooks, made) = (Parts::hooks(config, parts.clock.clone())?, made(config).await);
    let key = config.hook_secret().ok().map(SecretKey::new);
    if let Some(key) = &key {
        hooks.load(&made, key);
    }
    match verb {
        HooksVerb::List { format } if format.json => print_json(&hooks.summaries(&made, key.as_ref()))?,
        HooksVerb::List { .. } => list(hooks.summaries(&made, key.as_ref()))?,
        HooksVerb::Setup { name } => {
            let text = setup_text(config, &made, &name);
            print(&text.map_err(|error| anyhow::anyhow!("{error}; there are: {}", hooks.names()))?)?;
        }
        HooksVerb::Test { name, file, mut header, headers: listed, format } => {
            let payload = read(&file)?;
            if let Some(listed) = listed {
                let listed = String::from_utf8(read(&listed)?).context("--headers is no text")?;
                header.extend(listed.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned));
            }
            let tried = hooks.attempt(&name, &headers(&header)?, &payload).map_err(|error| anyhow::anyhow!(error))?;
            if format.json { print_json(&tried)? } else { print(&shown(&tried))? }
        }
        HooksVerb::Vars { name, file, header, format, .. } => {
            let (headers, payload) = match file {
                Some(file) => (headers(&header)?, read(&file)?),
                None => deliveries::last(config, &name).await?,
            };
            let found = hooks.variables(&name, &headers, &payload).map_err(|error| anyhow::anyhow!(error))?;
            if format.json { print_json(&found)? } else { print(&vars::shown(&found))? }
        }
        HooksVerb::Diff { name, last, format } => diff::run(config, &hooks, &name, last, format).await?,
        HooksVerb::Replay { id, format } => replay::run(config, &id, format).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The hooks that were made from the chat. None if there is no ledger yet, or if it cannot be read, which is said.
async fn made(config: &Config) -> Vec<ChatHook> {
    if !Store::look(&config.store).await.is_ok_and(|look| look.exists) {
        return Vec::new();
    }
    let made = with_store_unsaid(config, async |store| Ok(store.chat_hooks().await?)).await;
    made.unwrap_or_else(|error| {
        complain(&config.program, &format!("the hooks made from the chat cannot be read: {error:#}"));
        Vec::new()
    })
}

fn list(hooks: Vec<HookSummary>) -> anyhow::Result<()> {
    if hooks.is_empty() {
        return Ok(print("none; [[hook]] in the settings makes one, and so does `hook add` in the chat")?);
    }
    let rows = hooks.into_iter().map(|hook| {
        let HookSummary { name, preset, state, proof, to, rules, origin, last_day, .. } = hook;
        let state = last_day.map_or_else(|| state.to_owned(), |day| format!("{state}, to {day}"));
        [format!("/hooks/{name}"), state, preset.to_owned(), proof, rules.to_string(), to.join(", "), origin]
    });
    Ok(print(&table(["PATH", "STATE", "PRESET", "PROOF", "RULES", "TO", "MADE IN"], &[4], rows))?)
}

fn read(file: &PathBuf) -> anyhow::Result<Vec<u8>> {
    if file.as_os_str() == "-" {
        let mut payload = Vec::new();
        std::io::Read::read_to_end(&mut std::io::stdin().lock(), &mut payload)?;
        return Ok(payload);
    }
    std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))
}

fn headers(given: &[String]) -> Result<BTreeMap<String, String>, ConfigError> {
    let header = |text: &String| {
        let (name, value) = text.split_once(':')?;
        Some((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
    };
    let headers: Option<_> = given.iter().map(header).collect();
    headers.ok_or_else(|| ConfigError::one("--header takes \"NAME: VALUE\""))
}

fn shown(Tried { knows, messages, silence }: &Tried) -> String {
    let mut text: String = knows.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    if let Some(why) = silence {
        text.push_str(&format!("\nnothing would be posted: {why}"));
    }
    for message in messages {
        let by = message.rule.as_ref().map(|rule| format!(", by rule {rule}")).unwrap_or_default();
        let thread = message.thread.as_ref().map(|thread| format!(", in the thread {thread}")).unwrap_or_default();
        let card = message.card.as_ref().map(|card| format!("\n{card:#}\n")).unwrap_or_default();
        let how = if message.updates { ", in place of its first message" } else { "" };
        let to = message.to.join(" and ");
        text.push_str(&format!("\nto {to}{by}{thread}{how}:\n\n{}\n{card}", message.markdown));
    }
    text.trim_end().to_owned()
}
