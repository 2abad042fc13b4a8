//! A question to whoever is answered: their next message in that space goes to an action of the command.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::CommandSpec;
use crate::webex::MessageId;

/// The most bytes of names and values that a question keeps: each question is a row of the ledger.
const MOST_BYTES: usize = 4096;

/// A question, for [`Reply::ask`](super::Reply::ask). Nothing waits for its answer: what is to be known then is kept in the
/// ledger, so it survives a restart, and a dialogue is a chain of actions of which each may ask the next question.
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
///     // They may type the answer, or choose it on the card; either reaches the same action as the same input.
///     let card = Card::new()
///         .with(Input::choice("place", &[("Staging", "staging"), ("Production", "production")]).label("Where"))
///         .action(Submit::new("Deploy", "place").argument("service", service).for_asker());
///     let question = Question::new("place").input("place").argument("service", service);
///     Ok(Reply::text("Where to: staging or production? Say cancel to stop.").with_card(card).ask(question))
/// }
///
/// async fn place(context: Context, inputs: Inputs) -> Result<Reply> {
///     // What is refused here is told, and asked again.
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
/// - The next message of whoever was answered, in the same space, whatever it says and with whatever is attached. In a
///   space with others it has to mention the bot, which does not hear of it otherwise; a line below the question says so.
///   It passes every check of a message, and the person has to be one who may give the command still.
/// - Not what begins with `/` and a command's name, such as `/help`: that is the command, and the question stays open. Nor
///   is a command that is given in another thread than the question's.
/// - Not what was said before the question could be read: both times are Webex's, and the reply's first message counts. A
///   question whose message cannot be sent is none.
/// - `cancel` or `stop`, alone, ends the question, with or without a slash, a point or an exclamation mark.
/// - A card of the same reply answers it too: of whoever was asked, a button that works once or that calls the same action
///   ends the question; of somebody else, one that does both. A button of it that says something
///   ([`Submit::say`](crate::card::Submit::say)) answers, unless that is a command. An answer that is typed, or `cancel`,
///   uses the card up.
///
/// # What becomes of it
///
/// The action is called with [`Context::text`](super::Context::text), [`Context::files`](super::Context::files) and the
/// [`Inputs`](super::Inputs). With the reply it returns the question is over, unless that asks the next one. If it
/// returns [`User`](super::CommandError::User) or [`Usage`](super::CommandError::Usage), the person reads that and may answer
/// again.
/// As with a command, it may run twice after a crash. One that fails for good ends the question, and so does one that has
/// run and whose reply cannot be sent since its files are too large: what that would have asked is not asked.
///
/// A person has at most one open question in each space; a new one replaces it. Its time begins when its message is in
/// the space. What is said after it is a message as any other; one that the bot does not know is
/// then told that it comes too late. A card beside it has a time of its own ([`Card::lives`](crate::Card::lives)).
#[derive(Clone, Debug)]
pub struct Question {
    action: String,
    input: Option<String>,
    arguments: BTreeMap<String, String>,
    within: Option<Duration>,
}

/// What is kept of a question until it is answered.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct StoredQuestion {
    pub command: String,
    pub action: String,
    pub input: Option<String>,
    pub arguments: BTreeMap<String, String>,
    /// The cards beside it, and until when their buttons work at most.
    pub cards: Vec<Uuid>,
    pub cards_until: i64,
    /// The thread that it was asked in, or else the message that it answers.
    #[serde(default)]
    pub thread: Option<MessageId>,
}

impl Question {
    /// What is called with the answer: an [action](super::Command::action) of the command that asks.
    pub fn new(action: &str) -> Question {
        Question { action: action.to_owned(), input: None, arguments: BTreeMap::new(), within: None }
    }

    /// What is typed is this input, as if it had been put into a card: each getter of [`Inputs`](super::Inputs) reads it, and
    /// refuses what it should not be.
    #[must_use]
    pub fn input(mut self, id: &str) -> Question {
        self.input = Some(id.to_owned());
        self
    }

    /// A value that [`Inputs::argument`](super::Inputs::argument) has again with the answer. It is kept in the ledger as it
    /// is, 4096 bytes of names and values at most; a handler that keeps more fails.
    #[must_use]
    pub fn argument(mut self, name: &str, value: impl Into<String>) -> Question {
        self.arguments.insert(name.to_owned(), value.into());
        self
    }

    /// How long an answer is waited for: without it, as long as `conversations.within` says, and a week at most.
    #[must_use]
    pub fn within(mut self, within: Duration) -> Question {
        self.within = Some(within);
        self
    }

    /// What is called with the answer.
    pub(super) fn action(&self) -> &str {
        &self.action
    }

    /// Whether the command can be asked the answer, and what is kept has a size to be kept.
    ///
    /// # Errors
    /// What is wrong with it, for whoever wrote the command.
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
             keep a name or an id, and what it stands for elsewhere"
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
