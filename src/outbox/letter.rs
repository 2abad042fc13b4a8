//! Letters: the messages that wait in the outbox to be posted, edited or deleted.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Destination;
use super::secret::LetterSecret;
use crate::clock;
use crate::store::{Entry, Queue, Urgency};
use crate::text::one_line;
use crate::webex::{FileInfo, MessageId, NewMessage};

/// The body of an outbox row.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Letter {
    /// Posts a message.
    Post(Box<Post>),
    /// Changes the text of a message of the bot.
    Edit(Box<Edit>),
    /// Deletes a message of the bot.
    Delete(Delete),
}

/// The thread that a message is posted in. Threads of Webex have one level: every message in a thread answers its root.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Thread {
    /// The thread of this message, which is its root.
    Message(MessageId),
    /// The thread of this key. The first letter with the key to a destination begins the thread there. When its root is
    /// gone, the next letter with the key begins a new one. A key is forgotten when no letter with it was sent for
    /// `store.retention` plus `store.dedupe`.
    Key {
        /// The key, which can be any text.
        key: String,
    },
}

/// The request to the API that a letter was put for.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct ApiRequest {
    /// The name of the API key.
    pub key: String,
    /// The hash of what was requested, by which a repeat is known.
    pub hash: String,
}

/// A message to be posted.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Post {
    /// The event that the letter belongs to, if it was put for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) event: Option<Uuid>,
    /// The request to the API, if it was put for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) api: Option<ApiRequest>,
    /// The destination.
    pub to: Destination,
    /// The thread at the destination, if it goes into one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<Thread>,
    /// What is posted: a text or markdown, a card, the address of a file. `to` and `thread` say where, not the message.
    pub message: NewMessage,
    /// Whether somebody waits for it.
    #[serde(default, skip_serializing_if = "is_awaited")]
    pub urgency: Urgency,
    /// The file that is posted with the message. Its bytes are stored beside the row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<FileInfo>,
    /// The address of a file that is fetched when the message is sent, and posted with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fetch: Option<String>,
    /// The address of a picture that is fetched when the message is sent, and posted with it. If it cannot be had, the
    /// message is posted without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) picture: Option<String>,
    /// The person whom the message asks something. Their time to answer begins when Webex has the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) asks: Option<String>,
    /// Why the message has no card although it was to have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) without_card: Option<String>,
    /// The secret that is filled into its text when it is posted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) secret: Option<LetterSecret>,
}

/// A message of the bot whose text is to be changed. If several edits wait that name the same message in the same way,
/// only the last is carried out. Two kinds are carried out all the same: an edit that begins a thread; and an edit that
/// is to be posted if it cannot be made, unless a later one is too. Webex allows ten edits of a message, and none of a
/// message with a card or a file.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Edit {
    /// The event that the letter belongs to, if it was put for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) event: Option<Uuid>,
    /// The request to the API, if it was put for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) api: Option<ApiRequest>,
    /// Where the message is. Name the destination as the letter did that posted the message: only then is the edit sent
    /// after that letter. A person's address, their id and the direct space with them are three destinations.
    pub to: Destination,
    /// Which message.
    pub of: Edited,
    /// The new text or markdown. Other fields of this are not used.
    pub message: NewMessage,
    /// What happens to the text if the message cannot be edited.
    #[serde(default)]
    pub otherwise: Otherwise,
    /// Whether somebody waits for it.
    #[serde(default, skip_serializing_if = "is_awaited")]
    pub urgency: Urgency,
    /// The state that the text tells, if letters keep the root of a thread up to date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) state: Option<String>,
    /// Whether such an edit waits for others of the same state, so that one is made of all.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) waits: bool,
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
    /// As the root of the thread with this key.
    Thread(String),
}

/// What happens to the text of an edit if its message cannot be edited: it has had its ten edits, has a card or a file,
/// was deleted, or was never sent.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Otherwise {
    /// The text is not posted. The edit becomes a dead letter that says why.
    #[default]
    Nothing,
    /// The text is posted, in the thread of the message if that exists. With [`Edited::Thread`], if no message has
    /// begun the thread yet, the text begins it and can then be edited by later letters.
    Post,
    /// With [`Edited::Thread`], the text begins the thread anew, with a link to the message that was its root. If no
    /// message has begun the thread yet, the text begins it.
    Begin,
}

/// A message of the bot's own to be deleted.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Delete {
    /// The event that the letter belongs to, if it was put for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) event: Option<Uuid>,
    /// Where the message is, named as in the letter that posted it.
    pub to: Destination,
    /// Which message.
    pub of: Edited,
    /// Further ids of the message at Webex, as far as they are known. The ledger may no longer have the letter that
    /// posted it, and a message that was sent again after an uncertain send is there twice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) messages: Vec<MessageId>,
    /// The letter that replaces the message. If it was not sent, the message stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub successor: Option<Uuid>,
}

impl Letter {
    /// The event that the letter belongs to. None for a letter that was put alone.
    pub(crate) fn event(&self) -> Option<Uuid> {
        match self {
            Letter::Post(post) => post.event,
            Letter::Edit(edit) => edit.event,
            Letter::Delete(delete) => delete.event,
        }
    }

    /// The request to the API that the letter was put for.
    pub(crate) fn api(&self) -> Option<&ApiRequest> {
        match self {
            Letter::Post(post) => post.api.as_ref(),
            Letter::Edit(edit) => edit.api.as_ref(),
            Letter::Delete(_) => None,
        }
    }

    /// The destination.
    pub fn to(&self) -> &Destination {
        match self {
            Letter::Post(post) => &post.to,
            Letter::Edit(edit) => &edit.to,
            Letter::Delete(delete) => &delete.to,
        }
    }

    /// The kind of the letter, in one word.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Letter::Post(_) => "post",
            Letter::Edit(_) => "edit",
            Letter::Delete(_) => "delete",
        }
    }

    /// Makes a row of the outbox, accepted now. Its subject is the person the letter goes to, if it goes to one. Rows
    /// of one destination are sent in the order in which they were made.
    pub(crate) fn into_entry(self, id: Uuid) -> Entry {
        let lane = match &self {
            Letter::Edit(edit) if edit.waits => edit.waiting_lane(),
            _ => self.to().lane(),
        };
        let (urgency, target) = match &self {
            Letter::Post(post) => (post.urgency, None),
            Letter::Edit(edit) => (edit.urgency, Some(edit.of.target())),
            Letter::Delete(_) => (Urgency::Awaited, None),
        };
        Entry {
            id,
            queue: Queue::Outbox,
            lane,
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
    /// A message outside of any thread.
    pub fn new(to: Destination, message: NewMessage) -> Post {
        Post {
            event: None,
            api: None,
            to,
            thread: None,
            message,
            urgency: Urgency::Awaited,
            file: None,
            fetch: None,
            picture: None,
            asks: None,
            without_card: None,
            secret: None,
        }
    }

    /// Posts the message in this thread.
    #[must_use]
    pub fn in_thread(self, thread: Thread) -> Post {
        Post { thread: Some(thread), ..self }
    }

    /// Marks the letter as one that nobody waits for.
    #[must_use]
    pub fn announced(self) -> Post {
        Post { urgency: Urgency::Announced, ..self }
    }

    /// A message that belongs to an event.
    pub(crate) fn of(event: Uuid, to: Destination, message: NewMessage) -> Post {
        Post { event: Some(event), ..Post::new(to, message) }
    }

    /// Whether a file is posted with it, or may be.
    pub(crate) fn has_file(&self) -> bool {
        let is_fetched = self.fetch.is_some() || self.picture.is_some();
        self.file.is_some() || is_fetched || !self.message.files.is_empty()
    }

    /// The message as Webex takes it, in the thread of this root.
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
        let (otherwise, urgency) = (Otherwise::Nothing, Urgency::Awaited);
        Edit { event: None, api: None, to, of, message, otherwise, urgency, state: None, waits: false }
    }

    /// Keeps the root of the thread with this key up to date: the first such letter posts it, the next ones edit it.
    /// Edits that tell the same `state` are gathered, since Webex allows ten: the second waits 5 seconds after the
    /// first, and each further one twice as long. An edit with another state is made at once, and the last of the ten is
    /// kept for it. When no edit is left, the text begins the thread anew, with a link to the old message.
    pub fn keeping(to: Destination, thread: &str, state: &str, message: NewMessage) -> Edit {
        let edit = Edit::new(to, Edited::Thread(thread.to_owned()), message);
        Edit { otherwise: Otherwise::Begin, state: Some(state.to_owned()), ..edit }
    }

    /// The lane in which it waits for others of the same state. Other letters to the destination do not wait for it.
    fn waiting_lane(&self) -> String {
        format!("{} {}", self.to.lane(), self.of.target())
    }

    /// An edit that belongs to an event.
    pub(crate) fn for_event(self, event: Uuid) -> Edit {
        Edit { event: Some(event), ..self }
    }

    /// Posts the text if the message cannot be edited.
    #[must_use]
    pub fn or_post(self) -> Edit {
        Edit { otherwise: Otherwise::Post, ..self }
    }

    /// Marks the letter as one that nobody waits for.
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

    /// Deletes the message only if this letter, which replaces it, was sent.
    #[must_use]
    pub fn replaced_by(self, letter: Uuid) -> Delete {
        Delete { successor: Some(letter), ..self }
    }
}

impl Edited {
    /// The id by which the ledger finds other edits of the same message.
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

impl fmt::Display for Edited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Edited::Message(message) => write!(f, "the message {message}"),
            Edited::Letter(letter) => write!(f, "the message of row {letter}"),
            Edited::Thread(key) => write!(f, "the root of the thread of the key {}", one_line(key)),
        }
    }
}

fn is_awaited(urgency: &Urgency) -> bool {
    *urgency == Urgency::Awaited
}
