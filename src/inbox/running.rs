//! Runs a command, or what an action of it does, and says what becomes of the event by what that returned.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

use super::Inbox;
use crate::desk::{End, Outcome, ReplyTo};
use crate::event;
use crate::handler::{Command, CommandError, CommandSpec, Context, FileError, Inputs, Reply, Table};
use crate::store::{Again, Claimed};
use crate::text::quoted;
use crate::verdict::Verdict;
use crate::webex::{Error, Fault, File, NewMessage};
use crate::worker::reason;

/// What is said where [`Unable::Gone`].
pub(super) const GONE: &str = "I cannot do that any more. Please ask me again.";

/// The reason of the same.
pub(super) const NO_ACTION: &str = "nothing has this action any more";

/// What is run, for whom, and by which rule.
pub(super) struct Run<'a> {
    pub to: &'a ReplyTo,
    pub command: &'a Command,
    pub rule: &'static str,
    /// What somebody may say instead whose answer is refused.
    pub way_out: Option<&'static str>,
}

/// How a run ended, and what becomes of its event.
pub(super) enum Ran {
    Answered(Outcome),
    /// By the command, which said why.
    Refused(Outcome),
    /// To be tried again, or for good.
    Failed(Outcome),
}

/// Why an action is not called.
pub(super) enum Unable<'a> {
    /// The command may not be given, by this rule.
    Forbidden(&'a CommandSpec, &'static str),
    /// A bot of before had it.
    Gone,
}

impl Ran {
    pub(super) fn outcome(self) -> Outcome {
        let (Ran::Answered(outcome) | Ran::Refused(outcome) | Ran::Failed(outcome)) = self;
        outcome
    }
}

impl Inbox {
    /// What an action does for somebody: what a command may not be given for, its actions may not be called for.
    pub(super) fn action<'a>(
        &self,
        table: &'a Table,
        to: &ReplyTo,
        command: &str,
        action: &str,
        context: Context,
        inputs: Inputs,
    ) -> Result<(&'a Command, impl Future<Output = Result<Reply, CommandError>> + Send + use<>), Unable<'a>> {
        let command = table.find(command).ok_or(Unable::Gone)?;
        let may = self.services.may(&to.sender, &to.room, to.room_type, command);
        may.map_err(|reason| Unable::Forbidden(command, reason))?;
        let acting = command.act(action, context, inputs).ok_or(Unable::Gone)?;
        Ok((command, acting))
    }

    /// The same as [`Inbox::perform`] for what may be done once: that it was begun is written before.
    pub(super) async fn perform_once(
        &self,
        row: &Claimed,
        run: Run<'_>,
        running: impl Future<Output = Result<Reply, CommandError>> + Send,
    ) -> Ran {
        match self.services.store.begin_once(row).await {
            Ok(true) => self.perform(row, run, running).await,
            // Whoever has the lease now does it; this settles nothing.
            Ok(false) => Ran::Refused(Outcome::Again(Again::default())),
            Err(error) => Ran::Refused(self.desk.without_ledger(row, &error)),
        }
    }

    /// Runs a command, or what a button of it does.
    pub(super) async fn perform(
        &self,
        row: &Claimed,
        mut run: Run<'_>,
        running: impl Future<Output = Result<Reply, CommandError>> + Send,
    ) -> Ran {
        let (has_run, result) = match self.run(row, running).await {
            Ok(reply) => match reply.check(run.command) {
                Ok(()) => (true, self.bounded(reply).await),
                Err(error) => (false, Err(error.into())),
            },
            Err(error) => (false, Err(error)),
        };
        // What has run is answered, even where that is not sent as it is.
        run.way_out = run.way_out.filter(|_| !has_run);
        let is_refused = matches!(result, Err(CommandError::User(_) | CommandError::Usage(_)));
        let outcome = self.result(row, &run, result).await;
        match (has_run, is_refused) {
            (true, _) => Ran::Answered(outcome),
            (false, true) => Ran::Refused(outcome),
            (false, false) => Ran::Failed(outcome),
        }
    }

    /// What the handler returned. A panic, or one that does not end, is a failure like any other. A row beyond its tries has
    /// ended the process before and is not run again.
    pub(super) async fn run<T>(
        &self,
        row: &Claimed,
        running: impl Future<Output = Result<T, CommandError>> + Send,
    ) -> Result<T, CommandError> {
        if self.desk.is_beyond_its_tries(row, 1) {
            return Err(anyhow::anyhow!("the process ended during each try").into());
        }
        match tokio::time::timeout(self.deadline, AssertUnwindSafe(running).catch_unwind()).await {
            Ok(Ok(returned)) => returned,
            Ok(Err(panic)) => Err(anyhow::anyhow!("the handler {}", reason(&*panic)).into()),
            Err(_) => Err(anyhow::anyhow!("the handler did not end within worker.deadline").into()),
        }
    }

    /// The reply, unless its files are larger than `files.largest` or find no room among those that wait.
    async fn bounded(&self, reply: Reply) -> Result<Reply, CommandError> {
        if reply.files().is_empty() {
            return Ok(reply);
        }
        let size = |file: &File| file.bytes.len() as u64;
        let limits = &self.services.files;
        if let Some(file) = reply.files().iter().find(|file| size(file) > limits.largest) {
            tracing::warn!(?file, limit = limits.largest, "a reply's file is larger than files.largest");
            let (name, size, most) = (&file.name, size(file), limits.largest);
            return Err(CommandError::User(format!(
                "The file {name} has {size} bytes, and I may send {most} at most."
            )));
        }
        let waiting = self.services.store.size_of_files().await?;
        if waiting + reply.files().iter().map(size).sum::<u64>() > limits.waiting {
            tracing::error!(
                waiting,
                limit = limits.waiting,
                "a reply's files find no room within files.waiting; dead letters count too: `switchboard outbox list --state dead`"
            );
            return Err(CommandError::User("Too many files wait to be sent. Please try again later.".to_owned()));
        }
        Ok(reply)
    }

    /// What becomes of an event whose command returned this.
    pub(super) async fn result(
        &self,
        row: &Claimed,
        Run { to, command, rule, way_out }: &Run<'_>,
        result: Result<Reply, CommandError>,
    ) -> Outcome {
        let end = |verdict| End::of(to, verdict, rule).command(command.name());
        let refusal = |text: &str| way_out.map_or(text.to_owned(), |way_out| format!("{text} {way_out}"));
        match result {
            Ok(reply) => {
                let (messages, asks) = self.questions.messages(row, to, command.name(), reply);
                Outcome::from(self.desk.say(row, to, end(Verdict::Answered), messages)).with(asks)
            }
            Err(CommandError::User(text)) => {
                self.desk.reply(row, to, end(Verdict::Declined).noted(quoted(&text)), Reply::text(refusal(&text)))
            }
            Err(CommandError::Usage(text)) => {
                let says = format!("{} Usage: {}", refusal(&text), command.usage());
                self.desk.reply(row, to, end(Verdict::Usage).noted(quoted(&text)), Reply::text(says))
            }
            Err(CommandError::Internal(error)) => match self.try_again(row, command.name(), &error).await {
                Ok(again) => again,
                Err(error) => self.failed(row, to, command, rule, error),
            },
        }
    }

    /// The next try of what failed, and the error for the log and the ledger after the last one.
    pub(super) async fn try_again(&self, row: &Claimed, name: &str, error: &anyhow::Error) -> Result<Outcome, String> {
        // A Webex that is away, or asks to wait, is no fault of the handler.
        if let Some(error) = passing(error).filter(|_| self.desk.is_patient(row)) {
            return Ok(self.desk.unread(row, error).await);
        }
        let error = self.services.webex.sanitized(&format!("{error:#}"));
        let again = self.desk.after_failure(row, error.clone())?;
        tracing::warn!(command = name, error, "a command failed; trying again");
        Ok(again)
    }

    /// A command failed for good: whoever asked is told.
    fn failed(&self, row: &Claimed, to: &ReplyTo, command: &Command, rule: &'static str, error: String) -> Outcome {
        let name = command.name();
        let reference = event::reference(row.id);
        tracing::error!(
            command = name,
            error,
            "a command failed for good; `switchboard explain {reference}` tells more"
        );
        let says = NewMessage::text(format!("That failed, reference {reference}."));
        let letter = self.desk.letter(row, to, event::failure_id(row.id), says.into(), Some(name));
        End::of(to, Verdict::Failed, rule).command(name).noted(error).dead().then([letter]).into()
    }
}

/// The failure of a call to Webex within a command, if the same call may succeed later.
fn passing(error: &anyhow::Error) -> Option<&Error> {
    let error = match error.downcast_ref::<FileError>() {
        Some(FileError::Webex(error)) => error,
        Some(_) => return None,
        None => error.downcast_ref::<Error>()?,
    };
    match error.fault() {
        Fault::Wait(_) | Fault::Away | Fault::Refused => Some(error),
        Fault::NotFound | Fault::Broken | Fault::Final => None,
    }
}
