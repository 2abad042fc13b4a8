//! `switchboard hooks`: lists the hooks of the settings, and shows what one makes of a payload. Nothing is posted.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;

use super::output::{Format, print, print_json};
use crate::app::Parts;
use crate::config::{Config, ConfigError};
use crate::hooks::Tried;
use crate::text::table;

#[derive(Debug, Subcommand)]
pub(super) enum HooksVerb {
    /// List the hooks of the settings
    List {
        #[command(flatten)]
        format: Format,
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

pub(super) fn run(config: &Config, parts: &Parts, verb: HooksVerb) -> anyhow::Result<ExitCode> {
    let hooks = parts.hooks(config)?;
    match verb {
        HooksVerb::List { format } if format.json => print_json(&hooks.summaries())?,
        HooksVerb::List { .. } if hooks.names().is_empty() => print("none; [[hook]] in the settings makes one")?,
        HooksVerb::List { .. } => {
            let rows = hooks.summaries().into_iter().map(|hook| {
                let path = format!("/hooks/{}", hook.name);
                let state = if hook.enabled { "on" } else { "off" };
                [path, state.to_owned(), hook.preset.to_owned(), hook.proof, hook.rules.to_string(), hook.to.join(", ")]
            });
            print(&table(["PATH", "STATE", "PRESET", "PROOF", "RULES", "TO"], &[4], rows))?;
        }
        HooksVerb::Test { name, file, header, format } => {
            let payload = read(&file)?;
            let tried = hooks.attempt(&name, &headers(&header)?, &payload).map_err(|error| anyhow::anyhow!(error))?;
            if format.json { print_json(&tried)? } else { print(&shown(&tried))? }
        }
    }
    Ok(ExitCode::SUCCESS)
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
