//! Changes of the world that people see.

use serde::Serialize;

use super::things::{Account, Message};

/// A change of the world that people see.
#[derive(Clone, Debug)]
pub(crate) enum WorldChange {
    Message(Box<MessageChange>),
    /// A room was opened, deleted, or changed in its title or members.
    Room(String),
    Person(Box<Account>),
}

/// A message was posted, changed or deleted.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageChange {
    pub(crate) what: &'static str,
    pub(crate) room_id: String,
    pub(crate) id: String,
    /// The message as it is now. None if it was deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<Message>,
}

impl WorldChange {
    pub(crate) fn said(message: &Message) -> WorldChange {
        WorldChange::message("created", message)
    }

    pub(crate) fn edited(message: &Message) -> WorldChange {
        WorldChange::message("updated", message)
    }

    pub(crate) fn deleted(room_id: &str, id: &str) -> WorldChange {
        let (room_id, id) = (room_id.to_owned(), id.to_owned());
        WorldChange::Message(Box::new(MessageChange { what: "deleted", room_id, id, message: None }))
    }

    fn message(what: &'static str, message: &Message) -> WorldChange {
        WorldChange::Message(Box::new(MessageChange {
            what,
            room_id: message.room_id.clone(),
            id: message.id.clone(),
            message: Some(message.clone()),
        }))
    }
}
