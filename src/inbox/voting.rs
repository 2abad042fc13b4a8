//! Somebody presses a button on a card that asks for approval. With the last approval nothing runs yet: that it is decided
//! is written down first, with an event that runs the command, so that neither a failure nor a kill undoes the decision.
//!
//! All clicks of a space, the run, and the end of each time, are in one lane: nothing here happens at one time with another.

use jiff::Timestamp;
use uuid::Uuid;

use super::Inbox;
use super::closing::{About, Ending};
use super::wording;
use crate::access::{Act, Decision, Place, Quorum, decide};
use crate::event;
use crate::handler::{Command, Sender, Vote};
use crate::receiver::Envelope;
use crate::store::{Again, Approval, ApprovalState, ApprovalStep, Approver, Claimed, Effect, Settlement, StoreError};
use crate::webex::{Error, Fault, MessageId, NewMessage, Person, PersonId, RoomId};

/// A button that was pressed.
pub(super) struct Press {
    /// Which card, and so which request.
    pub card: Uuid,
    /// Webex's id of the card's message.
    pub message: MessageId,
    pub vote: Vote,
    /// When, by Webex's clock.
    pub at: Option<Timestamp>,
}

/// Why a vote does not count.
struct Void {
    verdict: &'static str,
    reason: &'static str,
    says: String,
}

impl Inbox {
    pub(super) async fn vote(&self, row: Claimed, about: About, me: &Person, press: Press) -> Settlement {
        let approval = match self.services.store.approval(press.card).await {
            Ok(Some(approval)) => approval,
            Ok(None) => {
                let ending = Ending { reason: "the ledger has forgotten what it is about", ..Ending::of("declined") };
                return self.decline(row, about, press.card, ending, "That was too long ago. Please ask me again.");
            }
            Err(error) => return self.unapprovable(row, &error),
        };
        let about = About { thread: Some(approval.request.thread.as_str().into()), ..about };
        let reference = event::reference(approval.request.event);
        let settlement = match self.counts(&approval, &about.sender, press.vote, row.accepted_at) {
            Err(Void { verdict, reason, says }) => {
                let command = Some(approval.request.command);
                self.decline(row, about, press.card, Ending { reason, command, ..Ending::of(verdict) }, &says)
            }
            Ok(quorum) => match press.vote {
                Vote::Approve => self.approve(row, about, me, press, approval, quorum).await,
                Vote::Deny => self.end_by_hand(row, about, press, approval, ApprovalState::Denied),
                Vote::Withdraw => self.end_by_hand(row, about, press, approval, ApprovalState::Withdrawn),
            },
        };
        // Whoever reads the audit, or of this click, finds the request.
        settlement.closing(|closing, _| {
            closing.audit.iter_mut().for_each(|entry| entry.reason += &format!(" for {reference}"));
            closing.note = closing.note.take().map(|note| format!("{note}; the request is {reference}"));
        })
    }

    /// By which rule this person decides so on a request, as the settings are now.
    fn counts(&self, approval: &Approval, sender: &Sender, vote: Vote, at: i64) -> Result<&Quorum, Void> {
        let request = &approval.request;
        let void = |verdict, reason, says: &str| Err(Void { verdict, reason, says: says.to_owned() });
        if !approval.is_open() {
            let says = format!("That is decided already. {}", wording::ended(approval));
            return void("declined", "it is decided already", &says);
        }
        let command = self.services.commands.iter().find(|command| command.name() == request.command);
        let Some(quorum) = command.and_then(Command::quorum) else {
            let says = "That does not wait for approval any more. Please ask me again.";
            return void("declined", "the command is gone, or needs no approval any more", says);
        };
        // When the click arrived, not when it is worked on: that is the same at each try.
        if at >= request.expires_at {
            return void("declined", "the time for it is over", "That was not approved in time. Please ask me again.");
        }
        let is_asker = sender.id.local() == request.person;
        match vote {
            Vote::Withdraw if is_asker => Ok(quorum),
            Vote::Withdraw => {
                let says = format!("Only {}, who asked for that, may withdraw it.", request.email);
                void("denied", "only whoever asked may withdraw", &says)
            }
            Vote::Approve | Vote::Deny if is_asker => void(
                "denied",
                "whoever asks does not decide",
                "You asked for that yourself, so others have to decide on it. Withdraw takes it back.",
            ),
            Vote::Approve | Vote::Deny if !self.services.policy.approves(quorum, &sender.id, &sender.email) => {
                let says = format!("You are not among those who may approve {}.", request.command);
                void("denied", "not listed in the command's approve.by", &says)
            }
            Vote::Approve | Vote::Deny => Ok(quorum),
        }
    }

    /// Counts an approval, and has the command run with the last one.
    async fn approve(
        &self,
        row: Claimed,
        about: About,
        me: &Person,
        press: Press,
        approval: Approval,
        quorum: &Quorum,
    ) -> Settlement {
        let (Sender { id, email }, needed) = (&about.sender, quorum.needed());
        let by = Approver {
            person: id.local(),
            person_id: id.to_string(),
            email: email.clone(),
            at: row.accepted_at,
            event: Some(row.id),
            message: Some(press.message.to_string()),
        };
        // Who may not approve any more by now does not count any more.
        let may = |known: &Approver| {
            let id = known.person_id.as_str().into();
            self.services.policy.approves(quorum, &id, &known.email) && self.is_answered(me, &id, &known.email)
        };
        let (own, others): (Vec<_>, Vec<_>) =
            approval.approvers.into_iter().partition(|known| known.person == by.person);
        let (mut standing, mut void): (Vec<_>, Vec<_>) = others.into_iter().partition(may);
        if standing.len() + 1 >= needed {
            let (room, known) = (RoomId::from(approval.request.room.as_str()), std::mem::take(&mut standing));
            for mut known in known {
                match self.fetch(self.still(&known.person_id.as_str().into(), &room)).await {
                    Ok(Some(person)) => {
                        person.email().clone_into(&mut known.email);
                        if may(&known) { standing.push(known) } else { void.push(known) }
                    }
                    Ok(None) => void.push(known),
                    Err(error) => return self.unread(row, &error).await,
                }
            }
        }
        let count = standing.len() + 1;
        let command = Some(approval.request.command.clone());
        // Whose approval may be enough by now, since the settings have changed, presses again.
        if !own.is_empty() && void.is_empty() && count < needed {
            let ending = Ending { reason: "has approved it already", command, ..Ending::of("declined") };
            let says = "You have approved that already; it takes others too.";
            return self.decline(row, about, press.card, ending, says);
        }
        let ids = void.iter().map(|known| known.person.clone()).collect();
        let step = Effect::Approval(ApprovalStep::Approve { card: press.card, by, void: ids });
        let (entry, run) = if count < needed {
            let text = format!("{email} approved: {count} of {needed}.{}", wording::void(&void));
            let said = NewMessage { text: Some(text), ..NewMessage::default() };
            (self.entry(&row, &about, event::reply_id(row.id, 0), said.into(), command.clone()), None)
        } else {
            let run = Envelope::of_approved(press.card, approval.request.room, press.at).into_entry();
            let step = ApprovalStep::Run { card: press.card, by: run.id };
            (run, Some(Effect::Approval(step)))
        };
        let reason = if run.is_none() { "an approval, and not the last one" } else { "the last approval it takes" };
        let ending = Ending { reason, command, ..Ending::of("counted") };
        self.log(&about, &ending);
        let settlement = row.done(about.closing(ending), vec![entry]).with(step).closing(|closing, _| {
            closing.audit.iter_mut().for_each(|entry| entry.reason = format!("{count} of {needed}"));
        });
        run.into_iter().fold(settlement, Settlement::with)
    }

    /// Ends a request without running anything.
    fn end_by_hand(
        &self,
        row: Claimed,
        about: About,
        press: Press,
        approval: Approval,
        state: ApprovalState,
    ) -> Settlement {
        let reason = match press.vote {
            Vote::Withdraw => "withdrawn by whoever asked",
            Vote::Approve | Vote::Deny => "denied by somebody who may approve it",
        };
        let ending = Ending { reason, command: Some(approval.request.command.clone()), ..Ending::of("ended") };
        self.log(&about, &ending);
        let frozen = self.freeze(&row, approval, state, about.sender.email.clone(), Some(press.message));
        row.done(about.closing(ending), Vec::new()).closing(|closing, entries| frozen.add_to(closing, entries))
    }

    /// Whoever it is, as they are called now, if they are in the space: an address may have been given to somebody else.
    pub(super) async fn still(&self, id: &PersonId, room: &RoomId) -> Result<Option<Person>, Error> {
        let webex = &self.services.webex;
        let found = async { Ok::<_, Error>((webex.person(id).await?, webex.is_member(room, id).await?)) };
        match found.await {
            Ok((person, is_member)) => Ok(is_member.then_some(person)),
            Err(error) if error.fault() == Fault::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether the bot answers somebody in spaces, by the settings as they are now.
    pub(super) fn is_answered(&self, me: &Person, id: &PersonId, email: &str) -> bool {
        let place = Place::Group { mentioned: true };
        matches!(decide(&self.services.policy, &me.id, id, email, place, Act::Text), Decision::Allow(_))
    }

    /// The ledger does not give a request. What it never gives must not hold up the space for ever.
    pub(super) fn unapprovable(&self, row: Claimed, error: &StoreError) -> Settlement {
        if self.retry.is_last(&row) {
            return self.give_up(row, &format!("the ledger does not give what waits for approval: {error}"));
        }
        tracing::error!(%error, "the ledger does not give what waits for approval; the event waits");
        let after = self.retry.backoff(&row);
        row.again(Again { after, spent: true, note: Some(error.to_string()), ..Again::default() })
    }
}
