//! Runs a command that was approved, for the person who requested it.

use uuid::Uuid;

use super::Inbox;
use super::running::{CommandRun, RunEnd};
use crate::approvals::requester;
use crate::desk::{Case, EventEnd, Outcome};
use crate::event;
use crate::handler::Origin;
use crate::router::{self, Route};
use crate::store::{Approval, ApprovalState, Claimed};
use crate::verdict::Verdict;
use crate::webex::Person;

/// The rule that the audit names for an approved command.
const APPROVED: &str = "approved by as many others as it takes";

impl Inbox {
    /// Runs the command of an approval request, and ends the request. No try of this, by any process, changes the
    /// decision.
    pub(super) async fn run_approved(&self, row: &Claimed, card: Uuid, me: &Person) -> Outcome {
        let approval = match self.services.store.approval(card).await {
            // `Failed` is accepted too, since an operator may have the event tried again.
            Ok(Some(approval)) if matches!(approval.state, ApprovalState::Running | ApprovalState::Failed) => approval,
            Ok(_) => return EventEnd::unaudited(Verdict::Noted, "it was ended before it could run").into(),
            Err(error) => return self.desk.retry_on_request_error(row, &error),
        };
        let reference = event::reference(approval.request.event);
        let voter = approval.approvers.last().map(|approver| approver.email.clone()).unwrap_or_default();
        let (outcome, state) = self.perform_approved(row, me, &approval).await;
        // If the command is to be tried again, the event does not end and the request stays as it is.
        outcome.map_end(|end| self.approvals.end_request(end.of_request(&reference), row, approval, state, voter, None))
    }

    /// Runs the command as if the requester had typed it now, if they still may.
    async fn perform_approved(&self, row: &Claimed, me: &Person, approval: &Approval) -> (Outcome, ApprovalState) {
        let (mut to, request) = (requester(approval), &approval.request);
        let member = self.approvals.member(&to.sender.id, &to.room).await;
        if let Ok(Some(person)) = &member {
            person.email().clone_into(&mut to.sender.email);
        }
        let case = Case { row, me, to: &to, rule: APPROVED };
        let refuse = |rule| {
            let end = Case { rule, ..case }.end(Verdict::Denied).command(&request.command);
            (end.into(), ApprovalState::Refused)
        };
        match member {
            Ok(Some(_)) => {}
            Ok(None) => return refuse("whoever asked is not in the space any more"),
            Err(error) => return (self.desk.retry_reading(row, &error).await, ApprovalState::Failed),
        }
        if !self.approvals.is_answered(me, &to.sender.id, &to.sender.email) {
            return refuse("whoever asked is not answered here any more");
        }
        let origin = Origin::Message(request.message.as_str().into());
        let mut context = self.context(case, origin, request.asked.clone(), request.files.clone());
        context.event = request.event;
        let may = |command: &_| context.may_give(command);
        let table = self.table.now();
        match router::route(table.commands(), |command| may(command).is_ok(), &request.asked) {
            Route::Command(command, Ok(args)) => {
                let run = CommandRun { case, command, way_out: None };
                let (outcome, run_end) = self.perform(run, command.run(context, args)).await;
                let state = match run_end {
                    RunEnd::Answered => ApprovalState::Approved,
                    RunEnd::Refused => ApprovalState::Declined,
                    RunEnd::Failed => ApprovalState::Failed,
                };
                (outcome, state)
            }
            Route::Forbidden(command) => refuse(may(command).err().unwrap_or_default()),
            Route::Command(_, Err(_)) | Route::Empty | Route::Unknown { .. } => {
                refuse("the command takes something else by now")
            }
        }
    }
}
