//! A question that a reply asks. The person's next message in that space goes to an action of the command.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::CommandSpec;
use crate::webex::MessageId;

/// The most bytes of argument names and values in a question, since each question is a row of the ledger.
const MOST_BYTES: usize = 4096;

/// A question, for [`Reply::ask`](super::Reply::ask). No code waits for its answer. The ledger keeps what the answer
/// needs, so a question survives a restart. A dialogue is a chain of actions, each of which may ask the next question.
///
/// ```
/// use switchboard::card::{Input, Submit};
/// use switchboard::{Args, Card, Command, Context, Inputs, Question, Reply, Result};
///
/// const PLACES: [&str; 2] = ["staging", "production"];
///
/// async fn deploy(_: Context, args: Args) -> Result<Reply> {
///     args.finish()?;
///     Ok(Reply::text("Which service?").ask(Question::new("service").input("service")))
/// }
///
/// async fn service(_: Context, inputs: Inputs) -> Result<Reply> {
///     let service = inputs.required("service", "service")?;
///     // People may type the answer, or choose it on the card. Both reach the same action as the same input.
///     let card = Card::new()
///         .with(Input::choice("place", &[("Staging", "staging"), ("Production", "production")]).label("Where"))
///         .action(Submit::new("Deploy", "place").argument("service", service).for_asker());
///     let question = Question::new("place").input("place").argument("service", service);
///     Ok(Reply::text("Where to: staging or production? Say cancel to stop.").with_card(card).ask(question))
/// }
///
/// async fn place(context: Context, inputs: Inputs) -> Result<Reply> {
///     // If this refuses the answer, the person is told and may answer again.
///     let place = inputs.one_of("place", &PLACES)?.unwrap_or("staging");
///     let service = inputs.argument("service").unwrap_or_default();
///     Ok(Reply::text(format!("{} deploys {service} to {place}.", context.sender().email)))
/// }
///
/// let command = Command::new("deploy", "Deploys a service", deploy).action("service", service).action("place", place);
/// # assert_eq!(command.name(), "deploy");
/// ```
///
/// # What is an answer
///
/// - An answer is the person's next message in the same space, whatever it says and whatever is attached. In a space
///   with others it has to mention the bot, since the bot gets no other messages there; a line below the question says
///   so. The answer passes every check of a message, and the person must still be allowed to give the command.
/// - A message that begins with `/` and a command's name, such as `/help`, is no answer: the command runs, and the
///   question stays open. The same is true of a command in another thread than the question's.
/// - A message from before the question was visible is no answer. Both times are Webex's, and the reply's first message
///   counts. A question whose message cannot be sent is not asked.
/// - `cancel` or `stop`, alone, ends the question, with or without a slash, a full stop or an exclamation mark.
/// - A card of the same reply answers the question too. If the person who was asked presses a button that works once,
///   or one that calls the same action, the question ends. If somebody else presses, the button must do both. A button
///   that says something ([`Submit::say`](crate::card::Submit::say)) answers, unless it says a command. A typed answer,
///   or `cancel`, uses the card up.
///
/// # What happens with an answer
///
/// The action is called with [`Context::text`](super::Context::text), [`Context::files`](super::Context::files) and the
/// [`Inputs`](super::Inputs). The reply that it returns ends the question, or asks the next one. If it returns
/// [`User`](super::CommandError::User) or [`Usage`](super::CommandError::Usage), the person reads that and may answer
/// again. Like a command, an action may run twice after a crash. An action that fails for good ends the question. So
/// does an action whose reply cannot be sent because its files are too large; the question in that reply is not asked.
///
/// A person has at most one open question in each space; a new one replaces it. Its time begins when its message is in
/// the space. Once that time is over, what the person says is a message like any other; if it is no command, the bot
/// says that it comes too late. A card beside the question has a time of its own ([`Card::lives`](crate::Card::lives)).
#[derive(Clone, Debug)]
pub struct Question {
    action: String,
    input: Option<String>,
    arguments: BTreeMap<String, String>,
    within: Option<Duration>,
}

/// What the ledger keeps of a question until it is answered.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct StoredQuestion {
    pub command: String,
    pub action: String,
    pub input: Option<String>,
    pub arguments: BTreeMap<String, String>,
    /// The cards beside the question, and the latest time at which their buttons work.
    pub cards: Vec<Uuid>,
    pub cards_until: i64,
    /// The thread in which it was asked, or else the message to which the reply answered.
    #[serde(default)]
    pub thread: Option<MessageId>,
}

impl Question {
    /// A question whose answer goes to this [action](super::Command::action) of the command that asks.
    pub fn new(action: &str) -> Question {
        Question { action: action.to_owned(), input: None, arguments: BTreeMap::new(), within: None }
    }

    /// Gives the typed answer to the action as this input, as if it had been filled into a card. Each getter of
    /// [`Inputs`](super::Inputs) can read it.
    #[must_use]
    pub fn input(mut self, id: &str) -> Question {
        self.input = Some(id.to_owned());
        self
    }

    /// Keeps a value for the action, which gets it from [`Inputs::argument`](super::Inputs::argument) with the answer.
    /// The ledger keeps at most 4096 bytes of names and values; a handler that keeps more fails.
    #[must_use]
    pub fn argument(mut self, name: &str, value: impl Into<String>) -> Question {
        self.arguments.insert(name.to_owned(), value.into());
        self
    }

    /// Sets how long the question waits for an answer, at most a week. Without it the question waits for `conversations.within`.
    #[must_use]
    pub fn within(mut self, within: Duration) -> Question {
        self.within = Some(within);
        self
    }

    /// The action that takes the answer.
    pub(super) fn action(&self) -> &str {
        &self.action
    }

    /// Checks that the command has the action, and that the question can be kept.
    ///
    /// # Errors
    /// The sentence says what the author of the command did wrong.
    pub(super) fn check(&self, command: &CommandSpec) -> anyhow::Result<()> {
        let (name, action) = (command.name(), &self.action);
        anyhow::ensure!(
            self.within != Some(Duration::ZERO),
            "{name} asks a question for {name}/{action} that waits for no time; give Question::within more than zero"
        );
        anyhow::ensure!(
            command.actions().any(|known| known == action),
            "{name} asks a question for an action \"{action}\" that it does not have; add it with Command::action"
        );
        let bytes: usize = self.arguments.iter().map(|(name, value)| name.len() + value.len()).sum();
        anyhow::ensure!(
            bytes <= MOST_BYTES,
            "a question of {name} keeps {bytes} bytes of arguments for {name}/{action}, and {MOST_BYTES} at most are kept; \
             keep a name or an id, and the rest elsewhere"
        );
        Ok(())
    }

    /// How long an answer is waited for.
    pub(crate) fn waits(&self, usual: Duration) -> Duration {
        self.within.unwrap_or(usual).min(crate::config::LONGEST_QUESTION)
    }

    pub(crate) fn into_stored(
        self,
        command: &str,
        thread: MessageId,
        cards: Vec<Uuid>,
        cards_until: i64,
    ) -> StoredQuestion {
        let Question { action, input, arguments, within: _ } = self;
        let (command, thread) = (command.to_owned(), Some(thread));
        StoredQuestion { command, action, input, arguments, cards, cards_until, thread }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_waits_as_it_says_and_a_week_at_most() {
        let usual = Duration::from_secs(600);
        assert_eq!(Question::new("a").waits(usual), usual);
        assert_eq!(Question::new("a").within(Duration::from_secs(60)).waits(usual), Duration::from_secs(60));
        let wrong = crate::config::Config::from_parts("[conversations]\nwithin = \"8d\"", &[]).unwrap_err().to_string();
        assert!(wrong.contains("conversations.within") && wrong.contains("must be at most 7d"), "{wrong}");
        assert_eq!(Question::new("a").within(Duration::MAX).waits(usual), Duration::from_secs(7 * 86_400));
    }
}
