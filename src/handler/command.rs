//! A command: its declaration, and the functions that it runs.

use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::{Args, Arguments, CommandSpec, Context, Inputs, Param, Question, Reply, Result};
use crate::access::Quorum;
use crate::card::Card;

/// A function that runs for a person, with the arguments or inputs they gave.
pub(super) type Handler<A> = dyn Fn(Context, A) -> Pin<Box<dyn Future<Output = Result<Reply>> + Send>> + Send + Sync;

/// Something people can ask the bot to do. Help, usage, suggestions and the reading of arguments are derived from the
/// declaration.
#[derive(Clone)]
pub struct Command {
    pub(super) spec: CommandSpec,
    pub(super) run: Arc<Handler<Args>>,
    /// The actions, in the order of their names in the spec.
    pub(super) actions: Vec<Arc<Handler<Inputs>>>,
}

impl Command {
    /// Checks the declaration, and that it shares no word with the others.
    pub(crate) fn check_beside<'a>(&self, others: impl IntoIterator<Item = &'a Command>) -> anyhow::Result<()> {
        self.spec.check()?;
        let shared = others.into_iter().find_map(|other| self.spec.shared_word(&other.spec));
        anyhow::ensure!(
            shared.is_none(),
            "two commands are called \"{}\"; rename one of them",
            shared.unwrap_or_default()
        );
        Ok(())
    }

    /// A command that people call by the word `name`. It takes only the arguments that [`Command::param`] declares.
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

    /// Adds a parameter after those declared before: see [`Param`].
    #[must_use]
    pub fn param(mut self, param: Param) -> Command {
        self.spec.params.push(param);
        self
    }

    /// Adds another word that calls the command.
    #[must_use]
    pub fn alias(mut self, word: &str) -> Command {
        self.spec.aliases.push(word.to_owned());
        self
    }

    /// Declares a card that the command shows, or one like it. If its buttons name an action that the command lacks,
    /// building the bot fails, and not the first press of the button.
    #[must_use]
    pub fn shows(mut self, card: &Card) -> Command {
        self.spec.named.extend(card.actions());
        self
    }

    /// Declares a question that the command asks. If it names an action that the command lacks, building the bot fails.
    #[must_use]
    pub fn asks(mut self, question: &Question) -> Command {
        self.spec.named.push(question.action().to_owned());
        self
    }

    /// Adds an action: what a button of the command's own [cards](crate::card) does.
    /// [`Submit::new`](crate::card::Submit::new) names it. The person who clicked is the sender, and the checks,
    /// deadline and tries are those of the command itself. The answer to one of the command's
    /// [questions](super::Question) goes to an action too.
    pub fn action<H, F>(mut self, name: &str, handler: H) -> Command
    where
        H: Fn(Context, Inputs) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Reply>> + Send + 'static,
    {
        self.spec.actions.push(name.to_owned());
        self.actions.push(Arc::new(move |context, inputs| Box::pin(handler(context, inputs))));
        self
    }

    /// Sets what `help NAME` says besides the summary.
    pub fn details(mut self, details: &str) -> Command {
        details.trim().clone_into(&mut self.spec.details);
        self
    }

    /// Sets who may give the command: emails, person ids, `*@domain`, or "admins" for admins only. Admins always may.
    /// The settings can replace this. For everybody else the command does not exist: `help` does not show it, and no
    /// suggestion names it.
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

    /// Sets where the command may be given: ids of spaces, and "direct" for direct messages. Admins may give it
    /// everywhere. The settings can replace this.
    #[must_use]
    pub fn rooms(mut self, rooms: impl IntoIterator<Item = impl AsRef<str>>) -> Command {
        self.spec.permission.rooms(rooms);
        self
    }

    /// Makes the command need approval: it runs only after `quorum` of these people have pressed approve on a card,
    /// `within` this time (7 days at most). The person who asks does not count. `by` lists emails, person ids,
    /// `*@domain`, and "admins"; an admin who is not listed may not approve. The command then runs only in spaces. The
    /// settings can replace this.
    ///
    /// People approve this one run with these words, and nothing after it. The command's [actions](Self::action) need
    /// no approval, whether a button of its cards or the answer to one of its [questions](super::Question) calls them.
    /// So do not leave anything that should be approved to an action. `switchboard check` and the daemon at its start
    /// name such actions.
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

    pub(crate) fn run(&self, context: Context, args: Args) -> impl Future<Output = Result<Reply>> + Send + use<> {
        let (handler, elsewhere) = (Arc::clone(&self.run), context.elsewhere.clone());
        async move { elsewhere.beside(handler(context, args).await) }
    }

    /// Runs an action. None if the command has no such action.
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

/// The declaration of the command.
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
