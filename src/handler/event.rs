//! Handlers of what else Webex tells of, besides messages, clicks and memberships.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;

use super::{Elsewhere, Reply, Result, Services};
use crate::event::Subscription;
use crate::outbox::Destination;
use crate::webex::{Client, PersonId};

type Handler = dyn Fn(EventContext, Value) -> Pin<Box<dyn Future<Output = Result<()>> + Send>> + Send + Sync;

/// Is called for one kind of event.
#[derive(Clone)]
pub struct EventHandler {
    pub(crate) subscription: Subscription,
    handler: Arc<Handler>,
}

impl EventHandler {
    /// For this event of this resource, as Webex names them for webhooks: such as `rooms` and `updated`.
    pub(crate) fn new<H, F>(resource: &str, event: &str, handler: H) -> EventHandler
    where
        H: Fn(EventContext, Value) -> F + Send + Sync + 'static,
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let handler: Arc<Handler> = Arc::new(move |context, data| Box::pin(handler(context, data)));
        EventHandler { subscription: Subscription { resource: resource.to_owned(), event: event.to_owned() }, handler }
    }

    /// What it says, as a reply that says nothing else.
    pub(crate) async fn run(&self, context: EventContext, data: Value) -> Result<Reply> {
        let elsewhere = context.elsewhere.clone();
        elsewhere.beside((self.handler)(context, data).await.map(|()| Reply::default()))
    }
}

impl fmt::Debug for EventHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Subscription { resource, event } = &self.subscription;
        write!(f, "EventHandler({resource}/{event})")
    }
}

/// Looks at all handlers of events of a bot.
///
/// # Errors
/// A handler that would never be called, or two for the same.
pub(crate) fn check_events(events: &[EventHandler]) -> anyhow::Result<()> {
    for (nth, EventHandler { subscription, .. }) in events.iter().enumerate() {
        let Subscription { resource, event } = subscription;
        if let Some(wrong) = subscription.wrong() {
            anyhow::bail!("the handler of {resource}/{event}: {wrong}");
        }
        let is_new = events[..nth].iter().all(|other| other.subscription != *subscription);
        anyhow::ensure!(is_new, "two handlers take {resource}/{event}; make one of them");
    }
    Ok(())
}

/// What a handler of events is given beside the event's data.
#[derive(Clone)]
pub struct EventContext {
    pub(crate) subscription: Subscription,
    pub(crate) actor: Option<PersonId>,
    pub(crate) reference: String,
    pub(crate) services: Arc<Services>,
    pub(crate) elsewhere: Elsewhere,
}

impl EventContext {
    /// Webex's name of what it happened to, such as `rooms`.
    pub fn resource(&self) -> &str {
        &self.subscription.resource
    }

    /// What happened, such as `updated`.
    pub fn event(&self) -> &str {
        &self.subscription.event
    }

    /// Who did it, if Webex says so.
    pub fn actor(&self) -> Option<&PersonId> {
        self.actor.as_ref()
    }

    /// The event's reference, for a log: `switchboard explain` takes it.
    pub fn reference(&self) -> &str {
        &self.reference
    }

    /// Webex, for looking things up. Whatever is changed there is changed again when the event is tried again.
    pub fn webex(&self) -> &Client {
        &self.services.webex
    }

    /// Says something. It is put on disk once the handler has returned, and once however often the event is tried; after an
    /// error nothing is said.
    pub fn say(&self, to: Destination, reply: Reply) {
        self.elsewhere.push(to, reply);
    }
}
