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
use crate::store::{Approval, ApprovalState, ApprovalStep, Claimed, Effect, Entry, Row, RowState, StoreError};
use crate::verdict::Verdict;
use crate::webex::{MessageId, RoomType};

impl Approvals {
    /// Ends a request that the daemon has to end.
    pub async fn expire(&self, row: &Claimed, card: Uuid) -> Outcome {
        let (approval, state) = match self.due_end(card).await {
            Ok(Some(found)) => found,
            Ok(None) => return EventEnd::unaudited(Verdict::Noted, "it was decided before").into(),
            Err(error) => return self.desk.retry_on_request_error(row, &error),
        };
        // The clock ends it unless somebody asked for the end.
        let by =
            approval.ended_by.clone().filter(|_| approval.ends.is_some()).unwrap_or_else(|| "the clock".to_owned());
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
        self.end_request(end, row, approval, state, by, None).into()
    }

    /// The request of this card, and the state in which the daemon has to end it. None if it need not be ended.
    async fn due_end(&self, card: Uuid) -> Result<Option<(Approval, ApprovalState)>, StoreError> {
        let store = &self.desk.services.store;
        let Some(approval) = store.approval(card).await? else { return Ok(None) };
        let row = match approval.state {
            ApprovalState::Open => card,
            ApprovalState::Running => approval.ended_event.unwrap_or_default(),
            _ => return Ok(None),
        };
        if let Some(state) = approval.ends {
            return Ok(Some((approval, state)));
        }
        let row = store.row(row).await?;
        let is_dead = |row: &Row| row.state == RowState::Dead || row.verdict == Some(Verdict::Dropped);
        let due = match approval.state {
            ApprovalState::Running => {
                let is_open = row.is_some_and(|row| row.state == RowState::Open);
                (!is_open).then_some(ApprovalState::Failed)
            }
            _ if row.as_ref().is_some_and(is_dead) => Some(ApprovalState::Unasked),
            _ => (approval.request.expires_at <= clock::wall_ms()).then_some(ApprovalState::Expired),
        };
        Ok(due.map(|state| (approval, state)))
    }

    /// Ends a request with an event: a message with the outcome takes the place of its card, and the card is deleted. The
    /// outcome is posted before the command's reply, and the card is deleted after both.
    pub fn end_request(
        &self,
        end: EventEnd,
        row: &Claimed,
        mut approval: Approval,
        state: ApprovalState,
        by: String,
        message: Option<MessageId>,
    ) -> EventEnd {
        (approval.state, approval.ends) = (state, None);
        (approval.ended_at, approval.ended_event) = (Some(clock::wall_ms()), Some(row.id));
        approval.ended_by = Some(by.clone());
        let (to, card, word) = (requester(&approval), approval.request.card, state.word());
        let successor = event::outcome_id(card, word);
        let command = approval.request.command.as_str();
        let outcome = self.desk.letter(row, &to, successor, wording::outcome(&approval), Some(command));
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
        end.first(outcome).then([removal]).with([Effect::Approval(ApprovalStep::End { card, state, by })])
    }
}

/// The requester, where they made the request.
pub fn requester(approval: &Approval) -> ReplyTo {
    let request = &approval.request;
    ReplyTo {
        room: request.room.as_str().into(),
        room_type: RoomType::Group,
        message: request.message.as_str().into(),
        thread: Some(request.thread.as_str().into()),
        sender: Sender { id: request.person_id.as_str().into(), email: request.email.clone() },
    }
}
