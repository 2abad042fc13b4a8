//! What waits in the outbox: messages to be posted, edited and deleted.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock;
use crate::store::{Entry, Queue, Urgency};
use crate::text::one_line;
use crate::webex::{FileInfo, MessageId, NewMessage, PersonId, RoomId, RoomType};

/// The body of an outbox row.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Letter {
    /// A message is posted.
    Post(Box<Post>),
    /// The text of a message of the bot's own is changed.
    Edit(Box<Edit>),
    /// A message of the bot's own is deleted.
    Delete(Delete),
}

/// Where a letter goes. Letters of one destination are sent in order, and a thread's key holds within it. One person's
/// address, their id and the id of the direct space with them are three destinations: name a person alike in all letters
/// that belong together. Capital letters in an address make no difference.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Destination {
    /// A space, which can be read back if it is direct.
    Space(RoomId, RoomType),
    /// The direct space with a person, which Webex makes if need be.
    Person(PersonId),
    /// The same by their address.
    Email(String),
}

/// The thread that a message is posted in. Webex has threads of one level: everything in one answers its root.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Thread {
    /// That of this root.
    Message(MessageId),
    /// That which the first letter of this key to the same destination begins. When its root is gone, the next letter of
    /// the key begins it anew. A key is forgotten when no letter was sent by it for `store.retention` and `store.dedupe`.
    Key {
        /// Any text.
        key: String,
    },
}

/// A message to be posted.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Post {
    /// The event it belongs to, if it was put for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) event: Option<Uuid>,
    /// Where.
    pub to: Destination,
    /// In which thread there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<Thread>,
    /// What is posted: a text or markdown, a card, the address of a file. Where it goes is said beside it.
    pub message: NewMessage,
    /// How soon.
    #[serde(default, skip_serializing_if = "is_awaited")]
    pub urgency: Urgency,
    /// The file that is posted with it; its bytes are beside the row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<FileInfo>,
    /// Whom its message asks something: when Webex has it, their time to answer begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) asks: Option<String>,
    /// Why the card that it was to have is not in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) without_card: Option<String>,
}

/// A message of the bot's own whose text is to be changed. Of edits that wait and name the message alike only the last is
/// carried out. Two are carried out all the same: one that begins a thread, and one that is posted where it cannot be made,
/// if no later one is. Webex takes ten edits of a message, and none of one with a card or a file.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Edit {
    /// The event it belongs to, if it was put for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) event: Option<Uuid>,
    /// Where the message is, named as in the letter that posted it: only then does the edit come after that letter. The
    /// address, the id and the direct space of one person are three destinations.
    pub to: Destination,
    /// Which message.
    pub of: Edited,
    /// Its new text or markdown; nothing else of this is used.
    pub message: NewMessage,
    /// What becomes of the text if the message cannot be edited.
    #[serde(default)]
    pub otherwise: Otherwise,
    /// How soon.
    #[serde(default, skip_serializing_if = "is_awaited")]
    pub urgency: Urgency,
}

/// How an edit or a deletion names its message.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Edited {
    /// By Webex's id.
    Message(MessageId),
    /// By the letter that posts it.
    Letter(Uuid),
    /// As the root of the thread of this key.
    Thread(String),
}

/// What becomes of the text of an edit when its message cannot be edited: it had its ten edits, has a card or a file, was
/// deleted or never sent.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Otherwise {
    /// Nothing: the edit is a dead letter that says why.
    #[default]
    Nothing,
    /// It is posted, in the thread of the message if that is there. With [`Edited::Thread`] it begins the thread where
    /// nothing does, so that such an edit also posts what later ones edit.
    Post,
}

/// A message of the bot's own to be deleted.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Delete {
    /// The event it belongs to, if it was put for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) event: Option<Uuid>,
    /// Where the message is, named as in the letter that posted it.
    pub to: Destination,
    /// Which message.
    pub of: Edited,
    /// Webex's ids of it as far as they are known besides: its letter may be older than what the ledger keeps, and what was
    /// sent again after an uncertain send stands there twice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) messages: Vec<MessageId>,
    /// The letter of what takes its place. Unless that was sent, the message stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub successor: Option<Uuid>,
}

impl Letter {
    /// The event it belongs to; none of a letter that was put alone.
    pub(crate) fn event(&self) -> Option<Uuid> {
        match self {
            Letter::Post(post) => post.event,
            Letter::Edit(edit) => edit.event,
            Letter::Delete(delete) => delete.event,
        }
    }

    /// Where it goes.
    pub fn to(&self) -> &Destination {
        match self {
            Letter::Post(post) => &post.to,
            Letter::Edit(edit) => &edit.to,
            Letter::Delete(delete) => &delete.to,
        }
    }

    /// What it does, in one word.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Letter::Post(_) => "post",
            Letter::Edit(_) => "edit",
            Letter::Delete(_) => "delete",
        }
    }

    /// A row of the outbox, as of now; its subject is the person to whom it goes, if that is one. Rows of one destination
    /// are sent in the order in which they were made.
    pub(crate) fn into_entry(self, id: Uuid) -> Entry {
        let (urgency, target) = match &self {
            Letter::Post(post) => (post.urgency, None),
            Letter::Edit(edit) => (edit.urgency, Some(edit.of.target())),
            Letter::Delete(_) => (Urgency::Awaited, None),
        };
        Entry {
            id,
            queue: Queue::Outbox,
            lane: self.to().lane(),
            accepted_at: clock::wall_ms(),
            body: serde_json::to_string(&self).unwrap_or_default(),
            subject: self.to().person(),
            urgency,
            target,
            ..Entry::default()
        }
    }
}

impl From<Post> for Letter {
    fn from(post: Post) -> Letter {
        Letter::Post(Box::new(post))
    }
}

impl From<Edit> for Letter {
    fn from(edit: Edit) -> Letter {
        Letter::Edit(Box::new(edit))
    }
}

impl From<Delete> for Letter {
    fn from(delete: Delete) -> Letter {
        Letter::Delete(delete)
    }
}

impl Post {
    /// A message, in no thread.
    pub fn new(to: Destination, message: NewMessage) -> Post {
        let urgency = Urgency::Awaited;
        Post { event: None, to, thread: None, message, urgency, file: None, asks: None, without_card: None }
    }

    /// The same in this thread.
    #[must_use]
    pub fn in_thread(self, thread: Thread) -> Post {
        Post { thread: Some(thread), ..self }
    }

    /// The same, and nobody waits for it.
    #[must_use]
    pub fn announced(self) -> Post {
        Post { urgency: Urgency::Announced, ..self }
    }

    /// A message that belongs to an event.
    pub(crate) fn of(event: Uuid, to: Destination, message: NewMessage) -> Post {
        Post { event: Some(event), ..Post::new(to, message) }
    }

    /// As Webex takes it, in the thread of this root.
    pub(crate) fn addressed(&self, root: Option<MessageId>) -> NewMessage {
        let message = NewMessage { parent_id: root, ..self.message.clone() };
        match self.to.clone() {
            Destination::Space(room, _) => NewMessage { room_id: Some(room), ..message },
            Destination::Person(person) => NewMessage { to_person_id: Some(person), ..message },
            Destination::Email(email) => NewMessage { to_person_email: Some(email), ..message },
        }
    }
}

impl Edit {
    /// A new text for a message.
    pub fn new(to: Destination, of: Edited, message: NewMessage) -> Edit {
        Edit { event: None, to, of, message, otherwise: Otherwise::Nothing, urgency: Urgency::Awaited }
    }

    /// The same, posted where the message cannot be edited.
    #[must_use]
    pub fn or_post(self) -> Edit {
        Edit { otherwise: Otherwise::Post, ..self }
    }

    /// The same, and nobody waits for it.
    #[must_use]
    pub fn announced(self) -> Edit {
        Edit { urgency: Urgency::Announced, ..self }
    }
}

impl Delete {
    /// Deletes a message.
    pub fn new(to: Destination, of: Edited) -> Delete {
        Delete { event: None, to, of, messages: Vec::new(), successor: None }
    }

    /// The same, unless this letter, which is to take the place of the message, was not sent.
    #[must_use]
    pub fn replaced_by(self, letter: Uuid) -> Delete {
        Delete { successor: Some(letter), ..self }
    }
}

impl Edited {
    /// What the ledger knows edits of the same message by.
    pub(crate) fn target(&self) -> Uuid {
        const TARGETS: Uuid = Uuid::from_u128(0x8e3b_02c5_5d1c_4c0f_9a57_7f7c_2be4_61d0);
        let name = match self {
            Edited::Message(message) => format!("message/{}", message.local()),
            Edited::Letter(letter) => format!("letter/{letter}"),
            Edited::Thread(key) => format!("thread/{key}"),
        };
        Uuid::new_v5(&TARGETS, name.as_bytes())
    }
}

impl Destination {
    /// A space with others in it, by its id.
    pub fn space(room: impl Into<RoomId>) -> Destination {
        Destination::Space(room.into(), RoomType::Group)
    }

    /// The direct space with somebody, by their email address.
    pub fn email(email: impl Into<String>) -> Destination {
        Destination::Email(email.into())
    }

    /// Who it is for, if that is one person.
    pub(crate) fn person(&self) -> Option<String> {
        match self {
            Destination::Space(..) => None,
            Destination::Person(person) => Some(person.local()),
            Destination::Email(email) => Some(email.clone()),
        }
    }

    /// The name of its lane.
    pub(crate) fn lane(&self) -> String {
        match self {
            Destination::Space(room, _) => room.local(),
            Destination::Person(person) => format!("to {}", person.local()),
            Destination::Email(email) => format!("to {}", email.to_lowercase()),
        }
    }

    /// Whether nobody but one person reads it.
    pub(crate) fn is_direct(&self) -> bool {
        match self {
            Destination::Space(_, kind) => *kind == RoomType::Direct,
            Destination::Person(_) | Destination::Email(_) => true,
        }
    }
}

impl fmt::Display for Edited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Edited::Message(message) => write!(f, "the message {message}"),
            Edited::Letter(letter) => write!(f, "the message of row {letter}"),
            Edited::Thread(key) => write!(f, "the root of the thread of the key {}", one_line(key)),
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Destination::Space(room, _) => write!(f, "the space {room}"),
            Destination::Person(person) => write!(f, "the person {person}"),
            Destination::Email(email) => f.write_str(email),
        }
    }
}

fn is_awaited(urgency: &Urgency) -> bool {
    *urgency == Urgency::Awaited
}
