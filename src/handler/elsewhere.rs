//! What a handler says elsewhere than in answer.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Context, EventContext, Reply, Result};
use crate::outbox::Destination;

/// Collects what is said while a handler runs. All clones collect into one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Elsewhere(Arc<Mutex<Vec<(Destination, Reply)>>>);

impl Elsewhere {
    fn push(&self, to: Destination, reply: Reply) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((to, reply));
    }

    /// All of it, in order.
    pub fn take(&self) -> Vec<(Destination, Reply)> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The answer with all of it; a failure takes nothing along.
    pub(super) fn beside(&self, answer: Result<Reply>) -> Result<Reply> {
        answer.map(|answer| answer.and_elsewhere(self.take()))
    }
}

impl Context {
    /// Says something elsewhere, beside the answer: to somebody else, or in another space. It is put on disk with the answer,
    /// once the handler has returned one, and once however often the event is tried; after an error nothing is said. Buttons
    /// call the actions of this command.
    ///
    /// ```no_run
    /// use switchboard::{Args, Context, Destination, Reply, Result};
    ///
    /// async fn order(context: Context, args: Args) -> Result<Reply> {
    ///     let dish: String = args.get("dish")?;
    ///     let says = format!("{} would like {dish}.", context.sender().email);
    ///     context.say(Destination::email("kitchen@example.org"), Reply::text(says));
    ///     Ok(Reply::text("The kitchen knows."))
    /// }
    /// ```
    pub fn say(&self, to: Destination, reply: Reply) {
        self.elsewhere.push(to, reply);
    }
}

impl EventContext {
    /// Says something. It is put on disk once the handler has returned, and once however often the event is tried; after an
    /// error nothing is said.
    pub fn say(&self, to: Destination, reply: Reply) {
        self.elsewhere.push(to, reply);
    }
}
