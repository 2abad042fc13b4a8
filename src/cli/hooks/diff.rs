//! Compares what was posted about earlier deliveries with what the rules would post now.

use std::collections::HashMap;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::deliveries;
use crate::cli::ledger::with_store;
use crate::cli::output::{Format, print, print_json};
use crate::cli::story::letter;
use crate::config::Config;
use crate::event::{self, HookPost};
use crate::hooks::{Hooks, Piece, Tried, TriedMessage};
use crate::outbox::{Destination, Edited, Letter, Thread};
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

/// A message about a delivery, with all that people see of it.
#[derive(PartialEq)]
struct Said {
    to: String,
    thread: Option<String>,
    /// Whether it takes the place of the first message of its thread.
    updates: bool,
    text: String,
    card: Option<Value>,
    /// The address of its picture.
    picture: Option<String>,
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
        let tried = self.hooks.attempt(&post.hook, (&post.headers, payload), was, post.is_replay)?;
        self.states.extend(tried.stands.clone());
        Ok(tried)
    }

    /// The messages that would be posted.
    fn would_tell(&self, messages: Vec<TriedMessage>) -> Vec<Said> {
        let mut said = Vec::new();
        for TriedMessage { to, pieces, thread_key, updates, .. } in messages {
            for to in to {
                let to = self.spaces.get(&to).cloned().unwrap_or(to);
                let one = |Piece { text, card, picture }: &Piece| Said {
                    to: to.clone(),
                    thread: thread_key.clone(),
                    updates,
                    text: text.clone(),
                    card: card.clone(),
                    picture: picture.clone(),
                };
                said.extend(pieces.iter().map(one));
            }
        }
        said
    }
}

/// The message of a letter. None if the letter deletes one.
fn told(letter: Letter) -> Option<Said> {
    let to = letter.to().to_string();
    let (updates, thread, message, picture) = match letter {
        Letter::Post(post) => {
            let thread = post.thread.map(|thread| match thread {
                Thread::Key { key } => key,
                Thread::Message(root) => root.to_string(),
            });
            (false, thread, post.message, post.picture)
        }
        Letter::Edit(edit) => match edit.of {
            Edited::Thread(key) => (true, Some(key), edit.message, None),
            Edited::Message(_) | Edited::Letter(_) => (true, None, edit.message, None),
        },
        Letter::Delete(_) => return None,
    };
    let card = message.attachments.into_iter().next().map(|card| card.content);
    Some(Said { to, thread, updates, text: message.markdown.unwrap_or_default(), card, picture })
}

/// What would be different.
async fn compare(
    store: &Store,
    rules: &Rules<'_>,
    (row, post): &(Row, HookPost),
    tried: Result<Tried, String>,
) -> anyhow::Result<Difference> {
    let (mut new, errors) = match tried {
        Ok(Tried { messages, wrong, .. }) => (rules.would_tell(messages), wrong),
        Err(error) => (Vec::new(), vec![error]),
    };
    let mut gone = Vec::new();
    for said in store.caused_by(row.id).await?.iter().filter_map(letter).filter_map(told) {
        match new.iter().position(|other| *other == said) {
            Some(nth) => drop(new.remove(nth)),
            None => gone.push(said),
        }
    }
    let lines = |all: Vec<Said>| all.iter().map(ToString::to_string).collect();
    Ok(Difference {
        event: event::reference(row.id),
        accepted: iso_time(row.accepted_at),
        kind: post.kind(),
        gone: lines(gone),
        new: lines(new),
        errors,
    })
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Said { to, thread, updates, text, card, picture } = self;
        write!(f, "to {to}")?;
        if let Some(thread) = thread {
            write!(f, ", in the thread of the key {thread}")?;
        }
        if *updates {
            write!(f, ", in place of its first message")?;
        }
        write!(f, ": {text}")?;
        if let Some(picture) = picture {
            write!(f, ", with the picture at {picture}")?;
        }
        card.as_ref().map_or(Ok(()), |card| write!(f, ", with the card {card}"))
    }
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
