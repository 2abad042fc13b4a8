//! How what waited for approval ends: its command runs, with whoever asked as its sender, or the daemon ends it, as a rule
//! since its time is over.
//!
//! The end is posted before the card goes, so that wherever the process is killed people read what is true.

use std::sync::Arc;

use super::Inbox;
use super::closing::{About, Ending, ended};
use super::wording;
use crate::clock;
use crate::event;
use crate::handler::{Command, CommandError, Context, Sender};
use crate::outbox::{Letter, Removal};
use crate::receiver::Envelope;
use crate::router::{self, Route};
use crate::store::{
    Approval, ApprovalState, ApprovalStep, AuditEntry, Claimed, Closing, Effect, Entry, Settlement, State, StoreError,
};
use crate::webex::{MessageId, NewMessage, Person, RoomType};

/// By which rule a command runs that was approved.
const APPROVED: &str = "approved by as many others as it takes";

impl Inbox {
    /// Runs what was approved. However often that is tried, and whoever tries it again, nothing changes the decision.
    pub(super) async fn run_approved(&self, row: Claimed, envelope: &Envelope, me: &Person) -> Settlement {
        let approval = match self.approval(envelope).await {
            // After a failure an operator may have it tried again.
            Ok(Some(approval)) if matches!(approval.state, ApprovalState::Running | ApprovalState::Failed) => approval,
            Ok(_) => return row.done(ended("noted", "it was ended before it could run"), Vec::new()),
            Err(error) => return self.unapprovable(row, &error),
        };
        let (event, reference) = (row.clone(), event::reference(approval.request.event));
        let voter = approval.approvers.last().map(|approver| approver.email.clone()).unwrap_or_default();
        let (settlement, state) = self.perform_approved(row, me, &approval).await;
        // A command that is to be tried again ends nothing: then this changes nothing either.
        settlement.closing(|closing, entries| {
            closing.audit.iter_mut().for_each(|entry| entry.reason += &format!(" for {reference}"));
            self.freeze(&event, approval, state, voter, None).add_to(closing, entries);
        })
    }

    /// Runs it as if it had just been said, if whoever asked still may.
    async fn perform_approved(&self, row: Claimed, me: &Person, approval: &Approval) -> (Settlement, ApprovalState) {
        let request = &approval.request;
        let mut about = of_asker(approval);
        let refused = |reason| Ending { reason, command: Some(request.command.clone()), ..Ending::of("denied") };
        match self.fetch(self.still(&about.sender.id, &about.room)).await {
            Ok(Some(person)) => person.email().clone_into(&mut about.sender.email),
            Ok(None) => {
                let ending = refused("whoever asked is not in the space any more");
                return (self.close(row, about, ending, None), ApprovalState::Refused);
            }
            Err(error) => return (self.unread(row, &error).await, ApprovalState::Failed),
        }
        if !self.is_answered(me, &about.sender.id, &about.sender.email) {
            let ending = refused("whoever asked is not answered here any more");
            return (self.close(row, about, ending, None), ApprovalState::Refused);
        }
        let context = Context {
            sender: about.sender.clone(),
            room: about.room.clone(),
            room_type: about.room_type,
            message: request.message.as_str().into(),
            thread: about.thread.clone(),
            text: request.asked.clone(),
            envelope: request.envelope.clone(),
            files: request.files.clone(),
            deadline: clock::instant() + self.settings.deadline,
            services: Arc::clone(&self.services),
        };
        let may = |command: &Command| self.services.may(&about.sender, &about.room, about.room_type, command);
        match router::route(&self.services.commands, |command| may(command).is_ok(), &request.asked) {
            Route::Command(command, Ok(args)) => {
                let (_, result) = self.run(&row, command, command.run(context, args)).await;
                let state = match &result {
                    Ok(_) => ApprovalState::Approved,
                    Err(CommandError::User(_) | CommandError::Usage(_)) => ApprovalState::Declined,
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

    /// The daemon itself ends a request.
    pub(super) async fn expire(&self, row: Claimed, envelope: &Envelope) -> Settlement {
        let found = async {
            let Some(approval) = self.approval(envelope).await? else { return Ok(None) };
            Ok(self.due_end(&approval).await?.map(|end| (approval, end)))
        };
        let (approval, (state, by)) = match found.await {
            Ok(Some(found)) => found,
            Ok(None) => return row.done(ended("noted", "it was decided before"), Vec::new()),
            Err(error) => return self.unapprovable(row, &error),
        };
        let (request, approvers) = (&approval.request, approval.approvers.len());
        let (command, reference) = (&request.command, event::reference(request.event));
        let why = match state {
            ApprovalState::Expired => format!("not approved in time, with {approvers} approvals"),
            ApprovalState::Unasked => "its card could not be put before anybody".to_owned(),
            ApprovalState::Withdrawn => format!("withdrawn by {by}"),
            _ => "its run was given up or dropped".to_owned(),
        };
        tracing::info!(command, approvers, why, "what waited for approval was ended");
        let audit = AuditEntry {
            room: Some(request.room.clone()),
            place: Some("group"),
            action: format!("{command}/expire"),
            verdict: "ended",
            reason: format!("{why} for {reference}"),
            ..AuditEntry::default()
        };
        let verdict = if state == ApprovalState::Expired { "expired" } else { "ended" };
        let closing = Closing { label: Some(command.clone()), audit: vec![audit], ..ended(verdict, why) };
        let frozen = self.freeze(&row, approval, state, by, None);
        row.done(closing, Vec::new()).closing(|closing, entries| frozen.add_to(closing, entries))
    }

    async fn approval(&self, envelope: &Envelope) -> Result<Option<Approval>, StoreError> {
        match envelope.card() {
            Some(card) => self.services.store.approval(card).await,
            None => Ok(None),
        }
    }

    /// As what the daemon has to end a request, and by whom, if it has to.
    async fn due_end(&self, approval: &Approval) -> Result<Option<(ApprovalState, String)>, StoreError> {
        let daemon = || "the clock".to_owned();
        let row = match approval.state {
            ApprovalState::Open => approval.request.card,
            ApprovalState::Running => approval.ended_event.unwrap_or_default(),
            _ => return Ok(None),
        };
        if let Some(state) = approval.ends {
            return Ok(Some((state, approval.ended_by.clone().unwrap_or_else(daemon))));
        }
        let row = self.services.store.between(row, row).await?.pop();
        let is_dropped = row.as_ref().is_some_and(|row| row.verdict.as_deref() == Some("dropped"));
        let is_dead = is_dropped || row.as_ref().is_some_and(|row| row.state == State::Dead);
        Ok(match approval.state {
            ApprovalState::Running => {
                let is_open = row.is_some_and(|row| row.state == State::Open);
                (!is_open).then(|| (ApprovalState::Failed, daemon()))
            }
            _ if is_dead => Some((ApprovalState::Unasked, daemon())),
            _ => (approval.request.expires_at <= clock::wall_ms()).then(|| (ApprovalState::Expired, daemon())),
        })
    }

    /// The end of a request: what takes the place of its card, and that the card goes.
    pub(super) fn freeze(
        &self,
        row: &Claimed,
        mut approval: Approval,
        state: ApprovalState,
        by: String,
        message: Option<MessageId>,
    ) -> Frozen {
        (approval.state, approval.ends) = (state, None);
        (approval.ended_at, approval.ended_event) = (Some(clock::wall_ms()), Some(row.id));
        approval.ended_by = Some(by.clone());
        let (about, card, word) = (of_asker(&approval), approval.request.card, state.word());
        let successor = event::outcome_id(card, word);
        let label = Some(approval.request.command.clone());
        let outcome = wording::outcome(&approval).map(|sent| self.entry(row, &about, successor, sent, label.clone()));
        // An uncertain send may have posted the card twice: each that was pressed goes.
        let mut messages: Vec<MessageId> = message.into_iter().collect();
        messages.extend(approval.approvers.iter().filter_map(|known| known.message.as_deref().map(MessageId::from)));
        let remove = Some(Removal { row: card, messages, successor });
        let nothing = NewMessage { room_id: Some(about.room.clone()), ..NewMessage::default() };
        let letter = Letter { remove, ..Letter::of(row.id, about.room_type, nothing) };
        let removal = letter.into_entry(event::removal_id(card, word), about.room.local(), &about.sender.email);
        let removal = Entry { accepted_at: row.accepted_at, label, ..removal };
        self.services.metrics.approval(word);
        Frozen { outcome, removal, end: Effect::Approval(ApprovalStep::End { card, state, by }) }
    }
}

/// How a request ends, beside what its last event is about.
pub(super) struct Frozen {
    outcome: Option<Entry>,
    removal: Entry,
    end: Effect,
}

impl Frozen {
    /// The outcome comes before what the command replied, and the card goes after both.
    pub(super) fn add_to(self, closing: &mut Closing, entries: &mut Vec<Entry>) {
        entries.splice(0..0, self.outcome);
        entries.push(self.removal);
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
