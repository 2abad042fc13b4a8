//! Who the bot is, as Webex says. Everything that must drop the bot's own messages waits for that.

use std::sync::Arc;

use tokio::sync::watch;

use crate::webex::Person;

/// The bot's own person, fetched once. Cheap to clone.
#[derive(Clone)]
pub struct Identity(Arc<watch::Sender<Option<Arc<Person>>>>);

impl Default for Identity {
    fn default() -> Self {
        Identity(Arc::new(watch::Sender::new(None)))
    }
}

/// The doubt about a token that does not belong to a bot: what it is, and what to do.
pub fn doubt(me: &Person) -> Option<(String, &'static str)> {
    const HINT: &str = "use the token of a bot: with this one, whatever that account is told in any space reaches this \
         program, and what it answers comes from that account";
    (!me.is_bot()).then(|| (format!("webex.token is no bot's: it is of {}", me.described()), HINT))
}

impl Identity {
    /// The bot, if it is known already.
    pub fn get(&self) -> Option<Arc<Person>> {
        self.0.borrow().clone()
    }

    /// Makes the bot known.
    pub fn set(&self, me: Person) {
        self.0.send_replace(Some(Arc::new(me)));
    }

    /// Waits until the bot is known.
    pub async fn known(&self) -> Arc<Person> {
        let mut changes = self.0.subscribe();
        loop {
            if let Some(me) = changes.borrow_and_update().clone() {
                return me;
            }
            // The sender lives as long as `self`.
            let _ = changes.changed().await;
        }
    }
}
