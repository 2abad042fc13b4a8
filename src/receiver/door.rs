//! The one door to the inbox: events of every source enter here.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::watch;
use uuid::Uuid;

use crate::event::{Event, Other, Source, Subscription, unhandled_id};
use crate::identity::Identity;
use crate::store::{Entry, Store, StoreError};
use crate::telemetry::{Metrics, Received};

/// The most events of the bot itself that are remembered, for callers who wait for one of them.
const MOST_OWN: usize = 64;

/// Takes events from every source. Cheap to clone.
#[derive(Clone)]
pub struct Door {
    store: Store,
    metrics: Metrics,
    identity: Identity,
    own: Arc<watch::Sender<VecDeque<Uuid>>>,
    wanted: Arc<[Subscription]>,
    raw_limit: usize,
}

impl Door {
    /// A door to this ledger. It drops what the bot did itself, once the bot's identity is known. Of the kinds that the
    /// bot does not work on itself, it takes only those `wanted`. What Webex sent is stored with the event if it has at
    /// most `raw_limit` bytes. If it is longer, as a frame of a websocket may be, none of it is stored.
    pub fn new(
        store: Store,
        metrics: Metrics,
        identity: Identity,
        wanted: Vec<Subscription>,
        raw_limit: usize,
    ) -> Door {
        Door { store, metrics, identity, own: Arc::default(), wanted: wanted.into(), raw_limit }
    }

    /// The kinds of events it takes besides messages, clicks and memberships.
    pub fn wanted(&self) -> &[Subscription] {
        &self.wanted
    }

    /// Whether the bot, or a handler, works on this event.
    pub fn wants(&self, event: &Event) -> bool {
        let Event::Other(other) = event else { return true };
        self.wanted.iter().any(|wanted| wanted.covers(other))
    }

    /// Puts an event into the ledger, unless nobody works on it, the bot caused it, or it is there already. It is on
    /// disk when this returns. `raw` holds the exact bytes that were sent, if any were. They are stored with the
    /// event, to be looked at later, unless they are too long.
    ///
    /// # Errors
    /// The ledger could not take the event. Do not acknowledge it: a websocket sends it again, and catch-up finds the
    /// message of a webhook.
    pub async fn take(&self, source: Source, event: &Event, raw: Option<Bytes>) -> Result<Received, StoreError> {
        if let Event::Other(other) = event
            && !self.wants(event)
        {
            self.note(source, other, raw).await;
            return Ok(Received::Ignored);
        }
        if source.is_delivery() {
            self.metrics.delivery_proven();
        }
        let outcome = if self.identity.get().is_some_and(|me| event.is_by(&me.id)) {
            if source.is_delivery() {
                self.remember_own(event.event_id());
            }
            Received::Own
        } else if self.store.put(self.entry(event, raw)).await? {
            Received::Accepted
        } else {
            Received::Duplicate
        };
        self.metrics.event(source.as_str(), event.resource(), outcome);
        Ok(outcome)
    }

    /// Counts an event that nobody works on, and leaves a row so that it can be explained. Websocket frames without an
    /// id leave no row, since they never stop. If the ledger does not take the row, the delivery is acknowledged all
    /// the same.
    async fn note(&self, source: Source, other: &Other, raw: Option<Bytes>) {
        let ([resource, event], kind) = (other.labels(), other.kind());
        self.metrics.unhandled(source.as_str(), resource, event);
        tracing::debug!(kind, %source, "Webex told of something that the bot does not work on");
        // A frame of a websocket has its own id. Deliveries of a webhook are the same if their bytes are.
        let id = match (source, &raw) {
            (Source::Webhook, Some(raw)) => unhandled_id(raw),
            _ if other.id.is_none() => return,
            _ => other.delivery,
        };
        let event = Event::Other(other.without_data());
        let (entry, reason) =
            (Entry { id, raw: self.kept(raw), ..event.to_entry() }, format!("the bot does not work on {kind}"));
        if let Err(error) = self.store.note_unhandled(entry, reason).await {
            tracing::debug!(event = %id, %error, "what the bot does not work on left no row");
        }
    }

    /// Waits until an event of the bot itself was delivered. Returns at once if that was a moment ago.
    pub async fn own(&self, event: Uuid) {
        // The sender lives as long as `self`.
        let _ = self.own.subscribe().wait_for(|own| own.contains(&event)).await;
    }

    /// The row of an event, with the bytes that are stored. Those of a hook are worked on, and its own limits were
    /// checked.
    fn entry(&self, event: &Event, raw: Option<Bytes>) -> Entry {
        match event {
            Event::Hook(_) => Entry { raw, is_payload: true, ..event.to_entry() },
            _ => Entry { raw: self.kept(raw), ..event.to_entry() },
        }
    }

    /// The bytes that are stored: none if there are more than the limit.
    fn kept(&self, raw: Option<Bytes>) -> Option<Bytes> {
        raw.filter(|raw| raw.len() <= self.raw_limit)
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
