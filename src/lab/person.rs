//! A person in the laboratory. Each act waits until the bot has settled, and gives what the bot said in that space
//! meanwhile.

use anyhow::Context as _;

use super::filling::{Filled, fill};
use super::running::RunningBot;
use crate::simulator::{self, Message};

/// A person who speaks to the bot.
#[derive(Clone)]
pub struct Person {
    pub(super) acts: simulator::Person,
    pub(super) bot: RunningBot,
}

/// A space with the bot in it.
#[derive(Clone, Debug)]
pub struct Space {
    pub(super) id: String,
    pub(super) title: String,
}

impl Space {
    /// Webex's id of the space.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The title of the space.
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
    /// The bot does not settle in time. The error says what is open and what was said.
    pub async fn says(&self, text: &str) -> anyhow::Result<Vec<Message>> {
        self.answered(&self.acts.direct_room(), || Ok(self.acts.says(text))).await
    }

    /// Mentions the bot in a space and says something to it, and gives its answers there.
    ///
    /// # Errors
    /// The person is not in the space, or the text is empty or too long. Otherwise as [`Person::says`].
    pub async fn says_in(&self, space: &Space, text: &str) -> anyhow::Result<Vec<Message>> {
        self.answered(&space.id, || Ok(self.acts.mentions_bot(&space.id, text)?)).await
    }

    /// Replies in the thread of a message, and gives the bot's answers there. In a space the reply mentions the bot.
    ///
    /// # Errors
    /// The person cannot see the message. Otherwise as [`Person::says`].
    pub async fn replies(&self, to: &Message, text: &str) -> anyhow::Result<Vec<Message>> {
        self.answered(&to.room_id, || Ok(self.acts.replies(&to.id, text)?)).await
    }

    /// Sends the bot a file directly, with a text beside it, and gives its answers.
    ///
    /// # Errors
    /// The same errors as [`Person::says`].
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

    /// Presses the button of this title on a card, and gives the bot's answers there. `inputs` are values by the ids of
    /// the card's inputs: `[("size", "large")]`, `()` or JSON. An input that is left out keeps the value that the card
    /// gives it.
    ///
    /// # Errors
    /// Nobody could do this in a Webex app: the card has no such button, input or choice, or a required input is left
    /// out. The error lists what the card has. Otherwise as [`Person::says`].
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

    /// Everything else that a person can do in the simulator, such as editing a message. These acts do not wait for the
    /// bot.
    pub fn acts(&self) -> &simulator::Person {
        &self.acts
    }

    /// Does `act`, waits for the bot, and gives what it said in that room meanwhile.
    async fn answered(&self, room: &str, act: impl FnOnce() -> anyhow::Result<String>) -> anyhow::Result<Vec<Message>> {
        let said = || self.bot.answers().into_iter().filter(|message| message.room_id == room);
        let before: Vec<_> = said().map(|message| message.id).collect();
        act()?;
        self.bot.settle().await?;
        Ok(said().filter(|message| !before.contains(&message.id)).collect())
    }
}
