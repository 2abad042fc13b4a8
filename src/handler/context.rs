//! What a handler is given.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use uuid::Uuid;

use super::{Attached, Command};
use crate::access::{Policy, Sender};
use crate::card::Cards;
use crate::config::{self, Mode};
use crate::store::{Store, StoreError};
use crate::telemetry::Metrics;
use crate::webex::{Client, MessageId, RoomId, RoomType};

/// Who asks, where, and what the bot knows.
#[derive(Clone)]
pub struct Context {
    pub(crate) sender: Sender,
    pub(crate) room: RoomId,
    pub(crate) room_type: RoomType,
    pub(crate) message: MessageId,
    pub(crate) thread: Option<MessageId>,
    pub(crate) text: String,
    /// The event by which it was said.
    pub(crate) event: Uuid,
    pub(crate) files: Vec<String>,
    pub(crate) deadline: Instant,
    pub(crate) services: Arc<Services>,
}

/// What the daemon shares with its commands.
pub(crate) struct Services {
    pub webex: Client,
    pub store: Store,
    pub metrics: Metrics,
    pub mode: Mode,
    pub files: config::Files,
    pub conversations: config::Conversations,
    pub policy: Policy,
    pub started: Instant,
    pub commands: Vec<Command>,
    /// None where `cards.enabled` is off.
    pub cards: Option<Cards>,
}

impl Services {
    /// Whether somebody may give a command there.
    ///
    /// # Errors
    /// The rule by which they may not.
    pub fn may(&self, who: &Sender, room: &RoomId, kind: RoomType, command: &Command) -> Result<(), &'static str> {
        self.policy.permits(command.permission(), &who.id, &who.email, room, kind)
    }
}

impl Context {
    /// Who asks, or who clicked.
    pub fn sender(&self) -> &Sender {
        &self.sender
    }

    /// The space it was asked in.
    pub fn room(&self) -> &RoomId {
        &self.room
    }

    /// Whether nobody but the sender reads the answer.
    pub fn is_direct(&self) -> bool {
        self.room_type == RoomType::Direct
    }

    /// The message that asks, or the one with the card that was clicked.
    pub fn message(&self) -> &MessageId {
        &self.message
    }

    /// The root of the thread it was asked in, or that the card is in or begins; the reply stays there by itself.
    pub fn thread(&self) -> Option<&MessageId> {
        self.thread.as_ref()
    }

    /// The whole message, without the mention of the bot; empty for a click.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What is attached to the message. Webex is asked nothing until one of them is.
    pub fn files(&self) -> Vec<Attached> {
        self.files.iter().map(|address| Attached::new(self, address)).collect()
    }

    /// What Webex sent when it was said, to the byte: the body of a webhook, or a frame of a websocket. None where Webex
    /// sent nothing, since it was found by polling or catch-up, and where that is not kept any more.
    pub(crate) async fn raw(&self) -> std::result::Result<Option<Bytes>, StoreError> {
        self.services.store.raw(self.event).await
    }

    /// The commands that whoever asks may give here.
    pub(crate) fn commands(&self) -> impl Iterator<Item = &Command> {
        let may = |command: &&Command| self.services.may(&self.sender, &self.room, self.room_type, command).is_ok();
        self.services.commands.iter().filter(may)
    }

    /// Webex, for looking things up. What is to be said goes into the [`Reply`](super::Reply): what a handler posts
    /// itself is posted again when the event is tried again.
    pub fn webex(&self) -> &Client {
        &self.services.webex
    }
}
