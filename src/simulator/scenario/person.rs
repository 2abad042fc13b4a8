//! A person at a Webex app, who says things, mentions the bot and presses buttons. A person acts on the cloud directly,
//! so faults of the API do not affect them. A [`Refusal`] says why Webex would not let the person do it.

use serde_json::Value;

use super::cloud::Cloud;
use crate::simulator::world::Refusal;
use crate::simulator::world::draft::{MessageDraft, Upload};
use crate::simulator::world::rooms::RoomDraft;
use crate::simulator::world::things::{Account, Grant, RoomType};

/// A person who acts.
#[derive(Clone)]
pub struct Person {
    cloud: Cloud,
    account: Account,
}

impl Cloud {
    /// The person with this address, who is created if nobody has it.
    pub fn person(&self, email: &str) -> Person {
        Person { account: self.change(|world| world.account(email)), cloud: self.clone() }
    }
}

impl Person {
    /// The person's account, with their token.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// The id of the direct room with the bot, which is opened if needed.
    pub fn direct_room(&self) -> String {
        let bot = self.cloud.bot();
        self.cloud.change(|world| world.direct_room(&self.account, &bot))
    }

    /// Says something to the bot directly, and gives the message's id. It is never refused, however long. To test
    /// Webex's limits, use [`Person::says_in`] with [`Person::direct_room`].
    pub fn says(&self, text: &str) -> String {
        let room = self.direct_room();
        let draft = MessageDraft { text: Some(text.to_owned()), typed: true, ..MessageDraft::default() };
        self.cloud.change(|world| world.put(&self.account, &room, draft, &self.cloud.api_url())).id
    }

    /// Says something in a room without mentioning anybody, and gives the message's id.
    ///
    /// # Errors
    /// The person is not in the room, or the text is empty or too long.
    pub fn says_in(&self, room_id: &str, text: &str) -> Result<String, Refusal> {
        self.post(room_id, MessageDraft { text: Some(text.to_owned()), ..MessageDraft::default() })
    }

    /// Mentions the bot in a space and says something to it, and gives the message's id.
    ///
    /// # Errors
    /// The same errors as [`Person::says_in`].
    pub fn mentions_bot(&self, room_id: &str, text: &str) -> Result<String, Refusal> {
        self.writes(room_id, &self.mentioning(text))
    }

    /// Writes a message in Webex's markdown, with mentions anywhere, and gives its id.
    ///
    /// # Errors
    /// The same errors as [`Person::says_in`].
    pub fn writes(&self, room_id: &str, markdown: &str) -> Result<String, Refusal> {
        self.post(room_id, MessageDraft { markdown: Some(markdown.to_owned()), ..MessageDraft::default() })
    }

    /// Replies in the thread of a message, and gives the reply's id. In a space the reply mentions the bot, which would
    /// not see it otherwise.
    ///
    /// # Errors
    /// There is no such message. Otherwise as with [`Person::says_in`].
    pub fn replies(&self, message_id: &str, text: &str) -> Result<String, Refusal> {
        let parent = self.cloud.world().message_for(&self.account, message_id)?.clone();
        let parent_id = Some(parent.parent_id.unwrap_or(parent.id));
        let draft = match parent.room_type {
            RoomType::Direct => MessageDraft { parent_id, text: Some(text.to_owned()), ..MessageDraft::default() },
            RoomType::Group => {
                MessageDraft { parent_id, markdown: Some(self.mentioning(text)), ..MessageDraft::default() }
            }
        };
        self.post(&parent.room_id, draft)
    }

    /// Submits the card of a message with these inputs, and gives the id of the click.
    ///
    /// # Errors
    /// There is no such message, it has no card, or the card is the person's own.
    pub fn clicks(&self, message_id: &str, inputs: Value) -> Result<String, Refusal> {
        self.cloud.change(|world| world.click(&self.account, message_id, inputs)).map(|action| action.id)
    }

    /// Posts a file to a room, and gives the message's id.
    ///
    /// # Errors
    /// The person is not in the room.
    pub fn uploads(&self, room_id: &str, name: &str, content_type: &str, bytes: &[u8]) -> Result<String, Refusal> {
        self.post(
            room_id,
            MessageDraft { files: vec![Upload::new(name, content_type, bytes)], ..MessageDraft::default() },
        )
    }

    /// Says something to the bot directly with a file beside it, and gives the message's id.
    ///
    /// # Errors
    /// The text is too long.
    pub fn says_with_file(&self, text: &str, name: &str, content_type: &str, bytes: &[u8]) -> Result<String, Refusal> {
        let files = vec![Upload::new(name, content_type, bytes)];
        self.post(&self.direct_room(), MessageDraft { text: Some(text.to_owned()), files, ..MessageDraft::default() })
    }

    /// Changes the text of the person's own message.
    ///
    /// # Errors
    /// The message is somebody else's, has files or cards, or was changed ten times already.
    pub fn edits(&self, message_id: &str, text: &str) -> Result<(), Refusal> {
        let draft = MessageDraft { text: Some(text.to_owned()), typed: true, ..MessageDraft::default() };
        self.cloud.change(|world| {
            let room = world.message_for(&self.account, message_id)?.room_id.clone();
            world.edit(&self.account, message_id, &room, draft).map(|_| ())
        })
    }

    /// Deletes the person's own message.
    ///
    /// # Errors
    /// The message is somebody else's.
    pub fn deletes(&self, message_id: &str) -> Result<(), Refusal> {
        self.cloud.change(|world| world.delete(&self.account, message_id))
    }

    /// Leaves a space.
    ///
    /// # Errors
    /// The person is not in the space.
    pub fn leaves(&self, room_id: &str) -> Result<(), Refusal> {
        self.cloud.change(|world| world.remove_member(&self.account, room_id, &self.account))
    }

    /// Gives a space another title.
    ///
    /// # Errors
    /// The person is not in the space, it is a direct room, or the title is empty.
    pub fn renames(&self, room_id: &str, title: &str) -> Result<(), Refusal> {
        let draft = RoomDraft { title: title.to_owned(), ..RoomDraft::default() };
        self.cloud.change(|world| world.update_room(&self.account, room_id, draft).map(drop))
    }

    /// Deletes a space. In a moderated space somebody who is no moderator only leaves it.
    ///
    /// # Errors
    /// The person is not in the space, or it is a direct room or the general room of a team.
    pub fn deletes_space(&self, room_id: &str) -> Result<(), Refusal> {
        self.cloud.change(|world| world.delete_room(&self.account, room_id))
    }

    /// Makes the person an administrator.
    #[must_use]
    pub fn administers(self) -> Person {
        let account =
            self.cloud.change(|world| world.change_person(&self.account.id, |account| account.is_admin = true));
        Person { account: account.unwrap_or(self.account), cloud: self.cloud }
    }

    /// Lets a program act for the person. Gives what the program needs to renew its access token.
    pub fn authorises(&self) -> Grant {
        self.cloud.change(|world| world.authorise(&self.account))
    }

    /// Adds somebody to a space, and gives the membership's id.
    ///
    /// # Errors
    /// The person is not in the space, or the other one already is.
    pub fn adds(&self, room_id: &str, email: &str) -> Result<String, Refusal> {
        self.cloud.change(|world| {
            let other = world.account(email);
            world.add_member(&self.account, room_id, &other, false).map(|membership| membership.id)
        })
    }

    /// Markdown that mentions the bot, followed by the text as plain text.
    fn mentioning(&self, text: &str) -> String {
        let escaped: String = text.chars().fold(String::new(), |mut escaped, letter| {
            if letter.is_ascii_punctuation() {
                escaped.push('\\');
            }
            escaped.push(letter);
            escaped
        });
        format!("<@personId:{}> {escaped}", self.cloud.inner.bot.id)
    }

    fn post(&self, room_id: &str, draft: MessageDraft) -> Result<String, Refusal> {
        let draft = MessageDraft { typed: true, ..draft };
        let api_url = &self.cloud.api_url();
        self.cloud.change(|world| world.post(&self.account, room_id, draft, api_url)).map(|message| message.id)
    }
}
