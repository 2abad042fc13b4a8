//! `switchboard inbox` and `switchboard outbox`: list, show, retry and drop rows of the ledger, beside a running
//! daemon.

use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};
use serde::Serialize;
use serde_json::{Value, json};

use super::event_matches::{NO_PAYLOAD, lacks_payload};
use super::ledger::{by_operator, find, short_id, with_store};
use super::output::{Format, print, print_json};
use super::story::{described, letter, state, without_card, without_thread};
use crate::config::Config;
use crate::event;
use crate::outbox::Letter;
use crate::store::{AuditEntry, Filter, Queue, Row, RowState, Store};
use crate::text::{cut, iso_time, one_line, table};
use crate::webex::FileInfo;

#[derive(Debug, Subcommand)]
pub(super) enum QueueVerb {
    /// List rows, newest first; by default those that are open or given up
    List {
        /// Which rows
        #[arg(long, value_enum, default_value = "unsettled")]
        state: WhichRows,
        /// How many at the most
        #[arg(long, default_value_t = 50)]
        limit: u32,
        #[command(flatten)]
        format: Format,
    },
    /// Show everything about one row
    Show {
        /// Its id, the first letters of it, or the reference that people are told
        id: String,
        #[command(flatten)]
        format: Format,
    },
    /// Try a dead letter again, or an open row now
    Retry {
        /// Its id, the first letters of it, or the reference that people are told
        id: String,
        #[command(flatten)]
        format: Format,
    },
    /// Close an open row or a dead letter without doing it
    Drop {
        /// Its id, the first letters of it, or the reference that people are told
        id: String,
        #[command(flatten)]
        format: Format,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum WhichRows {
    Unsettled,
    Open,
    Dead,
    Done,
    All,
}

impl WhichRows {
    fn filter(self) -> Filter {
        match self {
            WhichRows::Unsettled => Filter::Unsettled,
            WhichRows::Open => Filter::In(RowState::Open),
            WhichRows::Dead => Filter::In(RowState::Dead),
            WhichRows::Done => Filter::In(RowState::Done),
            WhichRows::All => Filter::All,
        }
    }
}

pub(super) async fn run(config: &Config, queue: Queue, verb: QueueVerb) -> anyhow::Result<ExitCode> {
    with_store(config, async |store| match verb {
        QueueVerb::List { state, limit, format } => list(&store.list(queue, state.filter(), limit).await?, format),
        QueueVerb::Show { id, format } => show(&find_row(&store, queue, &id).await?, format),
        QueueVerb::Retry { id, format } => {
            let row = find_row(&store, queue, &id).await?;
            anyhow::ensure!(!lacks_payload(&store, &row).await?, "{id} cannot be tried again: {NO_PAYLOAD}");
            anyhow::ensure!(
                store.reopen(row.id, entry(queue, "retry", &row).await).await?,
                "{id} is settled; only an open row or a dead letter can be tried again"
            );
            mended(&row, "tried again", format)
        }
        QueueVerb::Drop { id, format } => {
            let row = find_row(&store, queue, &id).await?;
            let audit = entry(queue, "drop", &row).await;
            anyhow::ensure!(store.discard(row.id, audit).await?, "{id} is settled; there is nothing to drop");
            mended(&row, "dropped", format)
        }
    })
    .await?;
    Ok(ExitCode::SUCCESS)
}

/// The audit entry for an act on a row. For a letter it names the event that the letter belongs to, if there is one.
async fn entry(queue: Queue, act: &str, row: &Row) -> AuditEntry {
    let (name, event) = match queue {
        Queue::Inbox => ("inbox", Some(row.id)),
        Queue::Outbox => ("outbox", letter(row).map(|letter| letter.event().unwrap_or(row.id))),
    };
    AuditEntry { event, ..by_operator(format!("{name} {act}"), format!("row {}", row.id)).await }
}

fn mended(row: &Row, how: &str, format: Format) -> anyhow::Result<()> {
    if format.json {
        return print_json(&json!({"id": row.id, "result": how}));
    }
    Ok(print(&format!("{} is {how}", row.id))?)
}

/// The row of this queue whose id begins with `id`, or whose reference is `id`.
async fn find_row(store: &Store, queue: Queue, id: &str) -> anyhow::Result<Row> {
    let mut rows = find(store, id).await?;
    rows.retain(|row| row.queue == queue);
    match rows.len() {
        0 => anyhow::bail!("there is no row {id}; `list --state all` shows every row"),
        1 => Ok(rows.remove(0)),
        _ => anyhow::bail!("{id} could be any of {} rows; give more of the id", rows.len()),
    }
}

/// A row as it is printed, with times that can be read.
#[derive(Serialize)]
struct RowOutput<'a> {
    reference: String,
    accepted: String,
    settled: Option<String>,
    next_try: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    without_card: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    without_thread: Option<&'a str>,
    #[serde(skip_serializing_if = "is_zero")]
    edits: u32,
    #[serde(flatten)]
    row: &'a Row,
}

impl<'a> RowOutput<'a> {
    fn new(row: &'a Row) -> Self {
        let next_try = row.due_at.filter(|_| !row.leased).map(iso_time);
        RowOutput {
            reference: event::reference(row.id),
            accepted: iso_time(row.accepted_at),
            settled: row.settled_at.map(iso_time),
            next_try,
            kind: letter(row).map(|letter| letter.kind()),
            message: row.receipt.as_ref().map(|receipt| receipt.message.as_str()),
            without_card: without_card(row),
            without_thread: without_thread(row),
            edits: row.edits,
            row,
        }
    }
}

fn is_zero(edits: &u32) -> bool {
    *edits == 0
}

/// The remark on a row in a list: what was left out, why the row is in its state, or the id that was sent.
fn row_remark(row: &Row) -> String {
    let without = without_card(row).map(|why| format!("without its card: {why}"));
    let sent = row.receipt.as_ref().map(|receipt| receipt.message.clone());
    let remark = without.or_else(|| row.note.clone()).or(sent);
    match (letter(row).filter(|letter| !matches!(letter, Letter::Post(_))), remark) {
        (Some(letter), Some(remark)) => format!("{}: {remark}", letter.kind()),
        (Some(letter), None) => described(&letter),
        (None, remark) => remark.unwrap_or_default(),
    }
}

fn list(rows: &[Row], format: Format) -> anyhow::Result<()> {
    if format.json {
        return print_json(&rows.iter().map(RowOutput::new).collect::<Vec<_>>());
    }
    let cells = rows.iter().map(|row| {
        let or_none = |text: &Option<String>| text.clone().unwrap_or_default();
        [
            short_id(row.id),
            state(row).to_owned(),
            row.attempts.to_string(),
            iso_time(row.accepted_at),
            or_none(&row.subject),
            or_none(&row.label),
            row.verdict.map_or_else(String::new, |verdict| verdict.word().to_owned()),
            shortened(&row_remark(row)),
        ]
    });
    if rows.is_empty() {
        return Ok(print("none")?);
    }
    Ok(print(&table(["ID", "STATE", "TRIES", "ACCEPTED", "WHO", "COMMAND", "VERDICT", "NOTE"], &[2], cells))?)
}

fn shortened(note: &str) -> String {
    const MOST: usize = 60;
    if note.len() <= MOST { note.to_owned() } else { format!("{}…", note[..cut(note, MOST)].trim_end()) }
}

fn show(row: &Row, format: Format) -> anyhow::Result<()> {
    // The text to be sent is shown, since whoever can read the ledger can read it anyway.
    let body: Value = row.body.as_deref().and_then(|body| serde_json::from_str(body).ok()).unwrap_or(Value::Null);
    let mut shown = serde_json::to_value(RowOutput::new(row))?;
    shown["body"] = body;
    if format.json {
        return print_json(&shown);
    }
    let file = match letter(row) {
        Some(Letter::Post(post)) => post.file,
        Some(Letter::Edit(_) | Letter::Delete(_)) | None => None,
    };
    let file = file.map(|FileInfo { name, content_type, size }| {
        let size = size.map_or("unknown".to_owned(), |size| size.to_string());
        format!("{name} ({content_type}, {size} bytes)")
    });
    let outside = without_thread(row).map(|why| format!("not posted in its thread: {why}"));
    let lines = [
        ("id", json!(row.id)),
        ("reference", json!(event::reference(row.id))),
        ("state", json!(state(row))),
        ("tries", json!(row.attempts)),
        ("accepted", shown["accepted"].clone()),
        ("settled", shown["settled"].clone()),
        ("next try", shown["next_try"].clone()),
        ("who", json!(row.subject)),
        ("command", json!(row.label)),
        ("verdict", json!(row.verdict)),
        ("note", json!(row.note)),
        ("what", json!(letter(row).map(|letter| described(&letter)))),
        ("message", shown["message"].clone()),
        ("edits", shown["edits"].clone()),
        ("thread", json!(outside)),
        ("card", json!(without_card(row).map(|why| format!("not sent, its text was sent instead: {why}")))),
        // Only the name, type and size of a file, not its bytes.
        ("file", json!(file)),
    ];
    for (name, value) in lines {
        match value {
            Value::Null => {}
            Value::String(text) => print(&format!("{name:<10}{}", one_line(&text)))?,
            other => print(&format!("{name:<10}{other}"))?,
        }
    }
    Ok(print(&format!("body\n{}", serde_json::to_string_pretty(&shown["body"])?))?)
}
