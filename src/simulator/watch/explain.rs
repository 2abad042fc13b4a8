//! What the bot knows about an event. The program that runs the bot answers this, since the cloud cannot look into the
//! bot.

use futures_util::future::BoxFuture;
use serde::Serialize;

/// What the bot did with an event.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The bot's id of the event.
    pub event_id: String,
    /// The reference of the event, which people are told if it fails.
    pub reference: String,
    /// The state of the event, such as `open` or `done`.
    pub state: String,
    /// How many times the event was tried.
    pub attempts: u32,
    /// The life of the event, one sentence in each line.
    pub lines: Vec<String>,
    /// The Webex ids of the messages that answered the event.
    pub replies: Vec<String>,
}

/// A function that explains an event by the Webex id of a message, a click or a membership.
pub(crate) type Explain = Box<dyn Fn(String) -> BoxFuture<'static, Option<Explanation>> + Send + Sync>;
