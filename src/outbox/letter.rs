//! What waits in the outbox, and what is noted of it once it was sent.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock;
use crate::store::{Entry, Queue};
use crate::webex::{FileInfo, MessageId, NewMessage, PersonId, RoomId, RoomType};

/// The body of an outbox row.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Letter {
    /// A message is posted.
    Post(Box<Post>),
    /// A message of the bot's own is deleted.
    Delete(Delete),
}

/// Where a letter goes.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Destination {
    /// A space, which can be read back if it is direct.
    Space(RoomId, RoomType),
    /// The direct space with a person, which Webex makes if need be.
    Person(PersonId),
    /// The same by their address.
    Email(String),
}

/// A message to be posted.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Post {
    /// The event it belongs to.
    pub event: Uuid,
    /// Where.
    pub to: Destination,
    /// The root of the thread it is posted in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<MessageId>,
    /// What is posted, without where.
    pub message: NewMessage,
    /// The file that is posted with it; its bytes are beside the row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileInfo>,
    /// Whom its message asks something: when Webex has it, their time to answer begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asks: Option<String>,
    /// Why the card that it was to have is not in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without_card: Option<String>,
}

/// A message of the bot's own to be deleted, once another one stands in its place.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Delete {
    /// The event it belongs to.
    pub event: Uuid,
    /// Where the message is.
    pub to: Destination,
    /// The message's row in the ledger, which has Webex's id of it once it was sent.
    pub row: Uuid,
    /// Webex's ids of it as far as they are known besides: the row may be older than what the ledger keeps, and what was
    /// sent again after an uncertain send stands there twice.
    #[serde(default)]
    pub messages: Vec<MessageId>,
    /// The row of what stands in its place. Unless that was sent the message stays.
    pub successor: Uuid,
}

impl Letter {
    /// The event it belongs to.
    pub fn event(&self) -> Uuid {
        match self {
            Letter::Post(post) => post.event,
            Letter::Delete(delete) => delete.event,
        }
    }

    /// Where it goes.
    pub fn to(&self) -> &Destination {
        match self {
            Letter::Post(post) => &post.to,
            Letter::Delete(delete) => &delete.to,
        }
    }

    /// The letter of an outbox row, also of one that is from before there were kinds of them.
    ///
    /// # Errors
    /// Why this version cannot read it.
    pub fn read(body: &str) -> Result<Letter, serde_json::Error> {
        serde_json::from_str(body).or_else(|error| match serde_json::from_str::<Before>(body) {
            Ok(before) => Ok(before.into()),
            Err(_) => Err(error),
        })
    }

    /// A row of the outbox, as of now. `subject` is the address of whoever it is for. Rows of one destination are sent in
    /// the order in which they were made.
    pub fn into_entry(self, id: Uuid, subject: &str) -> Entry {
        Entry {
            id,
            queue: Queue::Outbox,
            lane: self.to().lane(),
            accepted_at: clock::wall_ms(),
            happened_at: 0,
            body: serde_json::to_string(&self).unwrap_or_default(),
            subject: Some(subject.to_owned()),
            label: None,
            file: None,
            raw: None,
        }
    }
}

impl From<Post> for Letter {
    fn from(post: Post) -> Letter {
        Letter::Post(Box::new(post))
    }
}

impl Post {
    /// A message that belongs to an event.
    pub fn of(event: Uuid, to: Destination, message: NewMessage) -> Post {
        Post { event, to, thread: None, message, file: None, asks: None, without_card: None }
    }

    /// As Webex takes it.
    pub fn addressed(&self) -> NewMessage {
        let message = NewMessage { parent_id: self.thread.clone(), ..self.message.clone() };
        match self.to.clone() {
            Destination::Space(room, _) => NewMessage { room_id: Some(room), ..message },
            Destination::Person(person) => NewMessage { to_person_id: Some(person), ..message },
            Destination::Email(email) => NewMessage { to_person_email: Some(email), ..message },
        }
    }
}

impl Destination {
    fn lane(&self) -> String {
        match self {
            Destination::Space(room, _) => room.local(),
            Destination::Person(person) => format!("to {}", person.local()),
            Destination::Email(email) => format!("to {email}"),
        }
    }

    /// Whether nobody but one person reads it.
    pub fn is_direct(&self) -> bool {
        match self {
            Destination::Space(_, kind) => *kind == RoomType::Direct,
            Destination::Person(_) | Destination::Email(_) => true,
        }
    }
}

/// A letter of before there were kinds of them.
#[derive(Deserialize)]
struct Before {
    event: Uuid,
    room_type: RoomType,
    message: NewMessage,
    file: Option<FileInfo>,
    asks: Option<String>,
    without_card: Option<String>,
    remove: Option<Removal>,
}

#[derive(Deserialize)]
struct Removal {
    row: Uuid,
    #[serde(default)]
    messages: Vec<MessageId>,
    successor: Uuid,
}

impl From<Before> for Letter {
    fn from(Before { event, room_type, message, file, asks, without_card, remove }: Before) -> Letter {
        let NewMessage { room_id, to_person_id, to_person_email, parent_id, text, markdown, files, attachments } =
            message;
        let to = match (room_id, to_person_id) {
            (Some(room), _) => Destination::Space(room, room_type),
            (None, Some(person)) => Destination::Person(person),
            (None, None) => Destination::Email(to_person_email.unwrap_or_default()),
        };
        if let Some(Removal { row, messages, successor }) = remove {
            return Letter::Delete(Delete { event, to, row, messages, successor });
        }
        let message = NewMessage { text, markdown, files, attachments, ..NewMessage::default() };
        Post { event, to, thread: parent_id, message, file, asks, without_card }.into()
    }
}

/// What the outbox notes of a letter that Webex has taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Webex's id of the message.
    pub id: String,
    /// Why Webex has it without its card.
    pub without_card: Option<String>,
}

const WITHOUT_CARD: &str = " without its card: ";

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.without_card {
            None => f.write_str(&self.id),
            Some(why) => write!(f, "{}{WITHOUT_CARD}{why}", self.id),
        }
    }
}

impl Receipt {
    /// From what was noted; nothing where no id was, since Webex's answer could not be read.
    pub fn read(note: &str) -> Option<Receipt> {
        let (id, without_card) = match note.split_once(WITHOUT_CARD) {
            Some((id, why)) => (id, Some(why.to_owned())),
            None => (note, None),
        };
        let is_id = !id.is_empty() && !id.contains(char::is_whitespace);
        is_id.then(|| Receipt { id: id.to_owned(), without_card })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_of_before_is_read() {
        let id = Uuid::from_u128(1);
        let post = format!(
            r#"{{"event":"{id}","room_type":"direct","message":{{"roomId":"r","parentId":"p","text":"x"}},"asks":"a"}}"#
        );
        let Ok(Letter::Post(post)) = Letter::read(&post) else { panic!("no post") };
        assert_eq!((&post.to, &post.thread), (&Destination::Space("r".into(), RoomType::Direct), &Some("p".into())));
        let delete = format!(
            r#"{{"event":"{id}","room_type":"group","message":{{"roomId":"r"}},"remove":{{"row":"{id}","successor":"{id}"}}}}"#
        );
        let Ok(delete @ Letter::Delete(_)) = Letter::read(&delete) else { panic!("no deletion") };
        for letter in [Letter::Post(post), delete] {
            let entry = letter.clone().into_entry(id, "");
            assert_eq!(
                Letter::read(&entry.body).ok().map(|read| (read.event(), read.to().clone())),
                Some((id, letter.to().clone()))
            );
        }
    }

    #[test]
    fn a_receipt_is_read_as_it_was_noted() {
        for without_card in [None, Some("Webex answered 400 without its card: or so".to_owned())] {
            let receipt = Receipt { id: "Y2lz".to_owned(), without_card };
            assert_eq!(Receipt::read(&receipt.to_string()), Some(receipt));
        }
        assert_eq!(Receipt::read("Webex answered messages with a body that cannot be read"), None);
        assert_eq!(Receipt::read(""), None);
    }
}
