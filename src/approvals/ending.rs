//! Ends approval requests: when the command has run, when somebody ends one, or when the daemon does, mostly because
//! the time is over.
//!
//! The outcome is posted before the card is deleted, so that people can read it even if the process is killed in
//! between.

use uuid::Uuid;

use super::{Approvals, wording};
use crate::access::Sender;
use crate::clock;
use crate::desk::{EventEnd, Outcome, ReplyTo};
use crate::event;
use crate::outbox::{Delete, Destination, Edited, Letter};
use crate::store::{Approval, ApprovalState, ApprovalStep, Claimed, Effect, Entry, RowState, StoreError};
use crate::verdict::Verdict;
use crate::webex::{MessageId, RoomType};

impl Approvals {
    /// Ends a request that the daemon has to end.
    pub async fn expire(&self, row: &Claimed, card: Uuid) -> Outcome {
        let found = async {
            let Some(approval) = self.find(card).await? else { return Ok(None) };
            Ok(self.due_end(&approval).await?.map(|end| (approval, end)))
        };
        let (approval, (state, by)) = match found.await {
            Ok(Some(found)) => found,
            Ok(None) => return EventEnd::unaudited(Verdict::Noted, "it was decided before").into(),
            Err(error) => return self.desk.retry_on_request_error(row, &error),
        };
        let (request, approvers) = (&approval.request, approval.approvers.len());
        let (command, reference) = (request.command.clone(), event::reference(request.event));
        let why = match state {
            ApprovalState::Expired => format!("not approved in time, with {approvers} approvals"),
            ApprovalState::Unasked => "its card could not be put before anybody".to_owned(),
            ApprovalState::Withdrawn => format!("withdrawn by {by}"),
            _ => "its run was given up or dropped".to_owned(),
        };
        tracing::info!(command, approvers, why, "an approval request was ended");
        let verdict = if state == ApprovalState::Expired { Verdict::Expired } else { Verdict::Ended };
        let end = EventEnd::by_daemon(&request.room, verdict, &why)
            .command(&command)
            .action(&format!("{command}/expire"))
            .of_request(&reference);
        self.end_request(row, approval, state, by, None).add_to(end).into()
    }

    /// The state in which the daemon has to end a request, and who caused that. None if it need not be ended.
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
        let row = self.desk.services.store.between(row, row).await?.pop();
        let is_dropped = row.as_ref().is_some_and(|row| row.verdict == Some(Verdict::Dropped));
        let is_dead = is_dropped || row.as_ref().is_some_and(|row| row.state == RowState::Dead);
        Ok(match approval.state {
            ApprovalState::Running => {
                let is_open = row.is_some_and(|row| row.state == RowState::Open);
                (!is_open).then(|| (ApprovalState::Failed, daemon()))
            }
            _ if is_dead => Some((ApprovalState::Unasked, daemon())),
            _ => (approval.request.expires_at <= clock::wall_ms()).then(|| (ApprovalState::Expired, daemon())),
        })
    }

    /// Ends a request: a message with the outcome takes the place of its card, and the card is deleted.
    pub fn end_request(
        &self,
        row: &Claimed,
        mut approval: Approval,
        state: ApprovalState,
        by: String,
        message: Option<MessageId>,
    ) -> EndedRequest {
        (approval.state, approval.ends) = (state, None);
        (approval.ended_at, approval.ended_event) = (Some(clock::wall_ms()), Some(row.id));
        approval.ended_by = Some(by.clone());
        let (to, card, word) = (requester(&approval), approval.request.card, state.word());
        let successor = event::outcome_id(card, word);
        let command = approval.request.command.as_str();
        let outcome =
            wording::outcome(&approval).map(|sent| self.desk.letter(row, &to, successor, sent, Some(command)));
        // An uncertain send may have posted the card twice: each copy that was pressed is deleted.
        let mut messages: Vec<MessageId> = message.into_iter().collect();
        messages.extend(approval.approvers.iter().filter_map(|known| known.message.as_deref().map(MessageId::from)));
        let space = Destination::Space(to.room.clone(), to.room_type);
        let delete = Delete::new(space, Edited::Letter(card)).replaced_by(successor);
        let delete = Letter::from(Delete { event: Some(row.id), messages, ..delete });
        let removal = Entry {
            accepted_at: row.accepted_at,
            subject: Some(to.sender.email.clone()),
            label: Some(command.to_owned()),
            ..delete.into_entry(event::removal_id(card, word))
        };
        self.desk.services.metrics.approval(word);
        EndedRequest { outcome, removal, step: Effect::Approval(ApprovalStep::End { card, state, by }) }
    }
}

/// What the end of a request puts into the ledger.
pub struct EndedRequest {
    outcome: Option<Entry>,
    removal: Entry,
    step: Effect,
}

impl EndedRequest {
    /// Adds it to the end of an event: the outcome is posted before the command's reply, and the card is deleted after both.
    pub fn add_to(self, end: EventEnd) -> EventEnd {
        end.first(self.outcome).then([self.removal]).with(self.step)
    }
}

/// The requester, where they made the request.
pub fn requester(approval: &Approval) -> ReplyTo {
    let request = &approval.request;
    ReplyTo {
        room: request.room.as_str().into(),
        room_type: RoomType::Group,
        thread: Some(request.thread.as_str().into()),
        sender: Sender { id: request.person_id.as_str().into(), email: request.email.clone() },
    }
}
