//! `switchboard explain`: the life of one event, in sentences.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::audit;
use super::output::{Format, print, print_json, time};
use super::queue::{find, state, with_store};
use crate::config::Config;
use crate::event;
use crate::receiver::{Envelope, Kind};
use crate::store::{Queue, Row, State, Store};

#[derive(Args, Debug)]
pub(super) struct Options {
    /// The reference a person was told, an event's id or its first letters, or the Webex id of a message or click
    id: String,
    #[command(flatten)]
    format: Format,
}

/// What is known of one event.
#[derive(Serialize)]
pub(super) struct Story {
    pub(super) event: String,
    pub(super) reference: String,
    pub(super) state: &'static str,
    pub(super) attempts: u32,
    pub(super) lines: Vec<String>,
    /// The Webex ids of the messages that answered it.
    pub(super) replies: Vec<String>,
    outcome: Option<String>,
    reason: Option<String>,
}

pub(super) async fn run(config: &Config, options: Options) -> anyhow::Result<ExitCode> {
    with_store(config, async |store| {
        let Options { id, format } = options;
        let stories = stories(&store, &id).await?;
        anyhow::ensure!(
            !stories.is_empty(),
            "no event {id} in the ledger. Deliveries that are not kept at all: a wrong signature, the bot's own messages, \
             repeats, and resources the bot does not work on; `switchboard_events_received_total` counts them"
        );
        if format.json {
            return print_json(&stories);
        }
        for story in stories {
            print(&format!("event {} ({})", story.reference, story.event))?;
            for line in story.lines {
                print(&format!("  {line}"))?;
            }
        }
        Ok(())
    }).await?;
    Ok(ExitCode::SUCCESS)
}

/// Everything the ledger has on what an id may mean.
pub(super) async fn stories(store: &Store, id: &str) -> anyhow::Result<Vec<Story>> {
    let mut stories = Vec::new();
    for row in events(store, id).await? {
        stories.push(story(store, &row).await?);
    }
    Ok(stories)
}

/// The events that an id may mean: the ledger's own ids first, then Webex's.
async fn events(store: &Store, id: &str) -> anyhow::Result<Vec<Row>> {
    let mut rows = find(store, id).await?;
    for kind in Kind::ALL {
        let event = event::id(kind.resource(), id);
        rows.extend(store.between(event, event).await?);
    }
    Ok(rows.into_iter().filter(|row| row.queue == Queue::Inbox).collect())
}

async fn story(store: &Store, row: &Row) -> anyhow::Result<Story> {
    let envelope: Option<Envelope> = row.body.as_deref().and_then(|body| serde_json::from_str(body).ok());
    let mut lines = Vec::new();
    let what = envelope.as_ref().map_or("an event", |envelope| match envelope.kind {
        Kind::Message => "a message",
        Kind::Action => "a click on a card",
        Kind::Membership => "somebody added to a space",
    });
    let who = row.subject.as_ref().map(|who| format!(" from {who}")).unwrap_or_default();
    lines.push(format!("{} accepted: {what}{who}", time(row.accepted_at)));
    if let Some(envelope) = &envelope {
        lines.push(format!("its Webex id is {}", envelope.id));
    }
    if let Some(command) = &row.label {
        lines.push(format!("it matched the command {command}"));
    }
    let reason = row.note.clone();
    let because =
        reason.as_ref().map(|reason| format!(": {}", reason.replace(char::is_control, " "))).unwrap_or_default();
    let verdict = row.verdict.clone().unwrap_or_default();
    lines.push(match row.state {
        State::Open if row.leased => format!("it is being worked on, try {}", row.attempts),
        State::Open if row.attempts == 0 => "it waits for its turn".to_owned(),
        State::Open => format!("it waits to be tried again after {} tries{because}", row.attempts),
        State::Done => format!("{} {}{because}", settled(row), meaning(&verdict)),
        State::Dead => format!("{} given up after {} tries{because}", settled(row), row.attempts),
        State::Forgotten => {
            "it is older than store.retention; only its id is kept, so that a repeat is not answered".to_owned()
        }
    });
    lines.extend(store.audit_of(row.id).await?.iter().map(audit::told));
    let replies = replies(store, row).await?;
    lines.extend(replies.iter().map(told));
    let sent = replies.into_iter().filter(|reply| reply.verdict.as_deref() == Some("sent"));
    Ok(Story {
        event: row.id.to_string(),
        reference: event::reference(row.id),
        state: state(row),
        attempts: row.attempts,
        lines,
        replies: sent.filter_map(|reply| reply.note).collect(),
        outcome: row.verdict.clone(),
        reason,
    })
}

fn settled(row: &Row) -> String {
    row.settled_at.map_or_else(String::new, time)
}

/// A verdict as a clause.
fn meaning(verdict: &str) -> String {
    match verdict {
        "answered" => "answered".to_owned(),
        "usage" => "answered with the usage line".to_owned(),
        "declined" => "answered that it cannot be done".to_owned(),
        "unknown" => "answered that no command has this name".to_owned(),
        "empty" => "answered that nothing was said".to_owned(),
        "denied" => "not answered".to_owned(),
        "stranger" => "not answered but with a code to be let in".to_owned(),
        "crowd" | "flooded" => "not answered, since it was too much".to_owned(),
        "own" | "ignored" | "noted" => "not answered".to_owned(),
        "gone" => "not answered, since it cannot be read".to_owned(),
        "dropped" => "dropped by an operator".to_owned(),
        other => other.to_owned(),
    }
}

async fn replies(store: &Store, row: &Row) -> anyhow::Result<Vec<Row>> {
    let failure = event::failure_id(row.id);
    let mut replies = store.between(failure, failure).await?;
    for nth in 0.. {
        let id = event::reply_id(row.id, nth);
        let found = store.between(id, id).await?;
        if found.is_empty() {
            break;
        }
        replies.extend(found);
    }
    Ok(replies)
}

fn told(reply: &Row) -> String {
    let note = reply.note.clone().unwrap_or_default();
    match reply.state {
        State::Done if reply.verdict.as_deref() == Some("sent") => {
            let took = reply.settled_at.unwrap_or(reply.accepted_at) - reply.accepted_at;
            format!("{} reply sent {took} ms after the event, as {note}", settled(reply))
        }
        State::Done => format!("{} reply dropped by an operator", settled(reply)),
        State::Dead => format!("{} reply given up after {} tries: {note}", settled(reply), reply.attempts),
        State::Open if note.is_empty() => "its reply waits to be sent".to_owned(),
        State::Open => format!("its reply waits to be sent again, {} tries so far: {note}", reply.attempts),
        State::Forgotten => "its reply is older than store.retention".to_owned(),
    }
}
