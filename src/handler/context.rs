//! What a handler is given.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use uuid::Uuid;

use super::{Attached, CommandSpec, Elsewhere, Reply, Services};
use crate::access::Sender;
use crate::outbox::Destination;
use crate::store::StoreError;
use crate::webex::{Client, MessageId, RoomId, RoomType};

/// Who asks, where, and what the bot knows.
#[derive(Clone)]
pub struct Context {
    pub(crate) sender: Sender,
    pub(crate) room: RoomId,
    pub(crate) room_type: RoomType,
    pub(crate) origin: Origin,
    pub(crate) thread: Option<MessageId>,
    pub(crate) text: String,
    /// The event by which it was said.
    pub(crate) event: Uuid,
    pub(crate) files: Vec<String>,
    pub(crate) elsewhere: Elsewhere,
    pub(crate) deadline: Instant,
    pub(crate) services: Arc<Services>,
}

/// What made a command run, or an action of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// Somebody wrote this message: a command, or the answer to a question.
    Message(MessageId),
    /// Somebody pressed a button on the card of this message.
    Click(MessageId),
}

impl Origin {
    /// The message that asks, or that the card is in.
    pub(crate) fn message(&self) -> &MessageId {
        match self {
            Origin::Message(message) | Origin::Click(message) => message,
        }
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

    /// What made it run.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The message that asks, or the one with the card that was clicked. None where no message made it run; today there always
    /// is one.
    pub fn message(&self) -> Option<&MessageId> {
        Some(self.origin.message())
    }

    /// The root of the thread it was asked in, or that the card is in or begins; the reply stays there by itself.
    pub fn thread(&self) -> Option<&MessageId> {
        self.thread.as_ref()
    }

    /// The whole message, without the mention of the bot; empty where nothing was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What is attached to the message. Webex is asked nothing until one of them is.
    pub fn files(&self) -> Vec<Attached> {
        self.files.iter().map(|address| Attached::new(&self.services, self.deadline, address)).collect()
    }

    /// What Webex sent when it was said, to the byte: the body of a webhook, or a frame of a websocket. None where Webex
    /// sent nothing, since it was found by polling or catch-up, where it was too long to be kept, and where it is not kept any more.
    pub(crate) async fn raw(&self) -> std::result::Result<Option<Bytes>, StoreError> {
        self.services.store.raw(self.event).await
    }

    /// The commands that whoever asks may give here.
    pub fn commands(&self) -> Vec<CommandSpec> {
        let commands = self.services.commands();
        commands.iter().filter(|command| self.may_give(command).is_ok()).cloned().collect()
    }

    /// Whether whoever asks may give this command here.
    ///
    /// # Errors
    /// The rule by which they may not.
    pub(crate) fn may_give(&self, command: &CommandSpec) -> std::result::Result<(), &'static str> {
        let (Sender { id, email }, permission) = (&self.sender, command.permission());
        self.services.policy.permits(permission, id, email, &self.room, self.room_type)
    }

    /// Webex, for looking things up. What is to be said goes into the [`Reply`]: what a handler posts
    /// itself is posted again when the event is tried again.
    pub fn webex(&self) -> &Client {
        &self.services.webex
    }

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
