//! The one door to the inbox: every way in ends here.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::watch;
use uuid::Uuid;

use super::Unhandled;
use crate::event::{Event, Source};
use crate::identity::Identity;
use crate::store::{Entry, Store, StoreError};
use crate::telemetry::{Metrics, Received};

/// So many of the bot's own events are remembered, for whoever waits for one of them.
const MOST_OWN: usize = 64;

/// Of what nobody works on, no more bytes are kept than most webhooks have: a frame of a websocket may have a megabyte.
const MOST_KEPT: usize = 64 * 1024;

/// Takes events, from whichever way in. Cheap to clone.
#[derive(Clone)]
pub struct Door {
    store: Store,
    metrics: Metrics,
    identity: Identity,
    own: Arc<watch::Sender<VecDeque<Uuid>>>,
}

impl Door {
    /// To this ledger; the bot's own doing is left outside once it is known who the bot is.
    pub fn new(store: Store, metrics: Metrics, identity: Identity) -> Door {
        Door { store, metrics, identity, own: Arc::default() }
    }

    /// Drops what the bot did itself, and what is there already. On disk when it returns. `raw` is what Webex sent of it, to
    /// the byte, if it sent anything.
    ///
    /// # Errors
    /// When the ledger could not take it; the sender must hear that.
    pub async fn take(&self, source: Source, event: &Event, raw: Option<Bytes>) -> Result<Received, StoreError> {
        if source.is_delivery() {
            self.metrics.delivery_proven();
        }
        let outcome = if self.identity.get().is_some_and(|me| event.is_by(&me.id)) {
            if source.is_delivery() {
                self.remember_own(event.event_id());
            }
            Received::Own
        } else if self.store.put(Entry { raw, ..event.to_entry() }).await? {
            Received::Accepted
        } else {
            Received::Duplicate
        };
        self.metrics.event(source.as_str(), event.resource(), outcome);
        Ok(outcome)
    }

    /// Counts what nobody works on, and leaves a row of it, so that it can be explained. Nothing waits for that row: where
    /// the ledger does not take it, the delivery is acknowledged all the same.
    pub async fn note(&self, source: Source, unhandled: &Unhandled, raw: Bytes) {
        self.pass(source, unhandled);
        let raw = Some(raw).filter(|raw| raw.len() <= MOST_KEPT);
        let entry = Entry { raw, ..unhandled.to_entry() };
        if let Err(error) = self.store.note_unhandled(entry, unhandled.reason()).await {
            tracing::debug!(event = %unhandled.event_id(), %error, "what the bot does not work on left no row");
        }
    }

    /// Counts what nobody works on, and no more.
    pub fn pass(&self, source: Source, unhandled: &Unhandled) {
        let [resource, event] = unhandled.labels();
        self.metrics.unhandled(source.as_str(), resource, event);
        let (id, kind) = (unhandled.event_id(), unhandled.kind());
        tracing::debug!(event = %id, kind, %source, "Webex told of something that the bot does not work on");
    }

    /// Ends when an event of the bot's own was delivered; it may have been a moment ago.
    pub async fn own(&self, event: Uuid) {
        // The sender lives as long as `self`.
        let _ = self.own.subscribe().wait_for(|own| own.contains(&event)).await;
    }

    fn remember_own(&self, event: Uuid) {
        self.own.send_modify(|own| {
            if own.len() == MOST_OWN {
                own.pop_front();
            }
            own.push_back(event);
        });
    }
}
