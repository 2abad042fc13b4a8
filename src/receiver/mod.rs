//! What Webex sends us becomes one inbox row. A receiver never runs a handler.

mod envelope;
pub mod reconcile;
pub mod registration;
pub mod webhook;

pub use envelope::{Envelope, Kind, Parsed};

use crate::store::{Entry, Queue, Store, StoreError, now_ms};
use crate::telemetry::{Metrics, Received};
use crate::webex::Person;

/// The source of what a look found that ought to have been delivered.
pub const CATCH_UP: &str = "catch_up";

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
    // A look is what finds that a delivery failed; it proves none.
    if source != CATCH_UP {
        metrics.delivery_proven();
    }
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
    let accepted_at = now_ms();
    Entry {
        id: envelope.event_id(),
        queue: Queue::Inbox,
        lane: envelope.lane(),
        accepted_at,
        happened_at: envelope.created.map_or(accepted_at, jiff::Timestamp::as_millisecond),
        body: envelope.to_json(),
        subject: None,
        label: None,
    }
}
