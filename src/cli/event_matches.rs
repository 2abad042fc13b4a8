//! Finds the events that a text belongs to. The text is an id, reference or code from a verb, a log line or a message.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use uuid::Uuid;

use super::ledger::{find, short_id};
use super::story::letter;
use crate::event::{self, Event, Other};
use crate::store::{Queue, Row, Store};
use crate::webex::local_part;

/// The shortest text that is searched for in notes. A shorter one is in many notes by chance.
const LEAST_NOTED: usize = 8;

/// An event, and why it matches.
pub(super) struct EventMatch {
    pub row: Row,
    pub how: String,
    /// Whether the text names the event itself, and not something that belongs to it.
    pub is_direct: bool,
}

/// The events that a text may mean, and letters that belong to no event, each once.
pub(super) async fn matching_events(store: &Store, text: &str) -> anyhow::Result<Vec<EventMatch>> {
    const AROUND: [char; 9] = ['"', '\'', '`', '*', '.', ',', ':', '(', ')'];
    let text = text.trim().trim_matches(AROUND);
    let mut leads = EventMatches { store, found: Vec::new() };
    let reference = event::canonical_code(text);
    for row in find(store, text).await? {
        let what = match event::reference(row.id) == reference {
            true => format!("bears the reference {reference}"),
            false => format!("has the id {}", row.id),
        };
        match row.queue {
            Queue::Inbox => leads.add(row, format!("it {what}"), true),
            Queue::Outbox => leads.add_event_of(&row, &format!("that {what}")).await?,
        }
    }
    for (resource, thing) in event::THINGS {
        leads.add_id(event::id(resource, text), format!("it is of the {thing} {text}"), true).await?;
    }
    for row in store.unhandled().await? {
        if let Some(Event::Other(other)) = event_of(&row)
            && other.has(text)
        {
            leads.add(row, format!("it tells of {}, with the id {text}", other.kind()), true);
        }
    }
    for pairing in store.pairings().await?.iter().filter(|pairing| pairing.request.code == reference) {
        leads.add_id(pairing.request.event, format!("it asked to be let in, with the code {reference}"), false).await?;
    }
    if let Ok(card) = Uuid::try_parse(text) {
        for approval in store.approvals(false, u32::MAX).await?.iter().filter(|found| found.request.card == card) {
            leads.add_id(approval.request.event, format!("it asked for approval with the card {card}"), false).await?;
        }
    }
    if leads.found.is_empty() {
        leads.look_into_notes(text).await?;
    }
    Ok(leads.found)
}

/// The event of an inbox row, if this version can read it. An old version wrote no kind for events without a handler.
pub(super) fn event_of(row: &Row) -> Option<Event> {
    let body = row.body.as_deref()?;
    serde_json::from_str(body).ok().or_else(|| serde_json::from_str::<Other>(body).ok().map(Event::Other))
}

/// Says that a payload is gone.
pub(super) const NO_PAYLOAD: &str = "what was posted to the hook is no longer kept, by hooks.keep or store.retention";

/// Whether the row was made of a payload that the ledger no longer has.
pub(super) async fn lacks_payload(store: &Store, row: &Row) -> anyhow::Result<bool> {
    let is_posted = matches!(event_of(row), Some(Event::Hook(_)));
    Ok(is_posted && store.raw(row.id).await?.is_none())
}

struct EventMatches<'a> {
    store: &'a Store,
    found: Vec<EventMatch>,
}

impl EventMatches<'_> {
    fn add(&mut self, row: Row, how: String, is_direct: bool) {
        if self.found.iter().all(|lead| lead.row.id != row.id) {
            self.found.push(EventMatch { row, how, is_direct });
        }
    }

    async fn add_id(&mut self, event: Uuid, how: String, is_direct: bool) -> anyhow::Result<()> {
        if let Some(row) = self.store.row(event).await?.filter(|row| row.queue == Queue::Inbox) {
            self.add(row, how, is_direct);
        }
        Ok(())
    }

    /// Adds the event that a letter belongs to, or the letter itself if it belongs to none. A forgotten letter adds
    /// nothing.
    async fn add_event_of(&mut self, message: &Row, which: &str) -> anyhow::Result<()> {
        let Some(letter) = letter(message) else { return Ok(()) };
        let row = short_id(message.id);
        match letter.event() {
            Some(event) => self.add_id(event, format!("row {row} of the outbox, {which}, belongs to it"), false).await,
            // The story of a message includes its edits.
            None if self.found.iter().any(|lead| lead.row.receipt.is_some() && lead.row.receipt == message.receipt) => {
                Ok(())
            }
            None => {
                self.add(message.clone(), format!("it is row {row} of the outbox, {which}"), true);
                Ok(())
            }
        }
    }

    /// Searches receipts and notes for the text. A receipt has the id of the message that was sent, a note the id of a
    /// request.
    async fn look_into_notes(&mut self, text: &str) -> anyhow::Result<()> {
        let local = local_part(text);
        let mut parts = vec![text.to_owned()];
        if Uuid::try_parse(&local).is_ok() {
            parts.push(local.clone());
            parts.extend((0..3).map(|before| within(&local, before)));
        }
        for part in parts.iter().filter(|part| part.len() >= LEAST_NOTED) {
            for row in self.store.noting(part).await? {
                match row.queue {
                    Queue::Inbox => self.add(row, format!("what is kept of it names {text}"), true),
                    Queue::Outbox => self.add_event_of(&row, &format!("of which {text} is noted")).await?,
                }
            }
        }
        Ok(())
    }
}

/// The letters by which a base64 text can be recognised to contain `local`. `before` is the number of bytes before it,
/// modulo 3.
fn within(local: &str, before: usize) -> String {
    let encoded = BASE64.encode(format!("{}{local}", &"///"[..before]));
    // The first and last letter also hold bits of neighbouring bytes.
    let first = (before * 8).div_ceil(6);
    let last = (before + local.len()) * 8 / 6;
    encoded[first..last].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_found_in_every_spelling_that_webex_has_for_it() {
        let local = "44444444-4444-11f1-8444-444444444444";
        for cluster in ["us", "usa", "urn:TEAM:eu-central-1_k", "urn:TEAM:us-west-2_r"] {
            let spelled = crate::webex::encode(cluster, "MESSAGE", local);
            assert!((0..3).any(|before| spelled.contains(&within(local, before))), "{spelled}");
        }
        let other = crate::webex::encode("us", "MESSAGE", "44444444-4444-11f1-8444-444444444445");
        assert!((0..3).all(|before| !other.contains(&within(local, before))));
    }
}
