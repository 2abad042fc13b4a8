//! What a button of ours does that somebody pressed who is answered.

use super::Inbox;
use super::running::{GONE, NO_ACTION, Ran, Run, Unable};
use crate::approvals::PressedVote;
use crate::card::{Button, Deed, Refusal};
use crate::clock;
use crate::desk::{End, Outcome, ReplyTo};
use crate::handler::{Inputs, Origin};
use crate::pairing;
use crate::questions::Said;
use crate::store::{Claimed, Effect};
use crate::verdict::Verdict;
use crate::webex::{AttachmentAction, Person};

impl Inbox {
    pub(super) async fn press(
        &self,
        row: &Claimed,
        to: &ReplyTo,
        action: &AttachmentAction,
        button: Button,
        rule: &'static str,
        me: &Person,
    ) -> Outcome {
        let pressed = match &button.deed {
            Deed::Action(name) => format!("{}/{name}", button.command),
            Deed::Vote(vote) => format!("{}/{}", button.command, vote.word()),
            Deed::Say(_) => button.command.clone(),
        };
        let outcome = match self.refusal(row, to, &button).await {
            Some(refusal) => refusal,
            None => self.do_pressed(row, to, action, button, rule, me).await,
        };
        outcome.map_end(|end| end.action(&pressed))
    }

    /// Why the button does nothing for whoever pressed it.
    async fn refusal(&self, row: &Claimed, to: &ReplyTo, button: &Button) -> Option<Outcome> {
        let decline = |verdict, reason, says| Some(self.desk.decline(row, to, button.card, verdict, reason, says));
        let refusal = match button.deed {
            // How long that may be pressed, and by whom, the ledger says.
            Deed::Vote(_) => None,
            Deed::Action(_) | Deed::Say(_) => button.refuses(&to.sender, clock::wall_ms()),
        };
        match refusal {
            None if !button.once => None,
            None => match self.services.store.is_used(button.card).await {
                Ok(false) => None,
                Ok(true) => decline(Verdict::Declined, "the card was used already", "That card has been used already."),
                Err(error) => Some(self.desk.without_ledger(row, &error)),
            },
            Some(Refusal::NotTheirs) => {
                decline(Verdict::Denied, "the button is for other people", "That button is for somebody else.")
            }
            Some(Refusal::Expired) => {
                // An admin did not ask for the card of a stranger, and cannot.
                let says = match button.command.as_str() {
                    pairing::COMMAND => pairing::EXPIRED,
                    _ => "That card has expired. Please ask me again.",
                };
                decline(Verdict::Declined, "the card has expired", says)
            }
        }
    }

    async fn do_pressed(
        &self,
        row: &Claimed,
        to: &ReplyTo,
        action: &AttachmentAction,
        button: Button,
        rule: &'static str,
        me: &Person,
    ) -> Outcome {
        let Button { card, command, deed, arguments, once, until, .. } = button;
        let message = action.message_id.clone();
        let name = match deed {
            Deed::Say(text) => {
                let context = self.context(row, to, Origin::Click(message), text, Vec::new());
                return self.hear(row, to, context, rule, Said { at: action.created, card: Some(card) }).await;
            }
            Deed::Vote(vote) => {
                let press = PressedVote { card, message, vote, at: action.created };
                return self.approvals.vote(row, to, me, press).await;
            }
            Deed::Action(name) => name,
        };
        let context = self.context(row, to, Origin::Click(message), String::new(), Vec::new());
        let inputs = Inputs::new(&action.inputs, arguments);
        let table = self.table.now();
        let (command, acting) = match self.action(&table, to, &command, &name, context, inputs) {
            Ok(found) => found,
            Err(Unable::Forbidden(command, reason)) => {
                return End::of(to, Verdict::Denied, reason).command(command.name()).into();
            }
            Err(Unable::Gone) => return self.desk.decline(row, to, card, Verdict::Declined, NO_ACTION, GONE),
        };
        let over = match self.questions.ended_by_click(to, card, once, &name).await {
            Ok(over) => over,
            Err(error) => return self.desk.without_ledger(row, &error),
        };
        let spent = once.then_some(Effect::Use { card, until, action: Some(name) });
        let run = Run { to, command, rule, way_out: None };
        let ran = match once {
            true => self.perform_once(row, run, acting).await,
            false => self.perform(row, run, acting).await,
        };
        match ran {
            Ran::Answered(outcome) => outcome.with(spent.into_iter().chain(over)),
            Ran::Refused(outcome) => outcome,
            // As with an answer that is typed: one that is tried again closes nothing, and so ends nothing. A try that the end
            // of the process cut off may have done everything.
            Ran::Failed(outcome) => outcome.with(spent.filter(|_| row.deaths > 0).into_iter().chain(over)),
        }
    }
}
