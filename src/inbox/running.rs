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

/// How an event ends that was for an action of before.
pub(super) fn gone(to: &ReplyTo) -> End {
    End::of(to, Verdict::Declined, "nothing has this action any more")
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
        let (has_run, result) = self.run(row, run.command, running).await;
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

    /// What the handler returned, and whether that was a reply, even where the reply is not sent as it is. A panic, or a
    /// command that does not end, is a failure like any other. A row beyond its tries has ended the process before and
    /// is not run again.
    async fn run(
        &self,
        row: &Claimed,
        command: &Command,
        running: impl Future<Output = Result<Reply, CommandError>> + Send,
    ) -> (bool, Result<Reply, CommandError>) {
        if self.desk.is_beyond_its_tries(row, 1) {
            return (false, Err(anyhow::anyhow!("the process ended during each try").into()));
        }
        let running = AssertUnwindSafe(running).catch_unwind();
        match tokio::time::timeout(self.deadline, running).await {
            Ok(Ok(Ok(reply))) => match reply.check(command) {
                Ok(()) => (true, self.bounded(reply).await),
                Err(error) => (false, Err(error.into())),
            },
            Ok(Ok(Err(error))) => (false, Err(error)),
            Ok(Err(panic)) => (false, Err(anyhow::anyhow!("the handler {}", reason(&*panic)).into())),
            Err(_) => (false, Err(anyhow::anyhow!("the handler did not end within worker.deadline").into())),
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
        let end = |verdict| End::of(to, verdict, *rule).command(command.name());
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
            Err(CommandError::Internal(error)) => match passing(&error).filter(|_| self.desk.is_patient(row)) {
                // A Webex that is away, or asks to wait, is no fault of the command.
                Some(error) => self.desk.unread(row, error).await,
                None => self.failed(row, to, command, rule, &error),
            },
        }
    }

    /// A command failed: it is tried again, or whoever asked is told.
    fn failed(
        &self,
        row: &Claimed,
        to: &ReplyTo,
        command: &Command,
        rule: &'static str,
        error: &anyhow::Error,
    ) -> Outcome {
        let (name, error) = (command.name(), self.services.webex.told(&format!("{error:#}")));
        let error = match self.desk.after_failure(row, error.clone()) {
            Ok(again) => {
                tracing::warn!(command = name, error, "a command failed; trying again");
                return again;
            }
            Err(error) => error,
        };
        let reference = event::reference(row.id);
        tracing::error!(
            command = name,
            error,
            "a command failed for good; `switchboard explain {reference}` tells more"
        );
        let says = NewMessage { text: Some(format!("That failed, reference {reference}.")), ..NewMessage::default() };
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
