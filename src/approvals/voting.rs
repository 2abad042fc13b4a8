//! Counts the votes that people press on the card of an approval request. The last approval does not run the command.
//! It records the decision together with an event that runs the command, so neither a failure nor a kill undoes the
//! decision.
//!
//! All clicks of a space, the run and the end of the time are in one lane: no two of them are worked on at the same time.

use jiff::Timestamp;
use uuid::Uuid;

use super::{Approvals, wording};
use crate::access::{Quorum, Sender};
use crate::card::Vote;
use crate::desk::{Case, EventEnd, Outcome, ReplyTo, SpokenRefusal};
use crate::event::{self, Approved, Event};
use crate::store::{Approval, ApprovalState, ApprovalStep, Approver, Effect};
use crate::verdict::Verdict;
use crate::webex::{Error, MessageId, NewMessage, Person, RoomId};

/// A vote that somebody pressed.
pub struct PressedVote {
    /// The card, and so the request.
    pub card: Uuid,
    /// Webex's id of the card's message.
    pub message: MessageId,
    /// Which button was pressed.
    pub vote: Vote,
    /// When the button was pressed, by Webex's clock.
    pub at: Option<Timestamp>,
}

/// The approvals of others, counted anew.
struct Recount {
    counting: usize,
    /// Those that do not count any more.
    lapsed: Vec<Approver>,
}

impl Approvals {
    /// Counts a vote, or ends the request by it.
    pub async fn vote(&self, case: Case<'_>, press: PressedVote) -> Outcome {
        let approval = match self.desk.services.store.approval(press.card).await {
            Ok(Some(approval)) => approval,
            Ok(None) => {
                let says = "That was too long ago. Please ask me again.";
                let refusal = SpokenRefusal::declined("the ledger has forgotten what it is about", says);
                return self.desk.refuse_click(case, press.card, refusal).into();
            }
            Err(error) => return self.desk.retry_on_request_error(case.row, &error),
        };
        let request = &approval.request;
        let to = ReplyTo { thread: Some(request.thread.as_str().into()), ..case.to.clone() };
        let case = Case { to: &to, ..case };
        let (command, reference) = (request.command.clone(), event::reference(request.event));
        let outcome = match self.quorum_for(&approval, &to.sender, press.vote, case.row.accepted_at) {
            Err(refusal) => self.desk.refuse_click(case, press.card, refusal).into(),
            Ok(quorum) => match press.vote {
                Vote::Approve => self.approve(case, press, approval, &quorum).await,
                Vote::Deny | Vote::Withdraw => self.end_by_vote(case, press, approval),
            },
        };
        outcome.map_end(|end| end.command(&command).of_request(&reference))
    }

    /// The quorum that the vote counts for, by the settings as they are now.
    ///
    /// # Errors
    /// The refusal that the person reads if the vote does not count.
    fn quorum_for(
        &self,
        approval: &Approval,
        voter: &Sender,
        vote: Vote,
        clicked_at: i64,
    ) -> Result<Quorum, SpokenRefusal> {
        let request = &approval.request;
        if !approval.is_open() {
            let says = format!("That is decided already. {}", wording::ended(approval));
            return Err(SpokenRefusal::declined("it is decided already", says));
        }
        let commands = self.desk.services.commands();
        let command = commands.iter().find(|command| command.name() == request.command);
        let Some(quorum) = command.and_then(|command| command.quorum().cloned()) else {
            let reason = "the command is gone, or needs no approval any more";
            let says = "That does not wait for approval any more. Please ask me again.";
            return Err(SpokenRefusal::declined(reason, says));
        };
        // The time at which the click arrived is the same at each try; the time of the try is not.
        if clicked_at >= request.expires_at {
            let says = "That was not approved in time. Please ask me again.";
            return Err(SpokenRefusal::declined("the time for it is over", says));
        }
        let is_requester = voter.id.local() == request.person;
        let (reason, says) = match vote {
            Vote::Withdraw if is_requester => return Ok(quorum),
            Vote::Withdraw => {
                let says = format!("Only {}, who asked for that, may withdraw it.", request.email);
                ("only whoever asked may withdraw", says)
            }
            Vote::Approve | Vote::Deny if is_requester => {
                let says = "You asked for that yourself, so others have to decide on it. Withdraw takes it back.";
                ("whoever asks does not decide", says.to_owned())
            }
            Vote::Approve | Vote::Deny if !self.desk.services.policy.approves(&quorum, &voter.id, &voter.email) => {
                let says = format!("You are not among those who may approve {}.", request.command);
                ("not listed in the command's approve.by", says)
            }
            Vote::Approve | Vote::Deny => return Ok(quorum),
        };
        Err(SpokenRefusal::denied(reason, says))
    }

    /// Counts an approval. The last one has the command run.
    async fn approve(&self, case: Case<'_>, press: PressedVote, approval: Approval, quorum: &Quorum) -> Outcome {
        let (Case { row, to, .. }, needed) = (case, quorum.needed());
        let Sender { id, email } = &to.sender;
        let by = Approver {
            person: id.local(),
            person_id: id.to_string(),
            email: email.clone(),
            at: row.accepted_at,
            event: Some(row.id),
            message: Some(press.message.to_string()),
        };
        let request = approval.request;
        let (own, others): (Vec<_>, Vec<_>) =
            approval.approvers.into_iter().partition(|known| known.person == by.person);
        let Recount { counting, lapsed } = match self.recount(case.me, quorum, &request.room, others).await {
            Ok(recount) => recount,
            Err(error) => return self.desk.retry_reading(row, &error).await,
        };
        let count = counting + 1;
        // A second press of the same person counts only where it changes something: an approval has lapsed, or the settings
        // have changed and theirs is now enough.
        if !own.is_empty() && lapsed.is_empty() && count < needed {
            let says = "You have approved that already; it takes others too.";
            let refusal = SpokenRefusal::declined("has approved it already", says);
            return self.desk.refuse_click(case, press.card, refusal).into();
        }
        let void = lapsed.iter().map(|known| known.person.clone()).collect();
        let step = Effect::Approval(ApprovalStep::Approve { card: press.card, by, void });
        let counted =
            |reason| EventEnd::of(to, Verdict::Counted, reason).audited(format!("{count} of {needed}")).with([step]);
        if count < needed {
            let text = format!("{email} approved: {count} of {needed}.{}", wording::lapsed_approvals(&lapsed));
            let message = NewMessage::text(text).into();
            let letter = self.desk.letter(row, to, event::reply_id(row.id, 0), message, Some(&request.command));
            return counted("an approval, and not the last one").then([letter]).into();
        }
        let room = RoomId::from(request.room);
        let run = Event::Approved(Approved { card: press.card, room, created: press.at }).to_entry();
        let step = ApprovalStep::Run { card: press.card, by: run.id };
        counted("the last approval it takes").then([run]).with([Effect::Approval(step)]).into()
    }

    /// Counts the approvals of others anew. One has lapsed if its person may not approve any more. Once there may be enough
    /// of them, it has also lapsed if its person is not in the space.
    async fn recount(
        &self,
        me: &Person,
        quorum: &Quorum,
        room: &str,
        approvers: Vec<Approver>,
    ) -> Result<Recount, Error> {
        let may = |known: &Approver| {
            let id = known.person_id.as_str().into();
            self.desk.services.policy.approves(quorum, &id, &known.email) && self.is_answered(me, &id, &known.email)
        };
        let (allowed, mut lapsed): (Vec<_>, Vec<_>) = approvers.into_iter().partition(may);
        if allowed.len() + 1 < quorum.needed() {
            return Ok(Recount { counting: allowed.len(), lapsed });
        }
        let (room, mut counting) = (RoomId::from(room), 0);
        for mut known in allowed {
            match self.member(&known.person_id.as_str().into(), &room).await? {
                Some(person) => {
                    person.email().clone_into(&mut known.email);
                    if may(&known) { counting += 1 } else { lapsed.push(known) }
                }
                None => lapsed.push(known),
            }
        }
        Ok(Recount { counting, lapsed })
    }

    /// Ends a request without running its command.
    fn end_by_vote(&self, case: Case<'_>, press: PressedVote, approval: Approval) -> Outcome {
        let (state, reason) = match press.vote {
            Vote::Withdraw => (ApprovalState::Withdrawn, "withdrawn by whoever asked"),
            Vote::Approve | Vote::Deny => (ApprovalState::Denied, "denied by somebody who may approve it"),
        };
        let (end, by) = (EventEnd::of(case.to, Verdict::Ended, reason), case.to.sender.email.clone());
        self.end_request(end, case.row, approval, state, by, Some(press.message)).into()
    }
}
