//! What the bot knows of an event. The program that runs the bot is asked: the cloud cannot look into it.

use futures_util::future::BoxFuture;
use serde::Serialize;

/// What became of an event in the bot.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The bot's id of it.
    pub event_id: String,
    /// What people are told when it fails.
    pub reference: String,
    /// Such as `open` or `done`.
    pub state: String,
    /// How often it was tried.
    pub attempts: u32,
    /// Its life, a sentence each.
    pub lines: Vec<String>,
    /// The Webex ids of the messages that answered it.
    pub replies: Vec<String>,
}

/// Takes the Webex id of a message, a click or a membership.
pub(crate) type Explain = Box<dyn Fn(String) -> BoxFuture<'static, Option<Explanation>> + Send + Sync>;
