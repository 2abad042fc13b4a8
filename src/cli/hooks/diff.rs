//! Compares what was posted about earlier deliveries with what the rules would post now.

use std::collections::BTreeMap;

use serde::Serialize;

use super::deliveries::{self, Delivery};
use crate::cli::ledger::with_store;
use crate::cli::output::{Format, print, print_json};
use crate::cli::story::letter;
use crate::config::Config;
use crate::event;
use crate::hooks::{Hooks, Tried};
use crate::outbox::Letter;
use crate::store::Store;
use crate::text::{iso_time, one_line};

/// What would be different about a delivery.
#[derive(Serialize)]
struct Difference {
    event: String,
    accepted: String,
    kind: String,
    /// What was posted and would not be, each with where it went.
    gone: Vec<String>,
    /// What would be posted and was not.
    new: Vec<String>,
    /// Why the rules cannot be carried out.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

pub(super) async fn run(config: &Config, hooks: &Hooks, name: &str, last: u32, format: Format) -> anyhow::Result<()> {
    anyhow::ensure!(hooks.has(name), "there is no hook {name}; there are: {}", hooks.names());
    with_store(config, async |store| {
        let deliveries = deliveries::of(&store, name, last).await?;
        let (looked_at, mut kept, mut differences) = (deliveries.len(), 0, Vec::new());
        for delivery in deliveries {
            let Some(found) = compare(&store, hooks, &delivery).await? else { continue };
            kept += 1;
            if found.error.is_some() || !found.gone.is_empty() || !found.new.is_empty() {
                differences.push(found);
            }
        }
        if format.json {
            return print_json(&differences);
        }
        for found in &differences {
            print(&shown(found))?;
        }
        let lost = looked_at - kept;
        let lost = if lost > 0 { format!("; the payloads of {lost} more are no longer kept") } else { String::new() };
        print(&format!("{} of {kept} deliveries would be told otherwise{lost}", differences.len()))?;
        Ok(())
    })
    .await
}

/// What would be different. None if the payload is no longer kept.
async fn compare(store: &Store, hooks: &Hooks, delivery: &Delivery) -> anyhow::Result<Option<Difference>> {
    let Delivery { row, post, payload } = delivery;
    let Some(payload) = payload else { return Ok(None) };
    let (now, error) = match hooks.attempt(&post.hook, &post.headers, payload) {
        Ok(Tried { messages, .. }) => (messages, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    let now = now.into_iter().flat_map(|message| {
        let text = format!("{}{}", message.markdown, message.card.map(|card| format!(" {card}")).unwrap_or_default());
        message.to.into_iter().map(move |to| (to, text.clone())).collect::<Vec<_>>()
    });
    // A long message was cut into several.
    let mut before: BTreeMap<String, String> = BTreeMap::new();
    let mut said = Vec::new();
    for row in store.caused_by(row.id).await? {
        let Some(letter) = letter(&row) else { continue };
        let message = match &letter {
            Letter::Post(post) => &post.message,
            Letter::Edit(edit) => &edit.message,
            Letter::Delete(_) => continue,
        };
        let card = message.attachments.first().map(|card| format!(" {}", card.content)).unwrap_or_default();
        let text = format!("{}{card}", message.markdown.as_deref().unwrap_or_default());
        said.push((letter.to().to_string(), text));
    }
    let mut gone = Vec::new();
    let mut new: Vec<_> = now.collect();
    for (to, text) in said {
        match new.iter().position(|(at, other)| *at == to && (*other == text || other.starts_with(&text))) {
            Some(nth) => {
                let (_, whole) = new.remove(nth);
                before.entry(to).or_insert(whole);
            }
            None if before.get(&to).is_some_and(|whole| whole.contains(&text)) => {}
            None => gone.push((to, text)),
        }
    }
    let lines = |all: Vec<(String, String)>| all.into_iter().map(|(to, text)| format!("to {to}: {text}")).collect();
    Ok(Some(Difference {
        event: event::reference(row.id),
        accepted: iso_time(row.accepted_at),
        kind: post.kind(),
        gone: lines(gone),
        new: lines(new),
        error,
    }))
}

fn shown(found: &Difference) -> String {
    let mut text = format!("{} {} {}\n", found.event, found.accepted, found.kind);
    for line in &found.gone {
        text.push_str(&format!("  - {}\n", one_line(line)));
    }
    for line in &found.new {
        text.push_str(&format!("  + {}\n", one_line(line)));
    }
    if let Some(error) = &found.error {
        text.push_str(&format!("  ! {error}\n"));
    }
    text
}
