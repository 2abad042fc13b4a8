//! What Webex sends us becomes one inbox row. A receiver never runs a handler.

mod activity;
mod envelope;
pub mod registration;
pub mod webhook;
pub mod websocket;

pub use envelope::{Envelope, Kind, Parsed};

use crate::store::{Entry, Queue, Store, StoreError, now_ms};
use crate::telemetry::{Metrics, Received};
use crate::webex::Person;

/// The one door to the inbox: drops what the bot did itself, and what is there already. On disk when it returns.
///
/// # Errors
/// When the ledger could not take it; the sender must hear that.
pub async fn ingest(
    store: &Store,
    metrics: &Metrics,
    source: &'static str,
    envelope: &Envelope,
    me: Option<&Person>,
) -> Result<Received, StoreError> {
    let outcome = if me.is_some_and(|me| envelope.is_by(&me.id)) {
        Received::Own
    } else if store.put(entry(envelope)).await? {
        Received::Accepted
    } else {
        Received::Duplicate
    };
    metrics.event(source, envelope.kind.resource(), outcome);
    Ok(outcome)
}

fn entry(envelope: &Envelope) -> Entry {
    Entry {
        id: envelope.event_id(),
        queue: Queue::Inbox,
        lane: envelope.lane(),
        accepted_at: now_ms(),
        body: envelope.to_json(),
        subject: None,
        label: None,
    }
}
