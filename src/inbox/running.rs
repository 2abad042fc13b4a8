//! From an admitted message to its command, and from what the command returned to a settlement.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;

use super::Inbox;
use super::asking::Said;
use super::closing::{About, Answered, Ending};
use crate::clock;
use crate::event;
use crate::handler::{Command, CommandError, Context, FileError, Inputs, Reply, quoted};
use crate::router::{self, Route, addressed_text};
use crate::store::{Again, Claimed, Settlement, StoreError};
use crate::webex::{Error, Fault, Message, MessageId, NewMessage, Person};
use crate::worker::{Retry, reason};

const NOTHING_SAID: &str = "Yes? Say help to see what I can do.";

/// What is said where [`Unable::Gone`].
pub(super) const GONE: &str = "I cannot do that any more. Please ask me again.";

/// How a run ended, and what becomes of its event.
pub(super) enum Performed {
    Answered(Settlement),
    /// By the command, which said why.
    Refused(Settlement),
    /// To be tried again, or for good.
    Failed(Settlement),
}

/// Why an action is not called.
pub(super) enum Unable<'a> {
    /// The command may not be given, by this rule.
    Forbidden(&'a Command, &'static str),
    /// A bot of before had it.
    Gone,
}

/// How an event ends that was for an action of before.
pub(super) fn gone() -> Ending {
    Ending { reason: "nothing has this action any more", ..Ending::of("declined") }
}

impl Performed {
    fn settlement(self) -> Settlement {
        let (Performed::Answered(end) | Performed::Refused(end) | Performed::Failed(end)) = self;
        end
    }
}

impl Inbox {
    pub(super) async fn answer(
        &self,
        row: Claimed,
        message: &Message,
        me: &Person,
        about: About,
        rule: &'static str,
    ) -> Settlement {
        let context =
            self.context(&row, &about, message.id.clone(), addressed_text(message, me), message.files.clone());
        self.hear(row, about, context, rule, Said { at: message.created, card: None }).await
    }

    pub(super) fn context(
        &self,
        row: &Claimed,
        about: &About,
        message: MessageId,
        text: String,
        files: Vec<String>,
    ) -> Context {
        Context {
            sender: about.sender.clone(),
            room: about.room.clone(),
            room_type: about.room_type,
            message,
            thread: about.thread.clone(),
            text,
            envelope: row.body.clone(),
            files,
            deadline: clock::instant() + self.settings.deadline,
            services: Arc::clone(&self.services),
        }
    }

    /// Does what the context's text says, whether it was typed or stood in a button.
    pub(super) async fn obey(&self, row: Claimed, about: About, context: Context, rule: &'static str) -> Settlement {
        let permission = |command: &Command| self.services.may(&about.sender, &about.room, about.room_type, command);
        match router::route(&self.services.commands, |command| permission(command).is_ok(), &context.text) {
            Route::Empty => {
                let ending = Ending { reason: rule, ..Ending::of("empty") };
                self.close(row, about, ending, Some(Reply::text(NOTHING_SAID)))
            }
            Route::Forbidden(command) => {
                let reason = permission(command).err().unwrap_or_default();
                self.forbid(row, about, command, reason)
            }
            Route::Unknown { near } => {
                let reply = Reply::text(router::unknown(&context.text, near));
                self.close(row, about, Ending { reason: rule, ..Ending::of("unknown") }, Some(reply))
            }
            Route::Command(command, Ok(args)) => match command.quorum() {
                None => self.perform(row, about, command, rule, command.run(context, args)).await.settlement(),
                Some(quorum) => self.ask_approval(row, about, command, quorum, &context, rule).await,
            },
            Route::Command(command, Err(error)) => self.settle(row, about, command, rule, Err(error)).await,
        }
    }

    /// Answers whoever may not give a command, as the settings say.
    pub(super) fn forbid(&self, row: Claimed, about: About, command: &Command, reason: &'static str) -> Settlement {
        let name = command.name();
        let reply = self.services.policy.is_spoken();
        let reply = reply.then(|| Reply::text(format!("I am sorry, but you may not use {name} here.")));
        let ending = Ending { reason, command: Some(name.to_owned()), ..Ending::of("denied") };
        self.close(row, about, ending, reply)
    }

    /// What an action does for somebody: what a command may not be given for, its actions may not be called for.
    pub(super) fn action<'a>(
        &'a self,
        about: &About,
        command: &str,
        action: &str,
        context: Context,
        inputs: Inputs,
    ) -> Result<(&'a Command, impl Future<Output = Result<Reply, CommandError>> + Send + use<>), Unable<'a>> {
        let command = self.services.commands.iter().find(|known| known.name() == command).ok_or(Unable::Gone)?;
        let may = self.services.may(&about.sender, &about.room, about.room_type, command);
        may.map_err(|reason| Unable::Forbidden(command, reason))?;
        let acting = command.act(action, context, inputs).ok_or(Unable::Gone)?;
        Ok((command, acting))
    }

    /// The ledger does not say what was asked or used: nothing is done on a guess.
    pub(super) fn ledger_away(&self, row: Claimed, error: &StoreError) -> Settlement {
        let (after, note) = (self.retry.backoff(&row), Some(error.to_string()));
        row.again(Again { after, note, ..Again::default() })
    }

    /// The same for what may be done once: that it was begun is written before.
    pub(super) async fn perform_once(
        &self,
        row: Claimed,
        about: About,
        command: &Command,
        rule: &'static str,
        running: impl Future<Output = Result<Reply, CommandError>> + Send,
    ) -> Performed {
        match self.services.store.begin_once(&row).await {
            Ok(true) => self.perform(row, about, command, rule, running).await,
            // Whoever has the lease now does it; this settles nothing.
            Ok(false) => Performed::Refused(row.again(Again::default())),
            Err(error) => Performed::Refused(self.ledger_away(row, &error)),
        }
    }

    /// Runs a command, or what a button of its does, and settles the event by what that returned.
    pub(super) async fn perform(
        &self,
        row: Claimed,
        mut about: About,
        command: &Command,
        rule: &'static str,
        running: impl Future<Output = Result<Reply, CommandError>> + Send,
    ) -> Performed {
        let (has_run, result) = self.run(&row, command, running).await;
        // What has run is answered, even where that is not sent as it is.
        about.answers =
            about.answers.map(|answered| Answered { way_out: answered.way_out.filter(|_| !has_run), ..answered });
        let is_refused = matches!(result, Err(CommandError::User(_) | CommandError::Usage(_)));
        let settlement = self.settle(row, about, command, rule, result).await;
        match (has_run, is_refused) {
            (true, _) => Performed::Answered(settlement),
            (false, true) => Performed::Refused(settlement),
            (false, false) => Performed::Failed(settlement),
        }
    }

    /// What the handler returned, and whether that was a reply, even where the reply is not sent as it is. A panic, or a
    /// command that does not end, is a failure like any other. A row beyond its tries has ended the process before and
    /// is not run again.
    pub(super) async fn run(
        &self,
        row: &Claimed,
        command: &Command,
        running: impl Future<Output = Result<Reply, CommandError>> + Send,
    ) -> (bool, Result<Reply, CommandError>) {
        if Retry::tries(row) >= self.settings.max_attempts {
            return (false, Err(anyhow::anyhow!("the process ended during each try").into()));
        }
        let running = AssertUnwindSafe(running).catch_unwind();
        match tokio::time::timeout(self.settings.deadline, running).await {
            Ok(Ok(Ok(reply))) => match reply.question().map_or(Ok(()), |question| question.check(command, &reply)) {
                Ok(()) => (true, reply.bounded(&self.services).await),
                Err(error) => (false, Err(error.into())),
            },
            Ok(Ok(Err(error))) => (false, Err(error)),
            Ok(Err(panic)) => (false, Err(anyhow::anyhow!("the handler {}", reason(&*panic)).into())),
            Err(_) => (false, Err(anyhow::anyhow!("the handler did not end within worker.deadline").into())),
        }
    }

    pub(super) async fn settle(
        &self,
        row: Claimed,
        about: About,
        command: &Command,
        rule: &'static str,
        result: Result<Reply, CommandError>,
    ) -> Settlement {
        // A Webex that is away, or asks to wait, is no fault of the command.
        if let Err(CommandError::Internal(error)) = &result
            && let Some(error) = passing(error)
            && row.failing() < self.settings.give_up
        {
            return self.unread(row, error).await;
        }
        let ending = |verdict| Ending { command: Some(command.name().to_owned()), reason: rule, ..Ending::of(verdict) };
        let way_out = about.answers.and_then(|answered| answered.way_out);
        let refusal = |text: String| way_out.map_or(text.clone(), |way_out| format!("{text} {way_out}"));
        match result {
            Ok(reply) => self.close(row, about, ending("answered"), Some(reply)),
            Err(CommandError::User(text)) => {
                let ending = Ending { note: Some(quoted(&text)), ..ending("declined") };
                self.close(row, about, ending, Some(Reply::text(refusal(text))))
            }
            Err(CommandError::Usage(text)) => {
                let ending = Ending { note: Some(quoted(&text)), ..ending("usage") };
                self.close(
                    row,
                    about,
                    ending,
                    Some(Reply::text(format!("{} Usage: {}", refusal(text), command.usage()))),
                )
            }
            Err(CommandError::Internal(error)) if !self.retry.is_last(&row) => {
                let (after, note) = (self.retry.backoff(&row), self.services.webex.told(&format!("{error:#}")));
                tracing::warn!(command = command.name(), error = note, "a command failed; trying again");
                row.again(Again { after, spent: true, note: Some(note), ..Again::default() })
            }
            Err(CommandError::Internal(error)) => {
                let (reference, note) = (event::reference(row.id), self.services.webex.told(&format!("{error:#}")));
                tracing::error!(
                    command = command.name(),
                    error = note,
                    "a command failed for good; `switchboard explain {reference}` tells more"
                );
                let message =
                    NewMessage { text: Some(format!("That failed, reference {reference}.")), ..NewMessage::default() };
                let ending = ending("failed");
                let entry = self.entry(&row, &about, event::failure_id(row.id), message.into(), ending.command.clone());
                self.log(&about, &ending);
                row.dead(about.closing(Ending { note: Some(note), ..ending }), vec![entry])
            }
        }
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
