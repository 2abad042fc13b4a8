//! `switchboard hooks`: lists the hooks, says what to set at a sender, shows what one makes of a payload or would make
//! of earlier ones, and works on one again.

mod deliveries;
mod diff;
mod replay;
mod send;
mod vars;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};

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
        #[command(flatten)]
        headers: GivenHeaders,
        /// How what it is about stood before
        #[arg(long, value_parser = ["firing", "ok"])]
        was: Option<String>,
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
        #[command(flatten)]
        headers: GivenHeaders,
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
    /// Post a payload to a hook as its sender would, with its secret, and show what the sender would be answered
    Send {
        /// The hook
        name: String,
        /// A file with the payload; - for standard input
        file: PathBuf,
        #[command(flatten)]
        headers: GivenHeaders,
        /// Post it to the public URL, and not to the daemon on this machine
        #[arg(long)]
        public: bool,
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

/// The headers of a delivery.
#[derive(Debug, Args)]
pub(super) struct GivenHeaders {
    /// A header of the delivery, such as "x-github-event: push"; may be repeated
    #[arg(long, value_name = "NAME: VALUE")]
    header: Vec<String>,
    /// A file with headers, one on each line
    #[arg(long, value_name = "FILE")]
    headers: Option<PathBuf>,
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
        HooksVerb::Test { name, file, headers, was, format } => {
            let (headers, payload) = (headers.read()?, read(&file)?);
            let tried =
                hooks.attempt(&name, (&headers, &payload), |_| was, false).map_err(|error| anyhow::anyhow!(error))?;
            if format.json {
                print_json(&tried)?
            } else {
                print(&shown(&tried))?
            }
            if !tried.wrong.is_empty() {
                return Ok(ExitCode::FAILURE);
            }
        }
        HooksVerb::Vars { name, file, headers, format, .. } => {
            let (headers, payload) = match file {
                Some(file) => (headers.read()?, read(&file)?),
                None => deliveries::last(config, &name).await?,
            };
            let found = hooks.variables(&name, &headers, &payload).map_err(|error| anyhow::anyhow!(error))?;
            if format.json { print_json(&found)? } else { print(&vars::shown(&found))? }
        }
        HooksVerb::Diff { name, last, format } => diff::run(config, &hooks, &name, last, format).await?,
        HooksVerb::Send { name, file, headers, public, format } => {
            let payload = read(&file)?;
            return send::run(config, &hooks, (&name, payload), headers.read()?, public, format).await;
        }
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

impl GivenHeaders {
    /// The headers by their names in small letters.
    fn read(&self) -> anyhow::Result<BTreeMap<String, String>> {
        let listed = self.headers.as_ref().map(read).transpose()?.unwrap_or_default();
        let listed = String::from_utf8(listed).context("--headers is no text")?;
        let lines = listed.lines().filter(|line| !line.trim().is_empty());
        let header = |text: &str| {
            let (name, value) = text.split_once(':')?;
            Some((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        };
        let headers: Option<_> = self.header.iter().map(String::as_str).chain(lines).map(header).collect();
        Ok(headers.ok_or_else(|| ConfigError::one("a header is \"NAME: VALUE\""))?)
    }
}

fn shown(Tried { knows, messages, wrong, undefined, silence, .. }: &Tried) -> String {
    let mut text: String = knows.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    if let Some(why) = silence {
        text.push_str(&format!("\nnothing would be posted: {why}"));
    }
    for says in undefined {
        text.push_str(&format!("\n{says}"));
    }
    for error in wrong {
        text.push_str(&format!("\ncannot be carried out: {error}\n"));
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
