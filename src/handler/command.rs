//! A command: what is declared of it, and the functions that it runs.

use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::{Args, Arguments, CommandSpec, Context, Inputs, Param, Question, Reply, Result};
use crate::access::Quorum;
use crate::card::Card;

/// A function that is run for somebody, with what they gave.
pub(super) type Handler<A> = dyn Fn(Context, A) -> Pin<Box<dyn Future<Output = Result<Reply>> + Send>> + Send + Sync;

/// Something people can ask the bot to do. Help, usage, did-you-mean and the reading of arguments come from what is declared.
#[derive(Clone)]
pub struct Command {
    pub(super) spec: CommandSpec,
    pub(super) run: Arc<Handler<Args>>,
    /// In the order of the names in the spec.
    pub(super) actions: Vec<Arc<Handler<Inputs>>>,
}

impl Command {
    /// A command that is called by this word. It takes no arguments but those that [`Command::param`] declares.
    pub fn new<H, F>(name: &str, summary: &str, handler: H) -> Command
    where
        H: Fn(Context, Args) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Reply>> + Send + 'static,
    {
        Command {
            spec: CommandSpec { name: name.to_owned(), summary: summary.trim().to_owned(), ..CommandSpec::default() },
            run: Arc::new(move |context, args| Box::pin(handler(context, args))),
            actions: Vec::new(),
        }
    }

    /// A command whose arguments are a struct that [`arguments!`](crate::arguments) declared.
    pub fn taking<A, H, F>(name: &str, summary: &str, handler: H) -> Command
    where
        A: Arguments,
        H: Fn(Context, A) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Reply>> + Send + 'static,
    {
        let command = Command::new(name, summary, move |context, args| {
            let running = A::read(&args).map(|given| handler(context, given));
            async move { running?.await }
        });
        A::params().into_iter().fold(command, Command::param)
    }

    /// The next parameter: see [`Param`].
    #[must_use]
    pub fn param(mut self, param: Param) -> Command {
        self.spec.params.push(param);
        self
    }

    /// Another word that calls it.
    #[must_use]
    pub fn alias(mut self, word: &str) -> Command {
        self.spec.aliases.push(word.to_owned());
        self
    }

    /// A card that it shows, or one like it: an action that its buttons name and the command lacks is then found when the
    /// bot is built, and not when somebody presses one.
    #[must_use]
    pub fn shows(mut self, card: &Card) -> Command {
        self.spec.named.extend(card.actions());
        self
    }

    /// A question that it asks: an action that it names and the command lacks is then found when the bot is built.
    #[must_use]
    pub fn asks(mut self, question: &Question) -> Command {
        self.spec.named.push(question.action().to_owned());
        self
    }

    /// What a button of the command's own [cards](crate::card) does: [`Submit::new`](crate::card::Submit::new) names it. It
    /// is called with whoever clicked as the sender, with the same checks, deadline and tries as the command itself. The
    /// answer to one of its [questions](super::Question) goes to an action too.
    pub fn action<H, F>(mut self, name: &str, handler: H) -> Command
    where
        H: Fn(Context, Inputs) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Reply>> + Send + 'static,
    {
        self.spec.actions.push(name.to_owned());
        self.actions.push(Arc::new(move |context, inputs| Box::pin(handler(context, inputs))));
        self
    }

    /// What `help NAME` says besides the summary.
    pub fn details(mut self, details: &str) -> Command {
        details.trim().clone_into(&mut self.spec.details);
        self
    }

    /// Who may give it, besides the admins, who always may: emails, person ids, `*@domain`, or "admins" for nobody else.
    /// The settings may say otherwise. To others it does not exist: `help` does not show it, and nothing suggests it.
    ///
    /// ```
    /// # use switchboard::{Command, Reply};
    /// Command::new("restart", "Restarts the build", async |_, _| Ok(Reply::text("Done."))).allow(["*@example.org"]);
    /// ```
    #[must_use]
    pub fn allow(mut self, people: impl IntoIterator<Item = impl AsRef<str>>) -> Command {
        self.spec.permission.allow(people);
        self
    }

    /// Where it may be given, except by admins: ids of spaces, and "direct" for direct messages. The settings may say
    /// otherwise.
    #[must_use]
    pub fn rooms(mut self, rooms: impl IntoIterator<Item = impl AsRef<str>>) -> Command {
        self.spec.permission.rooms(rooms);
        self
    }

    /// It runs only after so many of these people have pressed approve on a card, within this time (7 days at most);
    /// whoever asks does not count. `by` has emails, person ids, `*@domain`, and "admins": an admin who is not listed may
    /// not approve. It runs only in spaces, where others are. The settings may say otherwise.
    ///
    /// What is approved is this one run with these words, and nothing that comes of it: its [actions](Self::action) need no
    /// approval, neither what the buttons of its own cards do, nor what the answer to a [question](super::Question) of it
    /// goes to, however the person answers. Ask for nothing there on which the approval should hang. `switchboard check`
    /// and the start of the daemon name such actions.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use switchboard::{Command, Reply};
    /// let wipe = Command::new("wipe", "Wipes the disks", async |_, _| Ok(Reply::text("Wiped.")));
    /// let wipe = wipe.approve(["*@example.org", "admins"], 2, Duration::from_secs(900));
    /// ```
    #[must_use]
    pub fn approve(mut self, by: impl IntoIterator<Item = impl AsRef<str>>, quorum: u32, within: Duration) -> Command {
        self.spec.quorum = Some(Quorum::new(by, quorum, within));
        self
    }

    pub(crate) async fn run(&self, context: Context, args: Args) -> Result<Reply> {
        let elsewhere = context.elsewhere.clone();
        elsewhere.beside((self.run)(context, args).await)
    }

    /// None when it has no such action.
    pub(crate) fn act(
        &self,
        action: &str,
        context: Context,
        inputs: Inputs,
    ) -> Option<impl Future<Output = Result<Reply>> + Send + use<>> {
        let nth = self.spec.actions.iter().position(|known| known == action)?;
        let handler = Arc::clone(self.actions.get(nth)?);
        let elsewhere = context.elsewhere.clone();
        Some(async move { elsewhere.beside(handler(context, inputs).await) })
    }
}

/// What is declared of it.
impl Deref for Command {
    type Target = CommandSpec;

    fn deref(&self) -> &CommandSpec {
        &self.spec
    }
}

impl AsRef<CommandSpec> for Command {
    fn as_ref(&self) -> &CommandSpec {
        &self.spec
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Command").field(&self.usage()).finish()
    }
}
