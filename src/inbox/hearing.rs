//! From the words of somebody who is answered to what is run for them: a command, or the action that takes their answer.

use std::sync::Arc;
use std::time::Duration;

use super::Inbox;
use super::running::{GONE, NO_ACTION, Ran, Run, Unable};
use crate::clock;
use crate::desk::{EventEnd, Outcome, ReplyTo};
use crate::handler::{CommandSpec, Context, Elsewhere, Inputs, Origin, Reply};
use crate::questions::{Asked, Heard, Said, is_cancel};
use crate::router::{self, Route, addressed_text};
use crate::store::Claimed;
use crate::verdict::Verdict;
use crate::webex::{Message, Person, RoomType};

/// How long an event waits at least for a question's message that is just being sent; half as long as it has waited so far,
/// where that is longer.
const BEING_SENT: Duration = Duration::from_millis(300);

const NOTHING_SAID: &str = "Yes? Say help to see what I can do.";
const CANCELLED: &str = "Cancelled.";

/// What somebody may say instead whose answer is refused, in a direct space and in one with others.
const WAY_OUT: &str = "Say cancel to stop.";
const WAY_OUT_HERE: &str = "To stop, mention me and say cancel.";

impl Inbox {
    pub(super) async fn answer(
        &self,
        row: &Claimed,
        message: &Message,
        me: &Person,
        to: &ReplyTo,
        rule: &'static str,
    ) -> Outcome {
        let origin = Origin::Message(message.id.clone());
        let context = self.context(row, to, origin, addressed_text(message, me), message.files.clone());
        self.hear(row, to, context, rule, Said { at: message.created, card: None }).await
    }

    pub(super) fn context(
        &self,
        row: &Claimed,
        to: &ReplyTo,
        origin: Origin,
        text: String,
        files: Vec<String>,
    ) -> Context {
        Context {
            sender: to.sender.clone(),
            room: to.room.clone(),
            room_type: to.room_type,
            origin,
            thread: to.thread.clone(),
            text,
            event: row.id,
            files,
            elsewhere: Elsewhere::default(),
            deadline: clock::instant() + self.deadline,
            services: Arc::clone(&self.services),
        }
    }

    /// Does what somebody says, by typing it or with a button: it answers what they were asked, or is a command.
    pub(super) async fn hear(
        &self,
        row: &Claimed,
        to: &ReplyTo,
        context: Context,
        rule: &'static str,
        said: Said,
    ) -> Outcome {
        match self.questions.hear(row, to, &context, said).await {
            Ok(Heard::Command) => self.run_command(row, to, context, rule).await,
            Ok(Heard::Answer(asked)) => {
                let (action, event) = (format!("{}/{}", asked.kept.command, asked.kept.action), asked.event);
                let outcome = self.take_answer(row, to, context, rule, asked).await;
                outcome.map_end(|end| end.action(&action).answering(event))
            }
            Ok(Heard::Over { asked, verdict, note, says }) => {
                let end = EventEnd::of(to, verdict, rule).noted(note).with(asked.over);
                self.desk.reply(row, to, end, Reply::text(says))
            }
            Ok(Heard::Unsettled) => {
                let note = "the message of a question is just being sent; Webex will say which of the two was first";
                Outcome::later(BEING_SENT.max(row.failing() / 2), note)
            }
            Ok(Heard::Gone) => self.gone(row, to),
            Err(error) => self.desk.without_ledger(row, &error),
        }
    }

    /// Runs the command that the context's text names.
    async fn run_command(&self, row: &Claimed, to: &ReplyTo, context: Context, rule: &'static str) -> Outcome {
        let permission = |command: &CommandSpec| self.services.may(&to.sender, &to.room, to.room_type, command);
        let table = self.table.now();
        match router::route(table.commands(), |command| permission(command).is_ok(), &context.text) {
            Route::Empty => self.desk.reply(row, to, EventEnd::of(to, Verdict::Empty, rule), Reply::text(NOTHING_SAID)),
            Route::Forbidden(command) => {
                let reason = permission(command).err().unwrap_or_default();
                self.forbid(row, to, command, reason)
            }
            Route::Unknown { near } => {
                let reply = Reply::text(router::unknown(&context.text, near));
                self.desk.reply(row, to, EventEnd::of(to, Verdict::Unknown, rule), reply)
            }
            Route::Command(command, args) => {
                let run = Run { to, command, rule, way_out: None };
                match (args, command.quorum()) {
                    (Ok(_), Some(quorum)) => self.approvals.request(row, to, command, quorum, &context, rule).await,
                    (Ok(args), None) => self.perform(row, run, command.run(context, args)).await.outcome(),
                    (Err(error), _) => self.result(row, &run, Err(error)).await,
                }
            }
        }
    }

    /// Answers somebody who may not give a command, as the settings say.
    fn forbid(&self, row: &Claimed, to: &ReplyTo, command: &CommandSpec, reason: &'static str) -> Outcome {
        let name = command.name();
        let end = EventEnd::of(to, Verdict::Denied, reason).command(name);
        match self.services.policy.is_spoken() {
            true => self.desk.reply(row, to, end, Reply::text(format!("I am sorry, but you may not use {name} here."))),
            false => end.into(),
        }
    }

    /// Tells whoever answered that nothing takes the answer any more.
    fn gone(&self, row: &Claimed, to: &ReplyTo) -> Outcome {
        self.desk.reply(row, to, EventEnd::of(to, Verdict::Declined, NO_ACTION), Reply::text(GONE))
    }

    async fn take_answer(
        &self,
        row: &Claimed,
        to: &ReplyTo,
        context: Context,
        rule: &'static str,
        asked: Asked,
    ) -> Outcome {
        let (kept, over, answered) = (&asked.kept, asked.over.clone(), asked.answered());
        if context.files.is_empty() && is_cancel(&context.text) {
            let end = EventEnd::of(to, Verdict::Cancelled, rule).command(&kept.command);
            return self.desk.reply(row, to, end, Reply::text(CANCELLED)).with(answered);
        }
        let inputs = Inputs::typed(kept.input.clone(), &context.text, kept.arguments.clone());
        let way_out = Some(match to.room_type {
            RoomType::Direct => WAY_OUT,
            RoomType::Group => WAY_OUT_HERE,
        });
        let table = self.table.now();
        match self.action(&table, to, &kept.command, &kept.action, context, inputs) {
            Ok((command, acting)) => {
                let run = Run { to, command, rule, way_out };
                match self.perform_once(row, run, acting).await {
                    Ran::Answered(outcome) => outcome.with(answered),
                    Ran::Refused(outcome) => outcome,
                    // One that is tried again closes nothing, and so ends nothing.
                    Ran::Failed(outcome) => outcome.with([over]),
                }
            }
            Err(Unable::Forbidden(command, reason)) => self.forbid(row, to, command, reason).with([over]),
            Err(Unable::Gone) => self.gone(row, to).with([over]),
        }
    }
}
