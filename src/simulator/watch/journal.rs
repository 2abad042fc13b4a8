//! What happens in the cloud, for whoever watches: the chat page, a program on the event stream, a test.

use std::sync::Arc;

use serde::Serialize;
use tokio::sync::broadcast;

use super::calls::Call;
use crate::simulator::delivery::manner::Delivery;
use crate::simulator::world::messages::Message;
use crate::simulator::world::people::Account;

/// Whoever watches may fall so many happenings behind.
const FOLLOWED: usize = 4096;

/// A change of the world that people see.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Message(Box<MessageChange>),
    /// Its title, its members, that it is there at all.
    Room(String),
    Person(Box<Account>),
}

/// Something about one message.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageChange {
    pub(crate) what: &'static str,
    pub(crate) room_id: String,
    pub(crate) id: String,
    /// None once it is deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<Message>,
}

impl Change {
    pub(crate) fn said(message: &Message) -> Change {
        Change::message("created", message)
    }

    pub(crate) fn edited(message: &Message) -> Change {
        Change::message("updated", message)
    }

    pub(crate) fn deleted(room_id: &str, id: &str) -> Change {
        let (room_id, id) = (room_id.to_owned(), id.to_owned());
        Change::Message(Box::new(MessageChange { what: "deleted", room_id, id, message: None }))
    }

    fn message(what: &'static str, message: &Message) -> Change {
        Change::Message(Box::new(MessageChange {
            what,
            room_id: message.room_id.clone(),
            id: message.id.clone(),
            message: Some(message.clone()),
        }))
    }
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub(crate) enum Happening {
    Changed(Arc<Change>),
    Delivered(Arc<Delivery>),
    Called(Arc<Call>),
    /// The faults, the manner of deliveries, the webhooks or the clock are not what they were.
    State,
}

/// Tells everybody who watches.
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
    /// Everything from now on.
    pub(crate) fn watch(&self) -> broadcast::Receiver<Happening> {
        self.happenings.subscribe()
    }

    /// Each message from now on, as it is posted.
    pub(crate) fn listen(&self) -> broadcast::Receiver<Message> {
        self.said.subscribe()
    }

    pub(crate) fn changed(&self, change: Change) {
        if let Change::Message(about) = &change
            && let MessageChange { what: "created", message: Some(message), .. } = &**about
        {
            // Nobody has to listen.
            let _ = self.said.send(message.clone());
        }
        self.tell(Happening::Changed(Arc::new(change)));
    }

    pub(crate) fn tell(&self, happening: Happening) {
        let _ = self.happenings.send(happening);
    }
}
