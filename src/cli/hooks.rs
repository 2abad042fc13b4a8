//! `switchboard hooks`: lists the hooks, says what to set at a sender, and shows what one makes of a payload. Nothing is
//! posted.

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
        #[command(flatten)]
        format: Format,
    },
}

pub(super) async fn run(config: &Config, parts: &Parts, verb: HooksVerb) -> anyhow::Result<ExitCode> {
    let (hooks, made) = (parts.hooks(config)?, made(config).await);
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
        HooksVerb::Test { name, file, header, format } => {
            let payload = read(&file)?;
            let tried = hooks.attempt(&name, &headers(&header)?, &payload).map_err(|error| anyhow::anyhow!(error))?;
            if format.json { print_json(&tried)? } else { print(&shown(&tried))? }
        }
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
        text.push_str(&format!("\nto {}{by}{thread}:\n\n{}\n", message.to.join(" and "), message.markdown));
    }
    text.trim_end().to_owned()
}
