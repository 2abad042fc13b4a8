//! Somebody presses a button on a card that asks for approval. With the last approval nothing runs yet: that it is decided
//! is written down first, with an event that runs the command, so that neither a failure nor a kill undoes the decision.
//!
//! All clicks of a space, the run, and the end of each time, are in one lane: nothing here happens at one time with another.

use jiff::Timestamp;
use uuid::Uuid;

use super::{Approvals, wording};
use crate::access::{Quorum, Sender};
use crate::card::Vote;
use crate::desk::{EventEnd, Outcome, ReplyTo};
use crate::event::{self, Approved, Event};
use crate::store::{Approval, ApprovalState, ApprovalStep, Approver, Claimed, Effect};
use crate::verdict::Verdict;
use crate::webex::{Error, MessageId, NewMessage, Person, RoomId};

/// A button that was pressed.
pub struct PressedVote {
    /// Which card, and so which request.
    pub card: Uuid,
    /// Webex's id of the card's message.
    pub message: MessageId,
    /// What it says.
    pub vote: Vote,
    /// When, by Webex's clock.
    pub at: Option<Timestamp>,
}

/// Why a vote does not count.
struct Void {
    verdict: Verdict,
    reason: &'static str,
    says: String,
}

impl Approvals {
    /// Counts a vote, or ends the request by it.
    pub async fn vote(&self, row: &Claimed, to: &ReplyTo, me: &Person, press: PressedVote) -> Outcome {
        let approval = match self.desk.services.store.approval(press.card).await {
            Ok(Some(approval)) => approval,
            Ok(None) => {
                let reason = "the ledger has forgotten what it is about";
                let says = "That was too long ago. Please ask me again.";
                return self.desk.decline(row, to, press.card, Verdict::Declined, reason, says);
            }
            Err(error) => return self.desk.without_request(row, &error),
        };
        let request = &approval.request;
        let to = &ReplyTo { thread: Some(request.thread.as_str().into()), ..to.clone() };
        let (command, reference) = (request.command.clone(), event::reference(request.event));
        let named = |end: EventEnd| end.command(&command).of_request(&reference);
        match self.counts(&approval, &to.sender, press.vote, row.accepted_at) {
            Err(Void { verdict, reason, says }) => {
                self.desk.decline(row, to, press.card, verdict, reason, &says).map_end(named)
            }
            Ok(quorum) => match press.vote {
                Vote::Approve => self.approve(row, to, me, press, approval, &quorum).await.map_end(named),
                Vote::Deny => named(self.end_by_hand(row, to, press, approval, ApprovalState::Denied)).into(),
                Vote::Withdraw => named(self.end_by_hand(row, to, press, approval, ApprovalState::Withdrawn)).into(),
            },
        }
    }

    /// By which rule this person decides so on a request, as the settings are now.
    fn counts(&self, approval: &Approval, sender: &Sender, vote: Vote, at: i64) -> Result<Quorum, Void> {
        let request = &approval.request;
        let void = |verdict, reason, says: &str| Err(Void { verdict, reason, says: says.to_owned() });
        if !approval.is_open() {
            let says = format!("That is decided already. {}", wording::ended(approval));
            return void(Verdict::Declined, "it is decided already", &says);
        }
        let commands = self.desk.services.commands();
        let command = commands.iter().find(|command| command.name() == request.command);
        let Some(quorum) = command.and_then(|command| command.quorum().cloned()) else {
            let says = "That does not wait for approval any more. Please ask me again.";
            return void(Verdict::Declined, "the command is gone, or needs no approval any more", says);
        };
        // When the click arrived, not when it is worked on: that is the same at each try.
        if at >= request.expires_at {
            return void(
                Verdict::Declined,
                "the time for it is over",
                "That was not approved in time. Please ask me again.",
            );
        }
        let is_asker = sender.id.local() == request.person;
        match vote {
            Vote::Withdraw if is_asker => Ok(quorum),
            Vote::Withdraw => {
                let says = format!("Only {}, who asked for that, may withdraw it.", request.email);
                void(Verdict::Denied, "only whoever asked may withdraw", &says)
            }
            Vote::Approve | Vote::Deny if is_asker => void(
                Verdict::Denied,
                "whoever asks does not decide",
                "You asked for that yourself, so others have to decide on it. Withdraw takes it back.",
            ),
            Vote::Approve | Vote::Deny if !self.desk.services.policy.approves(&quorum, &sender.id, &sender.email) => {
                let says = format!("You are not among those who may approve {}.", request.command);
                void(Verdict::Denied, "not listed in the command's approve.by", &says)
            }
            Vote::Approve | Vote::Deny => Ok(quorum),
        }
    }

    /// Counts an approval, and has the command run with the last one.
    async fn approve(
        &self,
        row: &Claimed,
        to: &ReplyTo,
        me: &Person,
        press: PressedVote,
        approval: Approval,
        quorum: &Quorum,
    ) -> Outcome {
        let (Sender { id, email }, needed) = (&to.sender, quorum.needed());
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
        let (standing, void) = match self.recounted(me, quorum, &request.room, others).await {
            Ok(recounted) => recounted,
            Err(error) => return self.desk.unread(row, &error).await,
        };
        let (count, command) = (standing + 1, request.command.as_str());
        // Whose approval may be enough by now, since the settings have changed, presses again.
        if !own.is_empty() && void.is_empty() && count < needed {
            let (reason, says) = ("has approved it already", "You have approved that already; it takes others too.");
            return self.desk.decline(row, to, press.card, Verdict::Declined, reason, says);
        }
        let ids = void.iter().map(|known| known.person.clone()).collect();
        let step = Effect::Approval(ApprovalStep::Approve { card: press.card, by, void: ids });
        let counted =
            |reason| EventEnd::of(to, Verdict::Counted, reason).audited(format!("{count} of {needed}")).with(step);
        if count < needed {
            let text = format!("{email} approved: {count} of {needed}.{}", wording::void(&void));
            let said = NewMessage::text(text).into();
            let letter = self.desk.letter(row, to, event::reply_id(row.id, 0), said, Some(command));
            return counted("an approval, and not the last one").then([letter]).into();
        }
        let room = RoomId::from(request.room);
        let run = Event::Approved(Approved { card: press.card, room, created: press.at }).to_entry();
        let step = ApprovalStep::Run { card: press.card, by: run.id };
        counted("the last approval it takes").then([run]).with(Effect::Approval(step)).into()
    }

    /// How many of these approvals count, and those that do not any more: whoever may not approve now, or, where the request
    /// could be decided with theirs, is not in the space.
    async fn recounted(
        &self,
        me: &Person,
        quorum: &Quorum,
        room: &str,
        approvers: Vec<Approver>,
    ) -> Result<(usize, Vec<Approver>), Error> {
        let may = |known: &Approver| {
            let id = known.person_id.as_str().into();
            self.desk.services.policy.approves(quorum, &id, &known.email) && self.is_answered(me, &id, &known.email)
        };
        let (standing, mut void): (Vec<_>, Vec<_>) = approvers.into_iter().partition(may);
        if standing.len() + 1 < quorum.needed() {
            return Ok((standing.len(), void));
        }
        let (room, mut count) = (RoomId::from(room), 0);
        for mut known in standing {
            match self.member(&known.person_id.as_str().into(), &room).await? {
                Some(person) => {
                    person.email().clone_into(&mut known.email);
                    if may(&known) { count += 1 } else { void.push(known) }
                }
                None => void.push(known),
            }
        }
        Ok((count, void))
    }

    /// Ends a request without running anything.
    fn end_by_hand(
        &self,
        row: &Claimed,
        to: &ReplyTo,
        press: PressedVote,
        approval: Approval,
        state: ApprovalState,
    ) -> EventEnd {
        let reason = match press.vote {
            Vote::Withdraw => "withdrawn by whoever asked",
            Vote::Approve | Vote::Deny => "denied by somebody who may approve it",
        };
        let by = to.sender.email.clone();
        self.end_request(row, approval, state, by, Some(press.message)).add_to(EventEnd::of(to, Verdict::Ended, reason))
    }
}
