//! One method for each endpoint. Paths and HTTP methods are those of Webex's API reference.

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::answer::Expects;
use super::call::{ApiCall, RequestBody};
use super::{
    ActionId, Attachment, AttachmentAction, Client, Error, File, Listed, Listing, Membership, Message, MessageId,
    Person, PersonId, Room, RoomId, RoomType, Webhook, WebhookId, WebhookSpec,
};

/// The largest page Webex gives.
const PAGE: &str = "1000";

/// Page size of a listing of spaces. Usually few of them have moved.
const MOVED: &str = "100";

/// Page size if usually only one message is new.
const FEW: &str = "5";

/// Page size if usually few messages are new.
const LISTED: &str = "50";

/// A message to be posted. Exactly one of the three destinations is set.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct NewMessage {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room_id: Option<RoomId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_person_id: Option<PersonId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_person_email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<MessageId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub markdown: Option<String>,
    /// URLs of files that Webex fetches; at most one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
}

impl NewMessage {
    /// A message with this text and no destination yet.
    pub fn text(text: impl Into<String>) -> NewMessage {
        NewMessage { text: Some(text.into()), ..NewMessage::default() }
    }

    /// Whether it goes to a person and not to a space. Webex then uses the direct space with them, and makes it if
    /// needed.
    pub fn is_to_person(&self) -> bool {
        self.to_person_id.is_some() || self.to_person_email.is_some()
    }
}

impl Client {
    /// The bot itself.
    pub async fn me(&self) -> Result<Person, Error> {
        self.json(self.get("people/me", &["people", "me"])).await
    }

    /// Makes a small call, to find out whether Webex answers at all.
    pub async fn probe(&self) -> Result<(), Error> {
        self.list::<Room>("rooms", self.url(&["rooms"], &[("max", "1")]), 1).await.map(drop)
    }

    /// One person.
    pub async fn person(&self, id: &PersonId) -> Result<Person, Error> {
        self.json(self.get("people/{id}", &["people", id.as_str()])).await
    }

    /// People with this address. Webex searches only the bot's own organisation.
    pub async fn people_by_email(&self, email: &str) -> Result<Vec<Person>, Error> {
        self.list("people", self.url(&["people"], &[("email", email)]), usize::MAX).await
    }

    /// Every space the bot is in, or those of one type.
    pub async fn rooms(&self, kind: Option<RoomType>) -> Result<Vec<Room>, Error> {
        let mut query = vec![("max", PAGE)];
        match kind {
            None => {}
            Some(RoomType::Direct) => query.push(("type", "direct")),
            Some(RoomType::Group) => query.push(("type", "group")),
        }
        self.list("rooms", self.url(&["rooms"], &query), usize::MAX).await
    }

    /// The spaces in which something happened since this time, and possibly others. All spaces if no time is given.
    pub async fn rooms_since(&self, since: Option<Timestamp>) -> Listing<Room> {
        let Some(since) = since else {
            return self.list_while("rooms", self.url(&["rooms"], &[("max", PAGE)]), usize::MAX, |_| true).await;
        };
        let url = self.url(&["rooms"], &[("sortBy", "lastactivity"), ("max", MOVED)]);
        self.list_while("rooms", url, usize::MAX, |rooms: &[Room]| {
            // It is not documented that the newest come first. If they do not, all pages are read.
            let newest_first = rooms.is_sorted_by(|one, other| one.last_activity >= other.last_activity);
            let reached = rooms.last().is_some_and(|room| room.last_activity.is_some_and(|activity| activity < since));
            !(newest_first && reached)
        })
        .await
    }

    /// One space.
    pub async fn room(&self, id: &RoomId) -> Result<Room, Error> {
        self.json(self.get("rooms/{id}", &["rooms", id.as_str()])).await
    }

    /// The members of a space.
    pub async fn memberships(&self, room: &RoomId) -> Result<Vec<Membership>, Error> {
        let url = self.url(&["memberships"], &[("roomId", room.as_str()), ("max", PAGE)]);
        self.list("memberships", url, usize::MAX).await
    }

    /// Whether somebody is in a space that the bot is in.
    pub async fn is_member(&self, room: &RoomId, person: &PersonId) -> Result<bool, Error> {
        let url = self.url(&["memberships"], &[("roomId", room.as_str()), ("personId", person.as_str())]);
        let found = self.list::<Membership>("memberships", url, usize::MAX).await?;
        Ok(found.iter().any(|membership| membership.person_id == *person))
    }

    /// Posts a message. It is not repeated here, since Webex has no key by which to recognise a repeat.
    pub async fn create_message(&self, message: &NewMessage) -> Result<Message, Error> {
        let body = RequestBody::json("messages", message)?;
        self.json(self.call("messages", Method::POST, &["messages"], body)).await
    }

    /// Posts a message with a local file. It can have only one file, and no card.
    pub async fn upload(&self, message: &NewMessage, file: File) -> Result<Message, Error> {
        if !message.attachments.is_empty() || !message.files.is_empty() {
            let cause = "a message has one file and no card beside it; send them as two messages".to_owned();
            return Err(Error::Unsendable { endpoint: "messages", cause });
        }
        let fields = [
            ("roomId", message.room_id.as_ref().map(|id| id.to_string())),
            ("toPersonId", message.to_person_id.as_ref().map(|id| id.to_string())),
            ("toPersonEmail", message.to_person_email.clone()),
            ("parentId", message.parent_id.as_ref().map(|id| id.to_string())),
            ("text", message.text.clone()),
            ("markdown", message.markdown.clone()),
        ];
        let fields = fields.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        self.json(self.call("messages", Method::POST, &["messages"], RequestBody::Form(fields, file))).await
    }

    /// One message. In a group space the bot may read only messages that mention it and its own.
    pub async fn message(&self, id: &MessageId) -> Result<Message, Error> {
        self.json(self.get("messages/{id}", &["messages", id.as_str()])).await
    }

    /// The newest `most` messages of a direct space, newest first.
    pub async fn messages(&self, room: &RoomId, most: usize) -> Result<Vec<Message>, Error> {
        let max = most.clamp(1, 100).to_string();
        self.list("messages", self.url(&["messages"], &[("roomId", room.as_str()), ("max", &max)]), most).await
    }

    /// The messages of a direct space, newest first. Pages are read while `more` asks for another, and at most this
    /// many messages.
    pub async fn messages_while(
        &self,
        room: &RoomId,
        most: usize,
        more: impl Fn(&[Message]) -> bool,
    ) -> Result<Vec<Message>, Error> {
        let url = self.url(&["messages"], &[("roomId", room.as_str()), ("max", "100")]);
        self.list_while("messages", url, most, more).await.all()
    }

    /// The newest `most` messages of a group space that mention the bot, newest first.
    pub async fn mentions(&self, room: &RoomId, most: usize) -> Result<Vec<Message>, Error> {
        let max = most.clamp(1, 100).to_string();
        let query = [("roomId", room.as_str()), ("mentionedPeople", "me"), ("max", max.as_str())];
        self.list("messages", self.url(&["messages"], &query), most).await
    }

    /// The messages of a space that the bot may read, said after `since` and until `said`, newest first; at most this
    /// many.
    pub async fn messages_between(
        &self,
        room: &RoomId,
        kind: RoomType,
        since: Timestamp,
        said: Timestamp,
        most: usize,
    ) -> Result<Vec<Message>, Error> {
        let before = (said + SignedDuration::from_millis(1)).to_string();
        let mut query = vec![("roomId", room.as_str()), ("before", before.as_str()), ("max", FEW)];
        if kind == RoomType::Group {
            query.push(("mentionedPeople", "me"));
        }
        let new = |message: &Message| message.created.is_none_or(|created| created > since);
        let url = self.url(&["messages"], &query);
        let mut listed =
            self.list_while("messages", url, most, |listed: &[Message]| listed.last().is_none_or(new)).await.all()?;
        listed.retain(new);
        Ok(listed)
    }

    /// The newest `most` messages of a space that the bot may read, said after `since`, newest first, as far as they
    /// can be read.
    pub async fn messages_since(&self, room: &Room, since: Timestamp, most: usize) -> Listing<Listed> {
        let mut query = vec![("roomId", room.id.as_str()), ("max", LISTED)];
        match room.kind {
            RoomType::Direct => {}
            RoomType::Group => query.push(("mentionedPeople", "me")),
        }
        let new = |message: &Listed| message.created.is_none_or(|created| created > since);
        let url = self.url(&["messages"], &query);
        let mut listing =
            self.list_while("messages", url, most, |listed: &[Listed]| listed.last().is_none_or(new)).await;
        listing.items.retain(new);
        listing
    }

    /// Replaces the text of a message of the bot by the text or markdown of `new`. Webex allows ten edits of a message,
    /// and none of a message with a card or a file.
    pub async fn edit_message(&self, id: &MessageId, room: &RoomId, new: &NewMessage) -> Result<Message, Error> {
        let NewMessage { text, markdown, .. } = new.clone();
        let new = NewMessage { room_id: Some(room.clone()), text, markdown, ..NewMessage::default() };
        let body = RequestBody::json("messages/{id}", &new)?;
        self.json(self.repeatable("messages/{id}", Method::PUT, &["messages", id.as_str()], body)).await
    }

    /// Deletes a message of the bot.
    pub async fn delete_message(&self, id: &MessageId) -> Result<(), Error> {
        self.empty(self.repeatable("messages/{id}", Method::DELETE, &["messages", id.as_str()], RequestBody::None))
            .await
    }

    /// One click on a card, with the values of its inputs.
    pub async fn attachment_action(&self, id: &ActionId) -> Result<AttachmentAction, Error> {
        self.json(self.get("attachment/actions/{id}", &["attachment", "actions", id.as_str()])).await
    }

    /// Every webhook of this token, whoever made it.
    pub async fn webhooks(&self) -> Result<Vec<Webhook>, Error> {
        self.list("webhooks", self.url(&["webhooks"], &[("max", "100")]), usize::MAX).await
    }

    /// One webhook.
    pub async fn webhook(&self, id: &WebhookId) -> Result<Webhook, Error> {
        self.json(self.get("webhooks/{id}", &["webhooks", id.as_str()])).await
    }

    /// Registers a webhook. It is not repeated here, since Webex would make a second one.
    pub async fn create_webhook(&self, spec: &WebhookSpec) -> Result<Webhook, Error> {
        let body = json!({
            "name": spec.name, "targetUrl": spec.target_url, "resource": spec.resource, "event": spec.event,
            "secret": spec.secret.expose_secret(),
        });
        let body = RequestBody::json("webhooks", &body)?;
        self.json(self.call("webhooks", Method::POST, &["webhooks"], body)).await
    }

    /// Sets everything of a webhook that can be changed, and activates it again.
    pub async fn update_webhook(&self, id: &WebhookId, spec: &WebhookSpec) -> Result<Webhook, Error> {
        let body = json!({
            "name": spec.name, "targetUrl": spec.target_url, "secret": spec.secret.expose_secret(), "status": "active",
        });
        let body = RequestBody::json("webhooks/{id}", &body)?;
        self.json(self.repeatable("webhooks/{id}", Method::PUT, &["webhooks", id.as_str()], body)).await
    }

    /// Deletes a webhook.
    pub async fn delete_webhook(&self, id: &WebhookId) -> Result<(), Error> {
        self.empty(self.repeatable("webhooks/{id}", Method::DELETE, &["webhooks", id.as_str()], RequestBody::None))
            .await
    }

    fn get(&self, endpoint: &'static str, segments: &[&str]) -> ApiCall {
        self.repeatable(endpoint, Method::GET, segments, RequestBody::None)
    }

    fn call(&self, endpoint: &'static str, method: Method, segments: &[&str], body: RequestBody) -> ApiCall {
        ApiCall { endpoint, method, url: self.address(segments), body, repeatable: false, expects: Expects::Json }
    }

    fn repeatable(&self, endpoint: &'static str, method: Method, segments: &[&str], body: RequestBody) -> ApiCall {
        ApiCall { repeatable: true, ..self.call(endpoint, method, segments, body) }
    }
}
