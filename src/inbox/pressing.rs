//! Does what one of our buttons says, for a person who pressed it and is answered.

use super::Inbox;
use super::running::{CommandRun, RunEnd, Uncallable, refuse_gone};
use crate::approvals::PressedVote;
use crate::card::{Button, ButtonAction, ButtonRefusal};
use crate::clock;
use crate::desk::{Case, Outcome, SpokenRefusal};
use crate::handler::{Inputs, Origin};
use crate::pairing;
use crate::questions::Utterance;
use crate::store::Effect;
use crate::verdict::Verdict;
use crate::webex::AttachmentAction;

impl Inbox {
    pub(super) async fn press_button(&self, case: Case<'_>, click: &AttachmentAction, button: Button) -> Outcome {
        let pressed = match &button.action {
            ButtonAction::Call(name) => format!("{}/{name}", button.command),
            ButtonAction::Vote(vote) => format!("{}/{}", button.command, vote.word()),
            ButtonAction::Say(_) => button.command.clone(),
        };
        let outcome = match self.refuse_press(case, &button).await {
            Some(refused) => refused,
            None => self.do_pressed(case, click, button).await,
        };
        outcome.map_end(|end| end.action(&pressed))
    }

    /// Refuses a press if the button does nothing for this person, or no longer does anything.
    async fn refuse_press(&self, case: Case<'_>, button: &Button) -> Option<Outcome> {
        let refusal = match button.action {
            // The ledger knows who may vote, and until when.
            ButtonAction::Vote(_) => None,
            ButtonAction::Call(_) | ButtonAction::Say(_) => button.refusal(&case.to.sender, clock::wall_ms()),
        };
        let refusal = match refusal {
            None if !button.once => return None,
            None => match self.services.store.is_used(button.card).await {
                Ok(false) => return None,
                Ok(true) => SpokenRefusal::declined("the card was used already", "That card has been used already."),
                Err(error) => return Some(self.desk.retry_on_ledger_error(case.row, &error)),
            },
            Some(ButtonRefusal::NotTheirs) => {
                SpokenRefusal::denied("the button is for other people", "That button is for somebody else.")
            }
            Some(ButtonRefusal::Expired) => {
                // Nobody asked for the card that tells admins about a stranger, so nobody can ask for a new one.
                let says = match button.command.as_str() {
                    pairing::COMMAND => pairing::EXPIRED,
                    _ => "That card has expired. Please ask me again.",
                };
                SpokenRefusal::declined("the card has expired", says)
            }
        };
        Some(self.desk.refuse_click(case, button.card, refusal).into())
    }

    async fn do_pressed(&self, case: Case<'_>, click: &AttachmentAction, button: Button) -> Outcome {
        let message = click.message_id.clone();
        match button.action {
            ButtonAction::Say(text) => {
                let words = self.context(case, Origin::Click(message), text, Vec::new());
                let said = Utterance { at: click.created, card: Some(button.card) };
                self.answer_words(case, words, said).await
            }
            ButtonAction::Vote(vote) => {
                let press = PressedVote { card: button.card, message, vote, at: click.created };
                self.approvals.vote(case, press).await
            }
            ButtonAction::Call(ref action) => self.call_button(case, click, &button, action).await,
        }
    }

    async fn call_button(&self, case: Case<'_>, click: &AttachmentAction, button: &Button, action: &str) -> Outcome {
        let Button { card, once, until, .. } = *button;
        let context = self.context(case, Origin::Click(click.message_id.clone()), String::new(), Vec::new());
        let inputs = Inputs::new(&click.inputs, button.arguments.clone());
        let table = self.table.now();
        let (command, running) = match self.call_action(&table, &button.command, action, context, inputs) {
            Ok(found) => found,
            Err(Uncallable::Forbidden(command, reason)) => {
                return Case { rule: reason, ..case }.end(Verdict::Denied).command(command.name()).into();
            }
            Err(Uncallable::Gone) => {
                return self.desk.refuse_click(case, card, refuse_gone()).into();
            }
        };
        let question_end = match self.questions.end_by_click(case.to, card, once, action).await {
            Ok(end) => end,
            Err(error) => return self.desk.retry_on_ledger_error(case.row, &error),
        };
        // The process died during an earlier try, and that try may have done everything.
        let was_cut_off = case.row.deaths > 0;
        let used = once.then_some(Effect::Use { card, until, action: Some(action.to_owned()) });
        let run = CommandRun { case, command, way_out: None };
        let (outcome, run_end) = match once {
            true => self.perform_once(run, running).await,
            false => self.perform(run, running).await,
        };
        match run_end {
            RunEnd::Answered => outcome.with(used).with(question_end),
            RunEnd::Refused => outcome,
            // A failure that is tried again does not close the event. So it does not end the question either, just as
            // with a typed answer.
            RunEnd::Failed => outcome.with(used.filter(|_| was_cut_off)).with(question_end),
        }
    }
}
