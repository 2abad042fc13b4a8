//! Somebody presses a button on a card that asks for approval, or the time of it is over. With the last approval the
//! command runs, with whoever asked as its sender.
//!
//! All clicks of a space, and the end of each time, are in one lane: nothing here happens at one time with another. The
//! end is posted before the card goes, so that wherever the process is killed people read what is true.

use std::sync::Arc;
use std::time::Instant;

use uuid::Uuid;

use super::closing::{About, Ending, ended};
use super::inbox::Inbox;
use super::wording;
use crate::access::{Act, Decision, Place, Quorum, decide};
use crate::event;
use crate::handler::{Command, CommandError, Context, Letter, Sender, Vote, Withdrawal};
use crate::receiver::Envelope;
use crate::router::{self, Route};
use crate::store::{
    Approval, ApprovalState, ApprovalStep, Approver, AuditEntry, Claimed, Closing, Effect, Entry, Settlement, now_ms,
};
use crate::webex::{MessageId, NewMessage, Person, PersonId, RoomType};

/// By which rule a command runs that was approved.
const APPROVED: &str = "approved by as many others as it takes";

/// A button that was pressed.
pub(super) struct Press {
    /// Which card, and so which request.
    pub card: Uuid,
    /// Webex's id of the card's message.
    pub message: MessageId,
    pub vote: Vote,
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
            Err(error) => return self.unjudged(row, &error),
        };
        let request = &approval.request;
        let about = About { thread: Some(request.thread.as_str().into()), ..about };
        let name = Some(request.command.clone());
        // An operator may have a click tried again whose command failed.
        let is_retry = approval.state == ApprovalState::Failed && approval.ended_event == Some(row.id);
        let command = self.services.commands.iter().find(|command| command.name() == request.command);
        let judged = match command.and_then(Command::quorum) {
            _ if approval.state != ApprovalState::Open && !is_retry => Err(Void {
                verdict: "declined",
                reason: "it is decided already",
                says: format!("That is decided already. {}", wording::ended(&approval)),
            }),
            None => Err(Void {
                verdict: "declined",
                reason: "the command is gone, or needs no approval any more",
                says: "That does not wait for approval any more. Please ask me again.".to_owned(),
            }),
            Some(quorum) => match self.void(&approval, quorum, &about.sender, press.vote, &row) {
                Some(void) => Err(void),
                None => Ok(quorum),
            },
        };
        let quorum = match judged {
            Ok(quorum) => quorum,
            Err(Void { verdict, reason, says }) => {
                let ending = Ending { reason, command: name, ..Ending::of(verdict) };
                return self.decline(row, about, press.card, ending, &says);
            }
        };
        let by = about.sender.email.clone();
        match press.vote {
            Vote::Approve => self.approve(row, about, me, press, approval, quorum).await,
            Vote::Deny => self.end_by_hand(row, about, press, approval, ApprovalState::Denied, by),
            Vote::Withdraw => self.end_by_hand(row, about, press, approval, ApprovalState::Withdrawn, by),
        }
    }

    /// Why this person cannot decide so on an open request, by the settings as they are now.
    fn void(&self, approval: &Approval, quorum: &Quorum, sender: &Sender, vote: Vote, row: &Claimed) -> Option<Void> {
        let request = &approval.request;
        let void = |verdict, reason, says: &str| Some(Void { verdict, reason, says: says.to_owned() });
        // When the click arrived, not when it is worked on: that is the same at each try.
        if row.accepted_at >= request.expires_at {
            return void("declined", "the time for it is over", "That was not approved in time. Please ask me again.");
        }
        let is_asker = sender.id.local() == request.person;
        match vote {
            Vote::Withdraw if is_asker => None,
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
            Vote::Approve | Vote::Deny => None,
        }
    }

    /// Counts an approval, and runs the command with the last one.
    async fn approve(
        &self,
        row: Claimed,
        about: About,
        me: &Person,
        press: Press,
        mut approval: Approval,
        quorum: &Quorum,
    ) -> Settlement {
        let Sender { id, email } = &about.sender;
        let by = Approver { person: id.local(), person_id: id.to_string(), email: email.clone(), at: row.accepted_at };
        let has_approved = approval.approvers.iter().any(|known| known.person == by.person);
        approval.approvers.retain(|known| {
            // Who may not approve any more by now does not count any more.
            let id = known.person_id.as_str().into();
            known.person != by.person
                && self.services.policy.approves(quorum, &id, &known.email)
                && self.is_answered(me, &id, &known.email)
        });
        approval.approvers.push(by.clone());
        let (count, needed) = (approval.approvers.len(), quorum.needed());
        // Whose approval may be enough by now, since the settings have changed, presses again.
        if has_approved && count < needed {
            let reason = "has approved it already";
            let ending = Ending { reason, command: Some(approval.request.command), ..Ending::of("declined") };
            let says = "You have approved that already; it takes others too.";
            return self.decline(row, about, press.card, ending, says);
        }
        let step = Effect::Approval(ApprovalStep::Approve { card: press.card, by });
        let counted = self.step(&about, &approval, "counted", format!("{count} of {needed}"), row.id);
        if count < needed {
            let text = Some(format!("{email} approved: {count} of {needed}."));
            let said = NewMessage { text, ..NewMessage::default() };
            let label = Some(approval.request.command.clone());
            let entry = self.entry(&row, &about, event::reply_id(row.id, 0), said.into(), label.clone());
            let ending =
                Ending { reason: "an approval, and not the last one", command: label, ..Ending::of("counted") };
            self.log(&about, &ending);
            let closing = Closing { audit: vec![counted], ..about.closing(ending) };
            return row.done(closing, vec![entry]).with(step);
        }
        let (voter, event) = (email.clone(), row.clone());
        let (settlement, state) = self.run_approved(row, me, &approval).await;
        // A command that is to be tried again ends nothing: then this changes nothing either.
        settlement.closing(|closing, entries| {
            let frozen = self.freeze(&event, approval, state, voter.clone(), Some(press.message));
            closing.subject = Some(voter);
            closing.audit.insert(0, counted);
            closing.effects.insert(0, step);
            frozen.into(closing, entries);
        })
    }

    /// Runs what was asked for as if it had just been said, if whoever asked still may.
    async fn run_approved(&self, row: Claimed, me: &Person, approval: &Approval) -> (Settlement, ApprovalState) {
        let request = &approval.request;
        let about = of_asker(approval);
        let context = Context {
            sender: about.sender.clone(),
            room: about.room.clone(),
            room_type: about.room_type,
            message: request.message.as_str().into(),
            thread: about.thread.clone(),
            text: request.asked.clone(),
            envelope: request.envelope.clone(),
            files: request.files.clone(),
            deadline: Instant::now() + self.settings.deadline,
            services: Arc::clone(&self.services),
        };
        let refused = |reason| Ending { reason, command: Some(request.command.clone()), ..Ending::of("denied") };
        if !self.is_answered(me, &about.sender.id, &about.sender.email) {
            let ending = refused("whoever asked is not answered here any more");
            return (self.close(row, about, ending, None), ApprovalState::Refused);
        }
        let may = |command: &Command| self.services.may(&about.sender, &about.room, about.room_type, command);
        match router::route(&self.services.commands, |command| may(command).is_ok(), &request.asked) {
            Route::Command(command, Ok(args)) => {
                let (_, result) = self.run(&row, command, command.run(context, args)).await;
                let state = match &result {
                    Ok(_) | Err(CommandError::User(_) | CommandError::Usage(_)) => ApprovalState::Approved,
                    Err(CommandError::Internal(_)) => ApprovalState::Failed,
                };
                (self.settle(row, about, command, APPROVED, result).await, state)
            }
            Route::Forbidden(command) => {
                let ending = refused(may(command).err().unwrap_or_default());
                (self.close(row, about, ending, None), ApprovalState::Refused)
            }
            Route::Command(_, Err(_)) | Route::Empty | Route::Unknown { .. } => {
                let ending = refused("the command takes something else by now");
                (self.close(row, about, ending, None), ApprovalState::Refused)
            }
        }
    }

    /// Ends a request without running anything.
    fn end_by_hand(
        &self,
        row: Claimed,
        about: About,
        press: Press,
        approval: Approval,
        state: ApprovalState,
        by: String,
    ) -> Settlement {
        let reason = match press.vote {
            Vote::Withdraw => "withdrawn by whoever asked",
            Vote::Approve | Vote::Deny => "denied by somebody who may approve it",
        };
        let ending = Ending { reason, command: Some(approval.request.command.clone()), ..Ending::of("ended") };
        self.log(&about, &ending);
        let frozen = self.freeze(&row, approval, state, by, Some(press.message));
        row.done(about.closing(ending), Vec::new()).closing(|closing, entries| frozen.into(closing, entries))
    }

    /// The time of a request is over.
    pub(super) async fn expire(&self, row: Claimed, envelope: &Envelope) -> Settlement {
        let card = envelope.id.parse().unwrap_or_default();
        let approval = match self.services.store.approval(card).await {
            Ok(Some(approval)) if approval.state == ApprovalState::Open => approval,
            Ok(Some(_) | None) => {
                return row.done(ended("noted", "it was decided before its time was over"), Vec::new());
            }
            Err(error) => return self.unjudged(row, &error),
        };
        let command = &approval.request.command;
        let (approvers, text) = (approval.approvers.len(), "the time for it is over");
        let about = of_asker(&approval);
        tracing::info!(command, approvers, "a command was not approved in time");
        let audit = AuditEntry {
            person: None,
            email: None,
            reason: format!("not approved in time, with {approvers} approvals"),
            ..self.step(&about, &approval, "ended", String::new(), row.id)
        };
        let audit = AuditEntry { action: format!("{command}/expire"), ..audit };
        let closing = Closing { label: Some(command.clone()), audit: vec![audit], ..ended("expired", text) };
        let frozen = self.freeze(&row, approval, ApprovalState::Expired, "the clock".to_owned(), None);
        row.done(closing, Vec::new()).closing(|closing, entries| frozen.into(closing, entries))
    }

    /// The end of a request: what takes the place of its card, and that the card goes.
    fn freeze(
        &self,
        row: &Claimed,
        mut approval: Approval,
        state: ApprovalState,
        by: String,
        message: Option<MessageId>,
    ) -> Frozen {
        (approval.state, approval.ended_at, approval.ended_event) = (state, Some(now_ms()), Some(row.id));
        approval.ended_by = Some(by.clone());
        let (about, card, word) = (of_asker(&approval), approval.request.card, state.word());
        let successor = event::outcome_id(card, word);
        let label = Some(approval.request.command.clone());
        let outcome = wording::outcome(&approval).map(|sent| self.entry(row, &about, successor, sent, label.clone()));
        let withdraw = Some(Withdrawal { row: card, message, successor });
        let nothing = NewMessage { room_id: Some(about.room.clone()), ..NewMessage::default() };
        let letter = Letter { withdraw, ..Letter::of(row.id, about.room_type, nothing) };
        let withdrawal = letter.into_entry(event::withdrawal_id(card, word), about.room.local(), &about.sender.email);
        let withdrawal = Entry { accepted_at: row.accepted_at, label, ..withdrawal };
        self.services.metrics.approval(word);
        Frozen { outcome, withdrawal, end: Effect::Approval(ApprovalStep::End { card, state, by }) }
    }

    /// What the audit has of a vote.
    fn step(
        &self,
        about: &About,
        approval: &Approval,
        verdict: &'static str,
        reason: String,
        event: Uuid,
    ) -> AuditEntry {
        AuditEntry {
            person: Some(about.sender.id.to_string()),
            email: Some(about.sender.email.clone()),
            room: Some(approval.request.room.clone()),
            place: Some("group"),
            action: about.pressed.clone().unwrap_or_default(),
            verdict,
            reason,
            event: Some(event),
            ..AuditEntry::default()
        }
    }

    /// Whether the bot answers somebody in spaces, by the settings as they are now.
    fn is_answered(&self, me: &Person, id: &PersonId, email: &str) -> bool {
        let place = Place::Group { mentioned: true };
        matches!(decide(&self.services.policy, &me.id, id, email, place, Act::Text), Decision::Allow(_))
    }
}

/// How a request ends, beside what its last event is about.
struct Frozen {
    outcome: Option<Entry>,
    withdrawal: Entry,
    end: Effect,
}

impl Frozen {
    /// The outcome comes before what the command replied, and the card goes after both.
    fn into(self, closing: &mut Closing, entries: &mut Vec<Entry>) {
        entries.splice(0..0, self.outcome);
        entries.push(self.withdrawal);
        closing.effects.push(self.end);
    }
}

/// Whoever asked, where they did.
fn of_asker(approval: &Approval) -> About {
    let request = &approval.request;
    About {
        room: request.room.as_str().into(),
        room_type: RoomType::Group,
        thread: Some(request.thread.as_str().into()),
        sender: Sender { id: request.person_id.as_str().into(), email: request.email.clone() },
        pressed: None,
        answers: None,
    }
}
