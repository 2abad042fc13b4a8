//! Reads the letters of outbox rows, including those of versions that knew no kinds of letters.

use serde::Deserialize;
use uuid::Uuid;

use super::{Delete, Destination, Edited, Letter, Post, Thread};
use crate::webex::{FileInfo, MessageId, NewMessage, RoomType};

impl Letter {
    /// The letter of an outbox row.
    ///
    /// # Errors
    /// This version cannot read the letter, because another version wrote it. Leave the row to that version.
    pub fn read(body: &str) -> Result<Letter, serde_json::Error> {
        serde_json::from_str(body).or_else(|error| match serde_json::from_str::<LegacyLetter>(body) {
            Ok(before) => Ok(before.into()),
            Err(_) => Err(error),
        })
    }
}

/// A letter of a version that knew no kinds of letters.
#[derive(Deserialize)]
struct LegacyLetter {
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

impl From<LegacyLetter> for Letter {
    fn from(LegacyLetter { event, room_type, message, file, asks, without_card, remove }: LegacyLetter) -> Letter {
        let NewMessage { room_id, to_person_id, to_person_email, parent_id, text, markdown, files, attachments } =
            message;
        let to = match (room_id, to_person_id) {
            (Some(room), _) => Destination::Space(room, room_type),
            (None, Some(person)) => Destination::Person(person),
            (None, None) => Destination::Email(to_person_email.unwrap_or_default()),
        };
        if let Some(Removal { row, messages, successor }) = remove {
            let delete = Delete::new(to, Edited::Letter(row)).replaced_by(successor);
            return Delete { event: Some(event), messages, ..delete }.into();
        }
        let message = NewMessage { text, markdown, files, attachments, ..NewMessage::default() };
        let thread = parent_id.map(Thread::Message);
        Post { thread, file, asks, without_card, ..Post::of(event, to, message) }.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_post_of_before_threads_had_keys_is_read() {
        let id = Uuid::from_u128(1);
        let body =
            format!(r#"{{"post":{{"event":"{id}","to":{{"email":"a@b"}},"thread":"p","message":{{"text":"x"}}}}}}"#);
        let Ok(Letter::Post(post)) = Letter::read(&body) else { panic!("no post") };
        assert_eq!((post.event, &post.thread), (Some(id), &Some(Thread::Message("p".into()))));
        let written = serde_json::to_string(&Letter::Post(post)).unwrap();
        assert_eq!(written, body, "and written as it was");
    }

    #[test]
    fn a_letter_of_before_is_read() {
        let id = Uuid::from_u128(1);
        let post = format!(
            r#"{{"event":"{id}","room_type":"direct","message":{{"roomId":"r","parentId":"p","text":"x"}},"asks":"a"}}"#
        );
        let Ok(Letter::Post(post)) = Letter::read(&post) else { panic!("no post") };
        let root = Some(Thread::Message("p".into()));
        assert_eq!((&post.to, &post.thread), (&Destination::Space("r".into(), RoomType::Direct), &root));
        let delete = format!(
            r#"{{"event":"{id}","room_type":"group","message":{{"roomId":"r"}},"remove":{{"row":"{id}","successor":"{id}"}}}}"#
        );
        let Ok(delete @ Letter::Delete(_)) = Letter::read(&delete) else { panic!("no deletion") };
        for letter in [Letter::Post(post), delete] {
            let entry = letter.clone().into_entry(id);
            assert_eq!(
                Letter::read(&entry.body).ok().map(|read| (read.event(), read.to().clone())),
                Some((Some(id), letter.to().clone()))
            );
        }
    }
}
