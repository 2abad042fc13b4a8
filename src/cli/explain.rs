//! `switchboard explain`: the life of one event, in sentences.

use std::process::ExitCode;

use clap::Args;
use secrecy::ExposeSecret;
use serde::Serialize;
use uuid::Uuid;

use super::event_matches::{EventMatch, NO_PAYLOAD, event_of, matching_events};
use super::ledger::with_store;
use super::output::{Format, print, print_json};
use super::story::{described, letter, letter_lines, letter_story, settled, state};
use super::{approvals, audit, questions};
use crate::access::{WAITS, WAS_DENIED};
use crate::config::Config;
use crate::event::{Event, HookPost};
use crate::hooks::shown_payload;
use crate::outbox::Letter;
use crate::program::Program;
use crate::redact::Redactor;
use crate::store::{AuditRow, Pairing, Queue, Row, RowState, Store};
use crate::text::{iso_time, one_line};
use crate::verdict::Verdict;
use crate::webex::local_part;
use crate::{clock, event};

#[derive(Args, Debug)]
pub(super) struct ExplainOptions {
    /// A reference, an id of the ledger or its first letters, an id of Webex, or a pairing code
    id: String,
    #[command(flatten)]
    format: Format,
}

/// The most bytes that are shown of what was sent.
const LONGEST_SENT: usize = 8000;

/// Printed when the bytes that Webex sent are no longer kept.
const NOTHING_SENT: &str = "nothing that Webex sent is kept of it: polling or catch-up found it, it was longer than \
     store.raw_limit, or a version accepted it that kept none";

/// Everything known about one event.
#[derive(Serialize)]
pub(super) struct Story {
    pub(super) event: String,
    pub(super) reference: String,
    pub(super) state: &'static str,
    pub(super) attempts: u32,
    pub(super) lines: Vec<String>,
    /// The Webex ids of the messages that answered it.
    pub(super) replies: Vec<String>,
    outcome: Option<Verdict>,
    reason: Option<String>,
    /// What was sent: to the letter, or without what the preset of its hook hides.
    received: Option<String>,
    /// The delivery, if another system sent it.
    #[serde(skip)]
    post: Option<HookPost>,
    /// Why this event matches the id that was asked for.
    found_by: String,
    #[serde(skip)]
    is_direct: bool,
}

pub(super) async fn run(config: &Config, options: ExplainOptions) -> anyhow::Result<ExitCode> {
    with_store(config, async |store| {
        let ExplainOptions { id, format } = options;
        let mut stories = stories(&config.program, &store, &id).await?;
        let secrets = config.webex.secrets.iter().map(ExposeSecret::expose_secret);
        let redactor = secrets.fold(Redactor::default(), |known, secret| known.with(secret, "[secret]"));
        let made = store.chat_hooks().await?;
        for Story { received, post, .. } in &mut stories {
            let Some(received) = received else { continue };
            if let Some(post) = post {
                *received = shown_payload(config, &made, &post.hook, (&post.headers, received.as_bytes())).into_owned();
            }
            if !format.json {
                *received = beginning(received);
            }
            *received = redactor.without_secrets(received);
        }
        let place = Store::place(&config.store);
        anyhow::ensure!(
            !stories.is_empty(),
            "no event {id} in the ledger {}. It may be an event's reference or id, an id of Webex's (a message, of a person or \
             of the bot, a click, a membership, a webhook), a row of the outbox, a card, or a pairing code. Deliveries that \
             are not kept at all: a wrong signature, the bot's own messages, and what comes again with the same id; \
             `switchboard_events_received_total` counts them. What the bot does not work on is kept for a day",
            place.display()
        );
        if format.json {
            return print_json(&stories);
        }
        let is_one = stories.len() == 1;
        for story in stories {
            print(&format!("event {} ({})", story.reference, story.event))?;
            if !(is_one && story.is_direct) {
                print(&format!("  found, since {}", story.found_by))?;
            }
            for line in story.lines {
                print(&format!("  {line}"))?;
            }
            if let Some(received) = story.received {
                let sender = if story.post.is_some() { "its sender" } else { "Webex" };
                print(&format!("  {sender} sent: {}", one_line(&received)))?;
            }
        }
        Ok(())
    }).await?;
    Ok(ExitCode::SUCCESS)
}

/// As much of what was sent as people are shown.
fn beginning(sent: &str) -> String {
    match &sent[..sent.floor_char_boundary(LONGEST_SENT)] {
        shown if shown.len() < sent.len() => format!("{shown} … ({} bytes in all; --json shows them)", sent.len()),
        whole => whole.to_owned(),
    }
}

/// The stories of every event that an id may mean.
pub(super) async fn stories(program: &Program, store: &Store, id: &str) -> anyhow::Result<Vec<Story>> {
    let mut stories = Vec::new();
    for lead in matching_events(store, id).await? {
        stories.push(tell_story(program, store, lead).await?);
    }
    Ok(stories)
}

async fn tell_story(program: &Program, store: &Store, lead: EventMatch) -> anyhow::Result<Story> {
    let EventMatch { row, how, is_direct } = &lead;
    let raw = store.raw(row.id).await?;
    let (lines, replies) = match row.queue {
        Queue::Inbox => event_story(store, row, raw.is_some()).await?,
        Queue::Outbox => (lone_letter_lines(store, row).await?, vec![row.clone()]),
    };
    let sent = replies.iter().filter(|reply| reply.verdict == Some(Verdict::Sent));
    Ok(Story {
        event: row.id.to_string(),
        reference: event::reference(row.id),
        state: state(row),
        attempts: row.attempts,
        lines: lines.iter().map(|line| program.quoted(line).into_owned()).collect(),
        replies: sent.filter_map(|reply| Some(reply.receipt.as_ref()?.message.clone())).collect(),
        outcome: row.verdict,
        reason: row.note.clone(),
        received: raw.map(|raw| String::from_utf8_lossy(&raw).into_owned()),
        post: event_of(row).and_then(|event| if let Event::Hook(post) = event { Some(post) } else { None }),
        found_by: how.clone(),
        is_direct: *is_direct,
    })
}

/// The story of a letter that belongs to no event.
async fn lone_letter_lines(store: &Store, row: &Row) -> anyhow::Result<Vec<String>> {
    let what = letter(row).map_or("a letter".to_owned(), |letter| described(&letter));
    let kind = letter(row).map_or("letter", |letter| letter.kind());
    let why = match letter(row).as_ref().and_then(Letter::api) {
        Some(api) => format!("since the API key {} asked for it", one_line(&api.key)),
        None => "for no event".to_owned(),
    };
    let mut lines = vec![format!("{} put into the outbox, {why}: {what}", iso_time(row.accepted_at))];
    lines.extend(store.audit_of(row.id).await?.iter().map(audit::audit_line));
    lines.extend(letter_story(store, row, kind, "it was put").await?);
    for part in rows_in_sequence(store, |nth| event::part_id(row.id, nth + 1)).await? {
        let whom = letter(&part).map_or_else(String::new, |letter| format!(" to {}", letter.to()));
        lines.extend(letter_story(store, &part, &format!("further message{whom}"), "it was put").await?);
    }
    Ok(lines)
}

/// The story of an event, and the replies to it. `has_raw` says whether the ledger has what was sent.
async fn event_story(store: &Store, row: &Row, has_raw: bool) -> anyhow::Result<(Vec<String>, Vec<Row>)> {
    let mut lines = accepted_lines(row);
    let audited = store.audit_of(row.id).await?;
    match event_of(row) {
        Some(event) if !has_raw && event.is_from_webex() => lines.push(NOTHING_SENT.to_owned()),
        Some(Event::Hook(_)) if !has_raw => lines.push(NO_PAYLOAD.to_owned()),
        Some(_) | None => {}
    }
    lines.extend(match_line(row, &audited));
    let replies = find_replies(store, row).await?;
    lines.push(state_line(row, !replies.is_empty()));
    lines.extend(audited.iter().map(audit::audit_line));
    lines.extend(approvals::story(store, row.id).await?);
    for reply in &replies {
        lines.extend(letter_story(store, reply, "reply", "the event").await?);
    }
    for said in rows_in_sequence(store, |nth| event::elsewhere_id(row.id, nth)).await? {
        let whom = letter(&said).map_or_else(String::new, |letter| format!(" to {}", letter.to()));
        lines.extend(letter_story(store, &said, &format!("message{whom}"), "the event").await?);
    }
    lines.extend(questions::question_lines(store, row).await?);
    lines.extend(pairing_lines(store, row, &audited).await?);
    Ok((lines, replies))
}

/// What came in, from whom, and when.
fn accepted_lines(row: &Row) -> Vec<String> {
    let event = event_of(row);
    let what = event.as_ref().map_or_else(|| "an event".to_owned(), Event::described);
    let who = row.subject.as_ref().map(|who| format!(" from {who}")).unwrap_or_default();
    let mut lines = vec![format!("{} accepted: {what}{who}", iso_time(row.accepted_at))];
    lines.extend(event.iter().flat_map(Event::ids));
    lines
}

/// Which command the event called, or which question it answered.
fn match_line(row: &Row, audited: &[AuditRow]) -> Option<String> {
    match (row.answers, &row.label) {
        (Some(event), label) => {
            let action = audited.last().map(|row| row.action.as_str()).or(label.as_deref()).unwrap_or("a command");
            Some(format!("it answered the question of {action} (event {})", event::reference(event)))
        }
        // An event with a slash in its label went to a handler of events, not to a command.
        (None, command) => {
            let command = command.as_ref().filter(|command| !command.contains('/'));
            command.map(|command| format!("it matched the command {command}"))
        }
    }
}

/// The state of the event, and why. `told` is whether the person has, or gets, a reply.
fn state_line(row: &Row, told: bool) -> String {
    let because = row.note.as_deref().map(|reason| format!(": {}", one_line(reason))).unwrap_or_default();
    match row.state {
        RowState::Open if row.leased => format!("it is being worked on, try {}", row.attempts),
        RowState::Open if row.note.is_none() => "it waits for its turn".to_owned(),
        RowState::Open => {
            let when = row.due_at.map(|at| format!(" at {}", iso_time(at))).unwrap_or_default();
            format!("it waits to be tried again{when}, after {} tries{because}", row.attempts)
        }
        RowState::Done => {
            format!("{} {}{because}", settled(row), row.verdict.map_or("", |verdict| verdict.meaning(told)))
        }
        RowState::Dead => {
            let retry = format!("; `switchboard inbox retry {}` tries it again", event::reference(row.id));
            format!("{} given up after {} tries{because}{retry}", settled(row), row.attempts)
        }
        RowState::Forgotten => {
            "it is older than store.retention; only its id is kept, so that a repeat is not answered".to_owned()
        }
    }
}

async fn find_replies(store: &Store, row: &Row) -> anyhow::Result<Vec<Row>> {
    let mut replies: Vec<Row> = store.row(event::failure_id(row.id)).await?.into_iter().collect();
    let caused = store.caused_by(row.id).await?;
    if caused.is_empty() {
        replies.extend(rows_in_sequence(store, |nth| event::reply_id(row.id, nth)).await?);
    }
    replies.extend(caused);
    Ok(replies)
}

/// The rows with the ids that `id` gives for 0, 1, 2 and so on, up to the first that is missing.
async fn rows_in_sequence(store: &Store, id: impl Fn(u32) -> Uuid) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for nth in 0.. {
        match store.row(id(nth)).await? {
            Some(row) => rows.push(row),
            None => break,
        }
    }
    Ok(rows)
}

/// The story of a stranger's request, if the event made one or ended because of one: which admins were told, what
/// became of it, and what can be done.
async fn pairing_lines(store: &Store, row: &Row, audited: &[AuditRow]) -> anyhow::Result<Vec<String>> {
    let is_request = row.verdict == Some(Verdict::Stranger);
    let concerns = is_request || row.note.as_deref().is_some_and(|reason| reason == WAITS || reason == WAS_DENIED);
    if !concerns {
        return Ok(Vec::new());
    }
    let mut lines = Vec::new();
    if is_request {
        let notices = rows_in_sequence(store, |nth| event::notice_id(row.id, nth)).await?;
        if notices.is_empty() {
            lines.push("no admin was told of it: access.admins names nobody whom the bot can write to".to_owned());
        }
        for notice in &notices {
            let what = format!("notice to the admin {}", notice.subject.as_deref().unwrap_or_default());
            lines.extend(letter_lines(notice, &what, "the request"));
        }
        for decision in rows_in_sequence(store, |nth| event::decision_id(row.id, nth.into())).await? {
            lines.extend(letter_lines(&decision, "word of the decision", "it"));
        }
    }
    // Requests are newest first. A person's newest one counts; `found` is the one that this event made or met.
    let all = store.pairings().await?;
    let found = if is_request {
        all.iter().find(|pairing| pairing.request.event == row.id)
    } else {
        let person = audited.iter().find_map(|row| row.person.as_deref()).map(local_part);
        let before = row.settled_at.unwrap_or_else(clock::wall_ms);
        all.iter()
            .find(|pairing| Some(&pairing.request.person) == person.as_ref() && pairing.request.requested_at <= before)
    };
    let Some(found) = found else { return Ok(lines) };
    let newest = all.iter().find(|pairing| pairing.request.person == found.request.person).unwrap_or(found);
    let (email, code) = (&found.request.email, &newest.request.code);
    let todo = match crate::pairing::state_word(newest, clock::wall_ms()) {
        "pending" => format!("`switchboard pairing approve {code}` lets them in"),
        "denied" => format!("`switchboard pairing approve {code}` lets them in after all"),
        "approved" => "they are answered now".to_owned(),
        _ => "if they write again, they get a new code".to_owned(),
    };
    lines.push(match newest.request.event == found.request.event {
        true => format!("the request of {email} is {}; {todo}", pairing_state(found)),
        false => {
            let (was, is) = (pairing_state(found), pairing_state(newest));
            format!("the request of {email} is {was}; they have asked again since, which is {is}; {todo}")
        }
    });
    Ok(lines)
}

fn pairing_state(pairing: &Pairing) -> String {
    let by = pairing.decided_by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
    format!("{}{by}", crate::pairing::state_word(pairing, clock::wall_ms()))
}
