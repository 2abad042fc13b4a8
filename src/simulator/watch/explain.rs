//! What the bot knows of an event, asked of whoever runs the bot: the cloud itself cannot look into it.

use futures_util::future::BoxFuture;
use serde::Serialize;

use crate::simulator::Cloud;

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

impl Cloud {
    /// Has the page ask this for what the bot knows of an event. Only the first one counts.
    pub fn explained_by(
        &self,
        explain: impl Fn(String) -> BoxFuture<'static, Option<Explanation>> + Send + Sync + 'static,
    ) {
        // A second bot in one cloud would be another account, whose events nobody asks for.
        let _ = self.inner.explain.set(Box::new(explain));
    }
}
