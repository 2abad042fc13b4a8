//! Sentences about a row of the ledger that several verbs say.

use crate::outbox::{Letter, Receipt};
use crate::store::{Queue, Row, State};
use crate::text::{iso_time, one_line};
use crate::verdict::Verdict;

pub(super) fn state(row: &Row) -> &'static str {
    match row.state {
        State::Open if row.leased => "working",
        State::Open => "open",
        State::Done => "done",
        State::Dead => "dead",
        State::Forgotten => "forgotten",
    }
}

/// What a row of the outbox sends.
pub(super) fn letter(row: &Row) -> Option<Letter> {
    row.body.as_deref().filter(|_| row.queue == Queue::Outbox).and_then(|body| Letter::read(body).ok())
}

/// Why a message that was to have a card is, or is to be, without it: found wrong here, or refused by Webex.
pub(super) fn without_card(row: &Row) -> Option<String> {
    let Letter::Post(post) = letter(row)? else { return None };
    post.without_card.or_else(|| Receipt::read(row.note.as_deref()?)?.without_card)
}

pub(super) fn settled(row: &Row) -> String {
    row.settled_at.map_or_else(String::new, iso_time)
}

/// What became of a message, and of its card where it went without.
pub(super) fn told(message: &Row, what: &str, since: &str) -> Vec<String> {
    let note = message.note.as_deref().map(one_line).unwrap_or_default();
    let (at, attempts) = (settled(message), message.attempts);
    let said = match message.state {
        State::Done if message.verdict == Some(Verdict::Sent) => {
            let took = message.settled_at.unwrap_or(message.accepted_at) - message.accepted_at;
            match Receipt::read(&note) {
                Some(receipt) => format!("{at} {what} sent {took} ms after {since}, as {}", receipt.id),
                None => format!("{at} {what} sent {took} ms after {since}; {note}"),
            }
        }
        State::Done => format!("{at} {what} dropped by an operator"),
        State::Dead => {
            let id = &message.id.simple().to_string()[..12];
            format!(
                "{at} {what} given up after {attempts} tries: {note}; `switchboard outbox retry {id}` tries it again"
            )
        }
        State::Open if note.is_empty() => format!("its {what} waits to be sent"),
        State::Open => format!("its {what} waits to be sent again, {attempts} tries so far: {note}"),
        State::Forgotten => format!("its {what} is older than store.retention"),
    };
    let without = without_card(message)
        .map(|why| format!("the card of the {what} was not sent, but its text: {}", one_line(&why)));
    [Some(said), without].into_iter().flatten().collect()
}
