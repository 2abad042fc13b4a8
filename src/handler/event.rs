//! Handlers of Webex's other events, besides messages, clicks and memberships.

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

/// A function that is called for one kind of event.
#[derive(Clone)]
pub struct EventHandler {
    pub(crate) subscription: Subscription,
    handler: Arc<Handler>,
}

impl EventHandler {
    /// A handler of one event of a resource, both as Webex names them for webhooks, such as `rooms` and `updated`.
    pub(crate) fn new<H, F>(resource: &str, event: &str, handler: H) -> EventHandler
    where
        H: Fn(EventContext, Value) -> F + Send + Sync + 'static,
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let handler: Arc<Handler> = Arc::new(move |context, data| Box::pin(handler(context, data)));
        EventHandler { subscription: Subscription { resource: resource.to_owned(), event: event.to_owned() }, handler }
    }

    /// Runs the handler. What it says elsewhere is in the reply, which has no text of its own.
    pub(crate) fn run(&self, context: EventContext, data: Value) -> impl Future<Output = Result<Reply>> + Send + use<> {
        let (handler, elsewhere) = (Arc::clone(&self.handler), context.elsewhere.clone());
        async move { elsewhere.beside(handler(context, data).await.map(|()| Reply::default())) }
    }
}

impl fmt::Debug for EventHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Subscription { resource, event } = &self.subscription;
        write!(f, "EventHandler({resource}/{event})")
    }
}

/// Checks all event handlers of a bot.
///
/// # Errors
/// A handler would never be called, or two handlers take the same event. Both are mistakes of the program.
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

/// What an event handler is given besides the event's data.
#[derive(Clone)]
pub struct EventContext {
    pub(crate) subscription: Subscription,
    pub(crate) actor: Option<PersonId>,
    pub(crate) reference: String,
    pub(crate) services: Arc<Services>,
    pub(crate) elsewhere: Elsewhere,
}

impl EventContext {
    /// Webex's name of the resource that the event is about, such as `rooms`.
    pub fn resource(&self) -> &str {
        &self.subscription.resource
    }

    /// What happened, such as `updated`.
    pub fn event(&self) -> &str {
        &self.subscription.event
    }

    /// The person who did it, if Webex says who.
    pub fn actor(&self) -> Option<&PersonId> {
        self.actor.as_ref()
    }

    /// The event's reference, for a log: `switchboard explain` takes it.
    pub fn reference(&self) -> &str {
        &self.reference
    }

    /// The client of Webex, for looking things up. A change that a handler makes there is made again if the event is
    /// tried again.
    pub fn webex(&self) -> &Client {
        &self.services.webex
    }

    /// Says something. It is written to disk when the handler returns, and only once, however often the event is tried.
    /// If the handler fails, it is not said.
    pub fn say(&self, to: Destination, reply: Reply) {
        self.elsewhere.push(to, reply);
    }
}
