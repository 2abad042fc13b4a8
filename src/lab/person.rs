//! Somebody in the laboratory. Each act waits until the bot has settled, and gives what the bot said there meanwhile.

use anyhow::Context as _;

use super::filling::{Filled, fill};
use super::running::Running;
use crate::simulator::{self, Message};

/// Somebody who speaks to the bot.
#[derive(Clone)]
pub struct Person {
    pub(super) acts: simulator::Person,
    pub(super) bot: Running,
}

/// A space with the bot in it.
#[derive(Clone, Debug)]
pub struct Space {
    pub(super) id: String,
    pub(super) title: String,
}

impl Space {
    /// Webex's id of it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it is called.
    pub fn title(&self) -> &str {
        &self.title
    }
}

impl Person {
    /// The person's address.
    pub fn email(&self) -> &str {
        &self.acts.account().email
    }

    /// Says something to the bot directly, and gives its answers.
    ///
    /// # Errors
    /// When the bot does not settle, with what is open and what was said.
    pub async fn says(&self, text: &str) -> anyhow::Result<Vec<Message>> {
        self.answered(&self.acts.direct_room(), || Ok(self.acts.says(text))).await
    }

    /// Mentions the bot in a space and says something to it, and gives its answers there.
    ///
    /// # Errors
    /// When the person is not in the space, or the text is empty or too long; and as [`Person::says`].
    pub async fn says_in(&self, space: &Space, text: &str) -> anyhow::Result<Vec<Message>> {
        self.answered(&space.id, || Ok(self.acts.mentions_bot(&space.id, text)?)).await
    }

    /// Replies in the thread of a message, and gives the bot's answers there. In a space the reply mentions the bot.
    ///
    /// # Errors
    /// When the person cannot see the message; and as [`Person::says`].
    pub async fn replies(&self, to: &Message, text: &str) -> anyhow::Result<Vec<Message>> {
        self.answered(&to.room_id, || Ok(self.acts.replies(&to.id, text)?)).await
    }

    /// Sends the bot a file directly, with a text beside it, and gives its answers.
    ///
    /// # Errors
    /// As [`Person::says`].
    pub async fn uploads(
        &self,
        text: &str,
        name: &str,
        content_type: &str,
        bytes: &[u8],
    ) -> anyhow::Result<Vec<Message>> {
        let act = || Ok(self.acts.says_with_file(text, name, content_type, bytes)?);
        self.answered(&self.acts.direct_room(), act).await
    }

    /// Presses a button on a card by its title, and gives the bot's answers there. Inputs are named by their ids; what is
    /// left out is as the card has it: `[("size", "large")]`, `()` or JSON.
    ///
    /// # Errors
    /// When nobody could do so in an app of Webex: there is no such button or input, something required is left out, or a
    /// choice is none; each with what there is. And as [`Person::says`].
    pub async fn presses(
        &self,
        card: &Message,
        title: &str,
        inputs: impl Into<Filled>,
    ) -> anyhow::Result<Vec<Message>> {
        let shown = card.attachments.first().and_then(|card| card.get("content"));
        let shown = shown.with_context(|| format!("there is no card at the message {:?}", card.said()))?;
        let sent = fill(shown, title, inputs.into())?;
        self.answered(&card.room_id, || Ok(self.acts.clicks(&card.id, sent)?)).await
    }

    /// Everything that the bot said to the person directly so far, oldest first.
    pub fn heard(&self) -> Vec<Message> {
        let room = self.acts.direct_room();
        self.bot.answers().into_iter().filter(|message| message.room_id == room).collect()
    }

    /// What a person can do in the simulator besides, such as to edit a message; nothing waits for the bot there.
    pub fn acts(&self) -> &simulator::Person {
        &self.acts
    }

    /// Does it, and gives what the bot said in that room from then on.
    async fn answered(&self, room: &str, act: impl FnOnce() -> anyhow::Result<String>) -> anyhow::Result<Vec<Message>> {
        let said = || self.bot.answers().into_iter().filter(|message| message.room_id == room);
        let before: Vec<_> = said().map(|message| message.id).collect();
        act()?;
        self.bot.settle().await?;
        Ok(said().filter(|message| !before.contains(&message.id)).collect())
    }
}
