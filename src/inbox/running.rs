//! Runs a command or an action of it, and ends the event with what that returned.

use super::Inbox;
use crate::desk::{Case, Outcome, SpokenRefusal};
use crate::event;
use crate::handler::{Command, CommandError, CommandSpec, Context, FileError, Inputs, Reply, Table};
use crate::store::{Again, Claimed};
use crate::text::quoted;
use crate::verdict::Verdict;
use crate::webex::{Error, Fault, NewMessage};
use crate::worker::reason;

/// A command, or an action of it, that runs for somebody.
pub(super) struct CommandRun<'a> {
    pub case: Case<'a>,
    pub command: &'a Command,
    /// How the person can stop the question whose answer the command refuses.
    pub way_out: Option<&'static str>,
}

/// The result of a run.
#[derive(Clone, Copy)]
pub(super) enum RunEnd {
    Answered,
    /// The command refused, and said why.
    Refused,
    /// It failed, for good or until the next try.
    Failed,
}

/// Why an action is not called.
pub(super) enum Uncallable<'a> {
    /// The person may not give its command, by this rule.
    Forbidden(&'a CommandSpec, &'static str),
    /// The bot does not have it any more.
    Gone,
}

impl Inbox {
    /// Calls an action of a command, if the person may give that command. Nothing runs until the future is awaited.
    pub(super) fn call_action<'a>(
        &self,
        table: &'a Table,
        command: &str,
        action: &str,
        context: Context,
        inputs: Inputs,
    ) -> Result<(&'a Command, impl Future<Output = Result<Reply, CommandError>> + Send + use<>), Uncallable<'a>> {
        let command = table.find(command).ok_or(Uncallable::Gone)?;
        context.may_give(command).map_err(|reason| Uncallable::Forbidden(command, reason))?;
        let running = command.act(action, context, inputs).ok_or(Uncallable::Gone)?;
        Ok((command, running))
    }

    /// Runs a command that may be run only once: before it runs, the ledger records that it was begun.
    pub(super) async fn perform_once(
        &self,
        run: CommandRun<'_>,
        running: impl Future<Output = Result<Reply, CommandError>> + Send + 'static,
    ) -> (Outcome, RunEnd) {
        match self.services.store.begin_once(run.case.row).await {
            Ok(true) => self.perform(run, running).await,
            // Another process has the lease now and does it; this one settles nothing.
            Ok(false) => (Outcome::Again(Again::default()), RunEnd::Refused),
            Err(error) => (self.desk.retry_on_ledger_error(run.case.row, &error), RunEnd::Refused),
        }
    }

    /// Runs a command or an action.
    pub(super) async fn perform(
        &self,
        mut run: CommandRun<'_>,
        running: impl Future<Output = Result<Reply, CommandError>> + Send + 'static,
    ) -> (Outcome, RunEnd) {
        let mut result = self.guard(run.case.row, running).await.and_then(|reply| {
            reply.check(run.command)?;
            Ok(reply)
        });
        let run_end = match result {
            Ok(_) => RunEnd::Answered,
            Err(CommandError::User(_) | CommandError::Usage(_)) => RunEnd::Refused,
            Err(CommandError::Internal(_)) => RunEnd::Failed,
        };
        // What has run took the answer, even where its reply cannot be sent.
        if let Ok(reply) = result {
            run.way_out = None;
            result = self.desk.check_files(&reply).await.map(|()| reply);
        }
        (self.end_run(&run, result).await, run_end)
    }

    /// Runs a handler within its deadline. A panic, or a handler that does not end, is a failure like any other. A row
    /// that has used up its tries has killed the process before, and is not run again.
    pub(super) async fn guard<T: Send + 'static>(
        &self,
        row: &Claimed,
        running: impl Future<Output = Result<T, CommandError>> + Send + 'static,
    ) -> Result<T, CommandError> {
        if self.desk.is_beyond_its_tries(row, 1) {
            return Err(anyhow::anyhow!("the process ended during each try").into());
        }
        match tokio::time::timeout(self.deadline, self.handlers.run(running)).await {
            Ok(Ok(returned)) => returned,
            Ok(Err(panic)) => Err(anyhow::anyhow!("the handler {}", reason(&*panic)).into()),
            Err(_) => Err(anyhow::anyhow!("the handler did not end within worker.deadline").into()),
        }
    }

    /// Ends the event with what the command returned, or tries again.
    pub(super) async fn end_run(
        &self,
        CommandRun { case, command, way_out }: &CommandRun<'_>,
        result: Result<Reply, CommandError>,
    ) -> Outcome {
        let end = |verdict| case.end(verdict).command(command.name());
        let with_way_out = |text: &str| way_out.map_or(text.to_owned(), |way_out| format!("{text} {way_out}"));
        match result {
            Ok(mut reply) => {
                let asker = Some(&case.to.sender.id);
                let elsewhere = self.desk.elsewhere(case.row, asker, Some(command.name()), reply.take_elsewhere());
                let (messages, question) = self.questions.messages(*case, command.name(), reply);
                self.desk.say(*case, end(Verdict::Answered), messages).then(elsewhere).with(question).into()
            }
            Err(CommandError::User(text)) => {
                let end = end(Verdict::Declined).noted(quoted(&text));
                self.desk.reply(*case, end, with_way_out(&text)).into()
            }
            Err(CommandError::Usage(text)) => {
                let says = format!("{} Usage: {}", with_way_out(&text), command.usage());
                self.desk.reply(*case, end(Verdict::Usage).noted(quoted(&text)), says).into()
            }
            Err(CommandError::Internal(error)) => {
                let command = command.name();
                let log = |error: &str| tracing::warn!(command, error, "a command failed; trying again");
                match self.try_again(case.row, &error, log).await {
                    Ok(again) => again,
                    Err(error) => self.end_failed(*case, command, error),
                }
            }
        }
    }

    /// The next try after a failure. If the failure counts as a try, `log` gets it.
    ///
    /// # Errors
    /// The failure for the log and the ledger, when there is no further try.
    pub(super) async fn try_again(
        &self,
        row: &Claimed,
        error: &anyhow::Error,
        log: impl FnOnce(&str),
    ) -> Result<Outcome, String> {
        // The handler is not at fault when Webex is away or asks to wait.
        if let Some(error) = passing_failure(error).filter(|_| self.desk.is_patient(row)) {
            return Ok(self.desk.retry_reading(row, error).await);
        }
        let error = self.services.webex.sanitized(&format!("{error:#}"));
        let Some(again) = self.desk.after_failure(row, &error) else { return Err(error) };
        log(&error);
        Ok(again)
    }

    /// Tells the person that their command failed for good.
    fn end_failed(&self, case: Case<'_>, command: &str, error: String) -> Outcome {
        let Case { row, to, .. } = case;
        let reference = event::reference(row.id);
        tracing::error!(command, error, "a command failed for good; `switchboard explain {reference}` tells more");
        let says = NewMessage::text(format!("That failed, reference {reference}."));
        let letter = self.desk.letter(row, to, event::failure_id(row.id), says.into(), Some(command));
        case.end(Verdict::Failed).command(command).noted(error).dead().then([letter]).into()
    }
}

/// What the person reads if the action is [`Uncallable::Gone`].
pub(super) fn refuse_gone() -> SpokenRefusal {
    let says = "I cannot do that any more. Please ask me again.";
    SpokenRefusal::declined("nothing has this action any more", says)
}

/// The failed call to Webex within a command, if the same call may succeed later.
fn passing_failure(error: &anyhow::Error) -> Option<&Error> {
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
