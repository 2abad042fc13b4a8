//! Finds what the words of a person call for, and runs it: a command, or the action that takes their answer.

use std::sync::Arc;
use std::time::Duration;

use super::Inbox;
use super::running::{CommandRun, RunEnd, Uncallable, refuse_gone};
use crate::approvals::Requested;
use crate::clock;
use crate::desk::{Case, Outcome, ReplyTo, SpokenRefusal};
use crate::handler::{CommandSpec, Context, Elsewhere, Inputs, Origin};
use crate::questions::{AskedQuestion, Meaning, Utterance, is_cancel};
use crate::router::{self, Route, addressed_text};
use crate::verdict::Verdict;
use crate::webex::{Message, RoomType};

/// The shortest time that an event waits for the message of a question that is just being sent. If the event has
/// already waited for more than twice this, it waits for half the time it has waited.
const BEING_SENT: Duration = Duration::from_millis(300);

const NOTHING_SAID: &str = "Yes? Say help to see what I can do.";
const CANCELLED: &str = "Cancelled.";

/// Tells how to stop a question whose answer is refused: in a direct space, and in a group space.
const WAY_OUT: &str = "Say cancel to stop.";
const WAY_OUT_HERE: &str = "To stop, mention me and say cancel.";

impl Inbox {
    pub(super) async fn answer_message(&self, case: Case<'_>, message: &Message) -> Outcome {
        let origin = Origin::Message(message.id.clone());
        let context = self.context(case, origin, addressed_text(message, case.me), message.files.clone());
        self.answer_words(case, context, Utterance { at: message.created, card: None }).await
    }

    pub(super) fn context(&self, case: Case<'_>, origin: Origin, text: String, files: Vec<String>) -> Context {
        let ReplyTo { room, room_type, thread, sender, .. } = case.to.clone();
        Context {
            sender,
            room,
            room_type,
            origin,
            thread,
            text,
            event: case.row.id,
            files,
            elsewhere: Elsewhere::default(),
            deadline: clock::instant() + self.deadline,
            services: Arc::clone(&self.services),
        }
    }

    /// Does what somebody says, typed or with a button: it answers what they were asked, or is a command.
    pub(super) async fn answer_words(&self, case: Case<'_>, words: Context, said: Utterance) -> Outcome {
        match self.questions.meaning(case.row, &words, said).await {
            Ok(Meaning::Command) => self.run_command(case, words).await,
            Ok(Meaning::Answer(asked)) => {
                let (action, event) = (format!("{}/{}", asked.stored.command, asked.stored.action), asked.event);
                let outcome = self.take_answer(case, words, asked).await;
                outcome.map_end(|end| end.action(&action).answering(event))
            }
            Ok(Meaning::TooLate(asked, SpokenRefusal { verdict, reason, says })) => {
                self.desk.reply(case, case.end(verdict).noted(reason).with([asked.end]), says).into()
            }
            Ok(Meaning::Unsettled) => {
                let note = "the message of a question is just being sent; Webex will say which of the two was first";
                Outcome::later(BEING_SENT.max(case.row.failing() / 2), note)
            }
            Ok(Meaning::Gone) => self.desk.refuse(case, refuse_gone()).into(),
            Err(error) => self.desk.retry_on_ledger_error(case.row, &error),
        }
    }

    /// Runs the command that the text names.
    async fn run_command(&self, case: Case<'_>, context: Context) -> Outcome {
        let table = self.table.now();
        let may = |command: &CommandSpec| context.may_give(command);
        match router::route(table.commands(), |command| may(command).is_ok(), &context.text) {
            Route::Empty => self.desk.reply(case, case.end(Verdict::Empty), NOTHING_SAID).into(),
            Route::Forbidden(command) => self.forbid(case, command, may(command).err().unwrap_or_default()),
            Route::Unknown { near } => {
                self.desk.reply(case, case.end(Verdict::Unknown), router::unknown(&context.text, near)).into()
            }
            Route::Command(command, args) => {
                let run = CommandRun { case, command, way_out: None };
                match (args, command.quorum()) {
                    (Ok(_), Some(quorum)) => {
                        self.approvals.request(case, Requested { command, quorum, context: &context }).await
                    }
                    (Ok(args), None) => {
                        let (outcome, _) = self.perform(run, command.run(context, args)).await;
                        outcome
                    }
                    (Err(error), _) => self.end_run(&run, Err(error)).await,
                }
            }
        }
    }

    /// Answers somebody who may not give a command, as the settings say.
    fn forbid(&self, case: Case<'_>, command: &CommandSpec, reason: &'static str) -> Outcome {
        let (name, case) = (command.name(), Case { rule: reason, ..case });
        let end = case.end(Verdict::Denied).command(name);
        match self.services.policy.is_spoken() {
            true => self.desk.reply(case, end, format!("You can't use {name} here.")).into(),
            false => end.into(),
        }
    }

    async fn take_answer(&self, case: Case<'_>, words: Context, asked: AskedQuestion) -> Outcome {
        let (stored, end, answered) = (&asked.stored, asked.end.clone(), asked.effects_of_answer());
        if words.files.is_empty() && is_cancel(&words.text) {
            let end = case.end(Verdict::Cancelled).command(&stored.command);
            return self.desk.reply(case, end.with(answered), CANCELLED).into();
        }
        let inputs = Inputs::typed(stored.input.clone(), &words.text, stored.arguments.clone());
        let way_out = Some(match case.to.room_type {
            RoomType::Direct => WAY_OUT,
            RoomType::Group => WAY_OUT_HERE,
        });
        let table = self.table.now();
        match self.call_action(&table, &stored.command, &stored.action, words, inputs) {
            Ok((command, running)) => {
                let run = CommandRun { case, command, way_out };
                let (outcome, run_end) = self.perform_once(run, running).await;
                outcome.with(match run_end {
                    RunEnd::Answered => answered,
                    RunEnd::Refused => Vec::new(),
                    // A failure that is tried again closes no event, so the question stays open then.
                    RunEnd::Failed => vec![end],
                })
            }
            Err(Uncallable::Forbidden(command, reason)) => self.forbid(case, command, reason).with([end]),
            Err(Uncallable::Gone) => self.desk.refuse(case, refuse_gone()).with([end]).into(),
        }
    }
}
