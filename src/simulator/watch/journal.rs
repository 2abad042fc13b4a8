//! What happens in the cloud, for its watchers: the chat page, a program on the event stream, a test.

use std::sync::Arc;

use tokio::sync::broadcast;

use super::calls::Call;
use super::deliveries::Delivery;
use crate::simulator::world::change::{MessageChange, WorldChange};
use crate::simulator::world::things::Message;

/// How many happenings a watcher may fall behind.
const FOLLOWED: usize = 4096;

/// One thing that happened.
#[derive(Clone, Debug)]
pub(crate) enum Happening {
    Changed(Arc<WorldChange>),
    Delivered(Arc<Delivery>),
    Called(Arc<Call>),
    /// The faults, the deliveries' settings, the webhooks or the clock have changed.
    State,
}

/// The journal, which tells every watcher what happens.
pub(crate) struct Journal {
    happenings: broadcast::Sender<Happening>,
    said: broadcast::Sender<Message>,
}

impl Default for Journal {
    fn default() -> Self {
        Journal { happenings: broadcast::Sender::new(FOLLOWED), said: broadcast::Sender::new(FOLLOWED) }
    }
}

impl Journal {
    /// Receives everything that happens from now on.
    pub(crate) fn watch(&self) -> broadcast::Receiver<Happening> {
        self.happenings.subscribe()
    }

    /// Receives each message from now on, as it is posted.
    pub(crate) fn listen(&self) -> broadcast::Receiver<Message> {
        self.said.subscribe()
    }

    pub(crate) fn changed(&self, change: WorldChange) {
        if let WorldChange::Message(about) = &change
            && let MessageChange { what: "created", message: Some(message), .. } = &**about
        {
            // There may be no listener.
            let _ = self.said.send(message.clone());
        }
        self.tell(Happening::Changed(Arc::new(change)));
    }

    pub(crate) fn tell(&self, happening: Happening) {
        let _ = self.happenings.send(happening);
    }
}
