//! Compares what was posted about earlier deliveries with what the rules would post now.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::deliveries;
use crate::cli::ledger::with_store;
use crate::cli::output::{Format, print, print_json};
use crate::cli::story::letter;
use crate::config::Config;
use crate::event::{self, HookPost};
use crate::hooks::{Hooks, Tried, TriedMessage};
use crate::outbox::{Destination, Letter};
use crate::places::Place;
use crate::store::{Pin, Row, Store};
use crate::text::{iso_time, one_line};

/// How many deliveries before those that are compared say how things stood.
const EARLIER: u32 = 200;

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
    /// Why rules cannot be carried out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<String>,
}

/// What a comparison goes by.
struct Rules<'a> {
    hooks: &'a Hooks,
    /// What a letter says of the spaces that the settings name by their titles.
    spaces: HashMap<String, String>,
    /// How each subject stands after the deliveries so far.
    states: HashMap<String, String>,
}

pub(super) async fn run(config: &Config, hooks: &Hooks, name: &str, last: u32, format: Format) -> anyhow::Result<()> {
    anyhow::ensure!(hooks.has(name), "there is no hook {name}; there are: {}", hooks.names());
    with_store(config, async |store| {
        let mut rules = Rules { hooks, spaces: spaces(&store).await?, states: HashMap::new() };
        let deliveries = deliveries::of(&store, name, last + EARLIER).await?;
        let compared = deliveries.len().min(last as usize);
        let (mut kept, mut differences) = (0, Vec::new());
        for (nth, delivery) in deliveries.iter().enumerate().rev() {
            let Some(payload) = store.raw(delivery.0.id).await? else { continue };
            let tried = rules.attempt(&delivery.1, &payload);
            if nth >= compared {
                continue;
            }
            kept += 1;
            let found = compare(&store, &rules, delivery, tried).await?;
            if !found.errors.is_empty() || !found.gone.is_empty() || !found.new.is_empty() {
                differences.push(found);
            }
        }
        // The newest first.
        differences.reverse();
        if format.json {
            return print_json(&differences);
        }
        for found in &differences {
            print(&shown(found))?;
        }
        let lost = compared - kept;
        let lost = if lost > 0 { format!("; the payloads of {lost} more are no longer kept") } else { String::new() };
        print(&format!("{} of {kept} deliveries would be told otherwise{lost}", differences.len()))?;
        Ok(())
    })
    .await
}

/// The spaces that titles mean, both as messages name them.
async fn spaces(store: &Store) -> anyhow::Result<HashMap<String, String>> {
    let pins = store.pins().await?.into_iter();
    let space = |pin: Pin| (Place::Titled(pin.title).to_string(), Destination::space(pin.room).to_string());
    Ok(pins.map(space).collect())
}

impl Rules<'_> {
    /// What the rules make of a delivery, after those before it.
    fn attempt(&mut self, post: &HookPost, payload: &[u8]) -> Result<Tried, String> {
        let was = |subject: &str| self.states.get(subject).cloned();
        let tried = self.hooks.attempt(&post.hook, (&post.headers, payload), was)?;
        self.states.extend(tried.stands.clone());
        Ok(tried)
    }

    /// The messages, each with where it goes.
    fn texts(&self, messages: Vec<TriedMessage>) -> Vec<(String, String)> {
        let texts = messages.into_iter().flat_map(|TriedMessage { markdown, card, to, .. }| {
            let text = format!("{markdown}{}", card.map(|card| format!(" {card}")).unwrap_or_default());
            to.into_iter().map(move |to| (self.spaces.get(&to).cloned().unwrap_or(to), text.clone()))
        });
        texts.collect()
    }
}

/// What would be different.
async fn compare(
    store: &Store,
    rules: &Rules<'_>,
    (row, post): &(Row, HookPost),
    tried: Result<Tried, String>,
) -> anyhow::Result<Difference> {
    let (mut new, errors) = match tried {
        Ok(Tried { messages, wrong, .. }) => (rules.texts(messages), wrong),
        Err(error) => (Vec::new(), vec![error]),
    };
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
    Ok(Difference {
        event: event::reference(row.id),
        accepted: iso_time(row.accepted_at),
        kind: post.kind(),
        gone: lines(gone),
        new: lines(new),
        errors,
    })
}

fn shown(found: &Difference) -> String {
    let mut text = format!("{} {} {}\n", found.event, found.accepted, found.kind);
    for line in &found.gone {
        text.push_str(&format!("  - {}\n", one_line(line)));
    }
    for line in &found.new {
        text.push_str(&format!("  + {}\n", one_line(line)));
    }
    for error in &found.errors {
        text.push_str(&format!("  ! {error}\n"));
    }
    text
}
