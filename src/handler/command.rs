//! A command as data: its usage line, its summary and one function.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::{Args, Context, FileError, Inputs, Reply};
use crate::access::{Permission, Quorum};

type Handler<A> = dyn Fn(Context, A) -> Pin<Box<dyn Future<Output = Result<Reply>> + Send>> + Send + Sync;

/// What a handler returns.
pub type Result<T, E = CommandError> = std::result::Result<T, E>;

/// Something people can ask the bot to do. Help, usage and did-you-mean come from the same data.
#[derive(Clone)]
pub struct Command {
    usage: String,
    summary: String,
    details: String,
    permission: Permission,
    quorum: Option<Quorum>,
    handler: Arc<Handler<Args>>,
    actions: Vec<(String, Arc<Handler<Inputs>>)>,
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub enum CommandError {
    /// The arguments are wrong: the person reads this with the usage line under it.
    Usage(String),
    /// It cannot be done, and the person should know why: they read this.
    User(String),
    /// We failed: it is tried again, and if it fails for good the person reads a reference, never this.
    Internal(anyhow::Error),
}

/// Not a `std::error::Error`, so that `?` turns any of those into [`CommandError::Internal`]; but what is wrong with
/// somebody's file is for them to know, and trying again would not mend it.
impl<E: Into<anyhow::Error>> From<E> for CommandError {
    fn from(error: E) -> Self {
        let error = error.into();
        match error.downcast_ref::<FileError>() {
            Some(file) if file.is_for_the_person() => CommandError::User(file.to_string()),
            _ => CommandError::Internal(error),
        }
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CommandError::Usage(text) | CommandError::User(text) => f.write_str(text),
            CommandError::Internal(error) => write!(f, "{error:#}"),
        }
    }
}

impl Command {
    /// `usage` begins with the command's name, then its parameters: `<needed>` and `[optional]`.
    /// A command without parameters refuses arguments by itself. One with three dots in its usage, as in `[text...]`, gets
    /// everything after its name as one argument, with blanks and quotation marks as they were typed.
    pub fn new<H, F>(usage: &str, summary: &str, handler: H) -> Command
    where
        H: Fn(Context, Args) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Reply>> + Send + 'static,
    {
        Command {
            usage: usage.trim().to_owned(),
            summary: summary.trim().to_owned(),
            details: String::new(),
            permission: Permission::default(),
            quorum: None,
            handler: Arc::new(move |context, args| Box::pin(handler(context, args))),
            actions: Vec::new(),
        }
    }

    /// What a button of the command's own [cards](crate::card) does: [`Submit::new`](crate::card::Submit::new) names it. It
    /// is called with whoever clicked as the sender, with the same checks, deadline and tries as the command itself. Or what
    /// the answer to one of its [questions](super::Question) goes to.
    pub fn action<H, F>(mut self, name: &str, handler: H) -> Command
    where
        H: Fn(Context, Inputs) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Reply>> + Send + 'static,
    {
        let handler: Arc<Handler<Inputs>> = Arc::new(move |context, inputs| Box::pin(handler(context, inputs)));
        self.actions.push((name.to_owned(), handler));
        self
    }

    /// What `help NAME` says besides the summary.
    pub fn details(mut self, details: &str) -> Command {
        details.trim().clone_into(&mut self.details);
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
        self.permission.allow(people);
        self
    }

    /// Where it may be given, except by admins: ids of spaces, and "direct" for direct messages. The settings may say
    /// otherwise.
    #[must_use]
    pub fn rooms(mut self, rooms: impl IntoIterator<Item = impl AsRef<str>>) -> Command {
        self.permission.rooms(rooms);
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
    /// let wipe = Command::new("wipe <disk>", "Wipes a disk", async |_, _| Ok(Reply::text("Wiped.")));
    /// let wipe = wipe.approve(["*@example.org", "admins"], 2, Duration::from_secs(900));
    /// ```
    #[must_use]
    pub fn approve(mut self, by: impl IntoIterator<Item = impl AsRef<str>>, quorum: u32, within: Duration) -> Command {
        self.quorum = Some(Quorum::new(by, quorum, within));
        self
    }

    /// The word that calls it.
    pub fn name(&self) -> &str {
        self.usage.split_whitespace().next().unwrap_or_default()
    }

    /// The name and the parameters.
    pub fn usage(&self) -> &str {
        &self.usage
    }

    /// One line of what it does.
    pub fn summary(&self) -> &str {
        &self.summary
    }

    pub(crate) fn more(&self) -> &str {
        &self.details
    }

    pub(crate) fn permission(&self) -> &Permission {
        &self.permission
    }

    /// Whose approval it needs before it runs; none for most.
    pub(crate) fn quorum(&self) -> Option<&Quorum> {
        self.quorum.as_ref()
    }

    pub(crate) fn takes_arguments(&self) -> bool {
        self.usage.contains(['<', '['])
    }

    pub(crate) fn needs_arguments(&self) -> bool {
        self.usage.contains('<')
    }

    pub(crate) fn takes_text(&self) -> bool {
        self.usage.contains("...")
    }

    pub(crate) async fn run(&self, context: Context, args: Args) -> Result<Reply> {
        (self.handler)(context, args).await
    }

    /// The names of its actions, in the order in which they were added.
    pub(crate) fn actions(&self) -> impl Iterator<Item = &str> {
        self.actions.iter().map(|(name, _)| name.as_str())
    }

    /// None when it has no such action.
    pub(crate) fn act(
        &self,
        action: &str,
        context: Context,
        inputs: Inputs,
    ) -> Option<impl Future<Output = Result<Reply>> + Send + use<>> {
        let (_, handler) = self.actions.iter().find(|(name, _)| name == action)?;
        let handler = Arc::clone(handler);
        Some(async move { handler(context, inputs).await })
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Command").field(&self.usage).finish()
    }
}
