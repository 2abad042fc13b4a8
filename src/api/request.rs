//! What `POST /api/messages` takes: its fields, read and checked.

use axum::http::HeaderMap;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::answer::Refusal;
use crate::card::Card;
use crate::handler::{Outgoing, Reply};
use crate::outbox::{Urgency, is_on_the_web};
use crate::signature;

/// The header that may hold the idempotency key in place of the field.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The longest idempotency key, in bytes.
const LONGEST_KEY: usize = 255;

/// The fields of a request.
const FIELDS: [&str; 9] =
    ["to", "text", "markdown", "card", "file_url", "thread", "update", "idempotency_key", "priority"];

/// A message to post.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MessageRequest {
    /// Where it goes: the title or id of a space, an email or a person id, or a list of these. All of them have to be
    /// destinations of the key. May be left out if the key has one destination.
    #[serde(default)]
    #[schema(value_type = OneOrMany)]
    pub to: Option<OneOrMany>,
    /// A plain text. Nothing in it formats, links or mentions. A long one is sent in several messages.
    pub text: Option<String>,
    /// Webex markdown in place of the text. It may mention people. A long one is sent in several messages.
    pub markdown: Option<String>,
    /// An Adaptive Card of version 1.3 at most. The text or markdown is read where cards are not shown.
    #[schema(value_type = Option<Object>)]
    pub card: Option<Value>,
    /// The http or https address of a file, which the bot fetches and attaches when it sends the message.
    pub file_url: Option<String>,
    /// The key of a thread, which can be any text. The first message with the key begins the thread, and the others
    /// answer it. Keys are the API key's own.
    pub thread: Option<String>,
    /// Changes the text of the message that began the thread, in place of a further one in it. If that cannot be, the
    /// text is posted in the thread.
    #[serde(default)]
    pub update: bool,
    /// Any text that the caller makes up for this message. A repeat with it posts nothing, and gets the answer of the
    /// first. The header `Idempotency-Key` does the same.
    pub idempotency_key: Option<String>,
    /// Whether somebody waits for the message. Replies, and what is high, go first if Webex slows the bot down.
    #[serde(default)]
    pub priority: Priority,
}

/// A text, or a list of texts.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(untagged, expecting = "has to be a text or a list of texts")]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// Which messages go first.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Priority {
    High,
    #[default]
    Normal,
}

/// A request that was read.
pub(super) struct ParsedRequest {
    pub message: MessageRequest,
    /// The hash of everything in it but the idempotency key.
    pub hash: String,
}

impl ParsedRequest {
    /// Reads a body.
    ///
    /// # Errors
    /// It is no JSON, or one of its fields is wrong.
    pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Result<ParsedRequest, Refusal> {
        let place = |error: serde_json::Error| {
            Refusal::Broken(format!("the body is no JSON at line {}, column {}", error.line(), error.column()))
        };
        let mut value: Value = serde_json::from_slice(body).map_err(place)?;
        let Some(fields) = value.as_object_mut() else {
            return Err(Refusal::invalid("body", "has to be an object: {\"text\": \"...\"}"));
        };
        if let Some(unknown) = fields.keys().find(|field| !FIELDS.contains(&field.as_str())) {
            return Err(Refusal::invalid(unknown, format!("is no field; there are {}", FIELDS.join(", "))));
        }
        let mut message: MessageRequest =
            serde_path_to_error::deserialize(&value).map_err(|error| not_of_its_kind(&error.path().to_string()))?;
        message.idempotency_key = idempotency_key(headers, message.idempotency_key)?;
        if let Some(fields) = value.as_object_mut() {
            fields.remove("idempotency_key");
        }
        Ok(ParsedRequest { message, hash: hex::encode(signature::digest(value.to_string().as_bytes())) })
    }
}

/// The refusal of a value of another kind than its field takes.
fn not_of_its_kind(place: &str) -> Refusal {
    let field = place.split(['.', '[']).next().unwrap_or_default();
    let has_to_be = match field {
        "to" => "a text or a list of texts",
        "update" => "true or false",
        "priority" => "high or normal",
        _ => "a text",
    };
    Refusal::invalid(field, format!("has to be {has_to_be}"))
}

/// The idempotency key, from the body or from the header.
fn idempotency_key(headers: &HeaderMap, field: Option<String>) -> Result<Option<String>, Refusal> {
    let wrong = |error: &str| Err(Refusal::invalid("idempotency_key", error));
    if headers.get_all(IDEMPOTENCY_KEY).iter().count() > 1 {
        return Err(Refusal::Broken("the header Idempotency-Key is there twice; give it once".to_owned()));
    }
    let header = match headers.get(IDEMPOTENCY_KEY).map(|value| value.to_str()) {
        None => None,
        Some(Ok(text)) => Some(text.trim().to_owned()),
        Some(Err(_)) => return wrong("is in the header Idempotency-Key, with other characters than those of ASCII"),
    };
    match (field, header) {
        (Some(field), Some(header)) if field != header => {
            wrong("is another one than in the header Idempotency-Key; give one of them")
        }
        (field, header) => match field.or(header) {
            Some(key) if key.trim().is_empty() => wrong("is empty"),
            Some(key) if key.len() > LONGEST_KEY => wrong("is longer than 255 bytes"),
            key => Ok(key),
        },
    }
}

impl MessageRequest {
    /// The messages that it needs. A file goes with the last.
    ///
    /// # Errors
    /// A field is wrong, or contradicts another one.
    pub(super) fn parts(&self) -> Result<Vec<Outgoing>, Refusal> {
        let mut parts = self.reply()?.into_messages();
        if self.file_url.is_some() {
            let mut last = parts.pop().unwrap_or_default();
            last.fetch.clone_from(&self.file_url);
            parts.push(last);
        }
        Ok(parts)
    }

    /// What is to be said, without the file.
    fn reply(&self) -> Result<Reply, Refusal> {
        let MessageRequest { text, markdown, card, file_url, thread, update, .. } = self;
        let wrong = |field: &str, error: &str| Err(Refusal::invalid(field, error));
        if thread.as_ref().is_some_and(|thread| thread.trim().is_empty()) {
            return wrong("thread", "is empty; leave it out for a message outside of any thread");
        }
        let (field, reply) = match (text, markdown) {
            (Some(_), Some(_)) => return wrong("markdown", "is there beside text; give one of them"),
            (Some(text), None) => ("text", Reply::text(text)),
            (None, Some(markdown)) => ("markdown", Reply::markdown(markdown)),
            (None, None) => ("text", Reply::default()),
        };
        let has_words = text.is_some() || markdown.is_some();
        if reply.is_empty() && has_words {
            return wrong(field, "is empty");
        }
        if !has_words && card.is_none() && file_url.is_none() {
            return wrong("text", "is missing; give text, markdown, card or file_url");
        }
        // A click runs a command in the name of whoever clicks, and a script must not choose which.
        if card.as_ref().is_some_and(Card::submits) {
            return wrong("card", "has a button that submits, and a card of the API can only show and link");
        }
        match file_url {
            Some(url) if !is_on_the_web(url) => return wrong("file_url", "is no http or https address"),
            Some(_) if card.is_some() => return wrong("file_url", "is there beside card; a message has one of them"),
            Some(_) if *update => return wrong("file_url", "is there beside update, which changes only text"),
            Some(_) | None => {}
        }
        match (thread, update, card) {
            (None, true, _) => return wrong("update", "needs a thread: it changes the message that began it"),
            (_, true, Some(_)) => return wrong("update", "changes only text; a message with a card cannot be changed"),
            (_, _, None) => return Ok(reply),
            (_, false, Some(_)) => {}
        }
        let card = Card::from_json(card.clone().unwrap_or_default());
        Ok(reply.with_card(card.map_err(|error| Refusal::invalid("card", error.to_string()))?))
    }

    pub(super) fn urgency(&self) -> Urgency {
        match self.priority {
            Priority::High => Urgency::Awaited,
            Priority::Normal => Urgency::Announced,
        }
    }

    /// The destinations that it names.
    pub(super) fn named(&self) -> Option<Vec<String>> {
        match self.to.clone()? {
            OneOrMany::One(to) => Some(vec![to]),
            OneOrMany::Many(to) => Some(to),
        }
    }
}

#[cfg(test)]
mod tests {
    use utoipa::PartialSchema;

    use super::*;

    #[test]
    fn the_document_has_the_fields_that_are_read() {
        let schema = serde_json::to_value(MessageRequest::schema()).unwrap();
        let mut documented: Vec<_> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        let mut read = FIELDS;
        documented.sort_unstable();
        read.sort_unstable();
        assert_eq!(documented, read);
        assert_eq!((&schema["additionalProperties"], &schema["required"]), (&false.into(), &Value::Null));
        for field in FIELDS {
            assert!(!schema["properties"][field]["description"].as_str().unwrap_or_default().is_empty(), "{schema}");
            let body = format!("{{\"{field}\": null}}");
            let error = serde_json::from_str::<MessageRequest>(&body).map_err(|error| error.to_string()).err();
            assert!(!error.unwrap_or_default().contains("unknown"), "{field}");
        }
    }
}
