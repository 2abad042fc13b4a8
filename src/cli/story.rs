//! Sentences about a row of the ledger that several verbs share.

use super::ledger::short_id;
use crate::outbox::{Edited, Letter, Thread};
use crate::store::{Queue, Row, RowState, Store};
use crate::text::{iso_time, one_line};
use crate::verdict::Verdict;

pub(super) fn state(row: &Row) -> &'static str {
    match row.state {
        RowState::Open if row.leased => "working",
        RowState::Open => "open",
        RowState::Done => "done",
        RowState::Dead => "dead",
        RowState::Forgotten => "forgotten",
    }
}

/// The letter of a row of the outbox.
pub(super) fn letter(row: &Row) -> Option<Letter> {
    row.body.as_deref().filter(|_| row.queue == Queue::Outbox).and_then(|body| Letter::read(body).ok())
}

/// Why a message is sent without the card it was to have: the card was found wrong here, or Webex refused it.
pub(super) fn without_card(row: &Row) -> Option<String> {
    let Letter::Post(post) = letter(row)? else { return None };
    post.without_card.or_else(|| row.receipt.as_ref()?.without_card.clone())
}

/// Why a message was posted outside the thread it was meant for.
pub(super) fn without_thread(row: &Row) -> Option<&str> {
    row.receipt.as_ref()?.without_thread.as_deref()
}

/// What a letter is, in a few words.
pub(super) fn described(letter: &Letter) -> String {
    match letter {
        Letter::Post(post) => {
            let thread = match &post.thread {
                None => String::new(),
                Some(Thread::Message(root)) => format!(", in the thread of {root}"),
                Some(Thread::Key { key }) => format!(", in the thread of the key {}", one_line(key)),
            };
            format!("a message to {}{thread}", post.to)
        }
        Letter::Edit(edit) => format!("an edit of {}", edit.of),
        Letter::Delete(delete) => format!("the deletion of {}", delete.of),
    }
}

/// Says what became of a letter, and of the edits of its message.
pub(super) async fn letter_story(store: &Store, row: &Row, what: &str, since: &str) -> anyhow::Result<Vec<String>> {
    let mut lines = letter_lines(row, what, since);
    let Some(Letter::Post(post)) = letter(row) else { return Ok(lines) };
    let sent = row.receipt.as_ref().map(|receipt| receipt.message.as_str());
    let mut targets = vec![Edited::Letter(row.id)];
    targets.extend(sent.map(|message| Edited::Message(message.into())));
    if let Some(Thread::Key { key }) = post.thread {
        targets.push(Edited::Thread(key));
    }
    let targets: Vec<_> = targets.iter().map(Edited::target).collect();
    for edit in store.editing(&targets).await? {
        let Some(Letter::Edit(edited)) = letter(&edit) else { continue };
        // Many letters can share a key, and an edit by the key changes only the root of their thread.
        let is_own = match edited.of {
            Edited::Thread(_) => {
                sent.is_some() && edit.receipt.as_ref().map(|receipt| receipt.message.as_str()) == sent
            }
            Edited::Message(_) | Edited::Letter(_) => true,
        };
        if is_own && edited.to.lane() == post.to.lane() {
            lines.extend(letter_lines(&edit, &format!("edit of the {what}"), "it was put"));
        }
    }
    Ok(lines)
}

pub(super) fn settled(row: &Row) -> String {
    row.settled_at.map_or_else(String::new, iso_time)
}

/// Says what became of a message, and why it went without its card or outside its thread.
pub(super) fn letter_lines(message: &Row, what: &str, since: &str) -> Vec<String> {
    let without = without_card(message)
        .map(|why| format!("the card of the {what} was not sent, its text was sent instead: {}", one_line(&why)));
    let beside =
        without_thread(message).map(|why| format!("the {what} was not posted in its thread: {}", one_line(why)));
    [Some(outcome(message, what, since)), without, beside].into_iter().flatten().collect()
}

fn outcome(message: &Row, what: &str, since: &str) -> String {
    let note = message.note.as_deref().map(one_line).unwrap_or_default();
    let attempts = message.attempts;
    match message.state {
        RowState::Done => end(message, what, since, &note),
        RowState::Dead => {
            let (at, id) = (settled(message), short_id(message.id));
            format!(
                "{at} {what} given up after {attempts} tries: {note}; `switchboard outbox retry {id}` tries it again"
            )
        }
        RowState::Open if note.is_empty() => format!("its {what} waits to be sent"),
        RowState::Open => format!("its {what} waits to be sent again, {attempts} tries so far: {note}"),
        RowState::Forgotten => format!("its {what} is older than store.retention"),
    }
}

/// How a letter ended whose row is done.
fn end(message: &Row, what: &str, since: &str, note: &str) -> String {
    let at = settled(message);
    match message.verdict {
        Some(Verdict::Sent) => format!("{at} {what} {}", sent(message, since, note)),
        Some(Verdict::Edited) => format!("{at} {what} made"),
        Some(Verdict::Folded) => format!("{at} {what} left to a later one: {note}"),
        Some(Verdict::Deleted) => format!("{at} {what} made: {note}"),
        Some(Verdict::Kept) => format!("{at} {what} not made: {note}"),
        None => format!("{at} {what} ended in a way that this version does not know"),
        Some(
            other @ (Verdict::Dropped
            | Verdict::Answered
            | Verdict::Declined
            | Verdict::Usage
            | Verdict::Failed
            | Verdict::Empty
            | Verdict::Unknown
            | Verdict::Late
            | Verdict::Cancelled
            | Verdict::Awaiting
            | Verdict::Counted
            | Verdict::Ended
            | Verdict::Expired
            | Verdict::Denied
            | Verdict::Stranger
            | Verdict::Crowd
            | Verdict::Flooded
            | Verdict::Own
            | Verdict::Noted
            | Verdict::Ignored
            | Verdict::Gone
            | Verdict::Unreadable
            | Verdict::Unhandled
            | Verdict::Refused
            | Verdict::Done
            | Verdict::Sealed
            | Verdict::Resealed
            | Verdict::Unsealed
            | Verdict::Broken),
        ) => format!("{at} {what} {}", other.meaning(false)),
    }
}

/// How fast a message was sent, and its id at Webex.
fn sent(message: &Row, since: &str, note: &str) -> String {
    let took = message.settled_at.unwrap_or(message.accepted_at) - message.accepted_at;
    let sent = format!("sent {took} ms after {since}");
    match &message.receipt {
        Some(receipt) if note.is_empty() => format!("{sent}, as {}", receipt.message),
        Some(receipt) => format!("{sent}, as {}; {note}", receipt.message),
        None => format!("{sent}; {note}"),
    }
}
