//! The one door to the inbox: every way in ends here.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::watch;
use uuid::Uuid;

use crate::event::{Event, Other, Source, Subscription, unhandled_id};
use crate::identity::Identity;
use crate::store::{Entry, Store, StoreError};
use crate::telemetry::{Metrics, Received};

/// So many of the bot's own events are remembered, for whoever waits for one of them.
const MOST_OWN: usize = 64;

/// Takes events, from whichever way in. Cheap to clone.
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
    /// To this ledger; the bot's own doing is left outside once it is known who the bot is. Of what the bot does not work on
    /// itself, only what is `wanted` is taken. What Webex sent of an event is kept with it up to `raw_limit` bytes; of what is
    /// longer, as a frame of a websocket may be, nothing is.
    pub fn new(
        store: Store,
        metrics: Metrics,
        identity: Identity,
        wanted: Vec<Subscription>,
        raw_limit: usize,
    ) -> Door {
        Door { store, metrics, identity, own: Arc::default(), wanted: wanted.into(), raw_limit }
    }

    /// What is taken besides messages, clicks and memberships.
    pub fn wanted(&self) -> &[Subscription] {
        &self.wanted
    }

    /// Whether somebody works on this.
    pub fn wants(&self, event: &Event) -> bool {
        let Event::Other(other) = event else { return true };
        self.wanted.iter().any(|wanted| wanted.covers(other))
    }

    /// Drops what nobody works on, what the bot did itself, and what is there already. On disk when it returns. `raw` is what
    /// Webex sent of it, to the byte, if it sent anything; it is kept for whoever looks unless it is long.
    ///
    /// # Errors
    /// The ledger could not take the event. Do not acknowledge it, so that it is sent again.
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
        } else if self.store.put(Entry { raw: self.kept(raw), ..event.to_entry() }).await? {
            Received::Accepted
        } else {
            Received::Duplicate
        };
        self.metrics.event(source.as_str(), event.resource(), outcome);
        Ok(outcome)
    }

    /// Counts what nobody works on, and leaves a row so that it can be explained. Websocket frames without an id leave
    /// none: they never stop. If the ledger does not take the row, the delivery is acknowledged all the same.
    async fn note(&self, source: Source, other: &Other, raw: Option<Bytes>) {
        let ([resource, event], kind) = (other.labels(), other.kind());
        self.metrics.unhandled(source.as_str(), resource, event);
        tracing::debug!(kind, %source, "Webex told of something that the bot does not work on");
        // A frame of a websocket has an id of its own; of a webhook, the same bytes are the same delivery.
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

    /// Ends when an event of the bot's own was delivered; it may have been a moment ago.
    pub async fn own(&self, event: Uuid) {
        // The sender lives as long as `self`.
        let _ = self.own.subscribe().wait_for(|own| own.contains(&event)).await;
    }

    /// What is kept of what Webex sent.
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
