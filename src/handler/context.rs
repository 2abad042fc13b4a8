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

/// What a handler is given: who asks and where, what they wrote, and the bot's own services.
#[derive(Clone)]
pub struct Context {
    pub(crate) sender: Sender,
    pub(crate) room: RoomId,
    pub(crate) room_type: RoomType,
    pub(crate) origin: Origin,
    pub(crate) thread: Option<MessageId>,
    pub(crate) text: String,
    /// The event that called the command.
    pub(crate) event: Uuid,
    pub(crate) files: Vec<String>,
    pub(crate) elsewhere: Elsewhere,
    pub(crate) deadline: Instant,
    pub(crate) services: Arc<Services>,
}

/// What made a command or one of its actions run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// Somebody wrote this message: a command, or the answer to a question.
    Message(MessageId),
    /// Somebody pressed a button on the card of this message.
    Click(MessageId),
}

impl Origin {
    /// The message that called the command, or the message of the card.
    pub(crate) fn message(&self) -> &MessageId {
        match self {
            Origin::Message(message) | Origin::Click(message) => message,
        }
    }
}

impl Context {
    /// The person who asked or clicked.
    pub fn sender(&self) -> &Sender {
        &self.sender
    }

    /// The space in which they asked.
    pub fn room(&self) -> &RoomId {
        &self.room
    }

    /// Whether nobody but the sender reads the answer.
    pub fn is_direct(&self) -> bool {
        self.room_type == RoomType::Direct
    }

    /// What made the handler run.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The message that called the command, or the message of the card that was clicked. It is always there today; None
    /// is for handlers that no message makes run.
    pub fn message(&self) -> Option<&MessageId> {
        Some(self.origin.message())
    }

    /// The root of the thread in which they asked, or of the card's thread. The reply goes to that thread by itself.
    pub fn thread(&self) -> Option<&MessageId> {
        self.thread.as_ref()
    }

    /// The whole message, without the mention of the bot. It is empty if nothing was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The files attached to the message. Nothing is fetched until a method of one is called.
    pub fn files(&self) -> Vec<Attached> {
        self.files.iter().map(|address| Attached::new(&self.services, self.deadline, address)).collect()
    }

    /// The exact bytes that Webex sent: the body of a webhook, or a frame of a websocket. None if polling or catch-up
    /// found the event, if the bytes were too long to be kept, or if they are not kept any more.
    pub(crate) async fn raw(&self) -> std::result::Result<Option<Bytes>, StoreError> {
        self.services.store.raw(self.event).await
    }

    /// The commands that the sender may give in this space.
    pub fn commands(&self) -> Vec<CommandSpec> {
        let commands = self.services.commands();
        commands.iter().filter(|command| self.may_give(command).is_ok()).cloned().collect()
    }

    /// Whether the person who asks may give this command here.
    ///
    /// # Errors
    /// The rule by which they may not.
    pub(crate) fn may_give(&self, command: &CommandSpec) -> std::result::Result<(), &'static str> {
        let (Sender { id, email }, permission) = (&self.sender, command.permission());
        self.services.policy.permits(permission, id, email, &self.room, self.room_type)
    }

    /// The client of Webex, for looking things up. Put what you want to say into the [`Reply`]: a message that a
    /// handler posts itself is posted again if the event is tried again.
    pub fn webex(&self) -> &Client {
        &self.services.webex
    }

    /// Says something beside the answer, to somebody else or in another space. It is written to disk together with the
    /// answer that the handler returns, and only once, however often the event is tried. If the handler fails, it is
    /// not said. Buttons call the actions of this command.
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
