//! Runs what was approved, with whoever asked as its sender.

use uuid::Uuid;

use super::Inbox;
use super::running::{Ran, Run};
use crate::approvals::asker;
use crate::desk::{EventEnd, Outcome, ReplyTo};
use crate::event;
use crate::handler::{CommandSpec, Context, Origin};
use crate::router::{self, Route};
use crate::store::{Approval, ApprovalState, Claimed};
use crate::verdict::Verdict;
use crate::webex::Person;

/// By which rule a command runs that was approved.
const APPROVED: &str = "approved by as many others as it takes";

impl Inbox {
    /// However often that is tried, and whoever tries it again, nothing changes the decision.
    pub(super) async fn run_approved(&self, row: &Claimed, card: Uuid, me: &Person) -> Outcome {
        let approval = match self.approvals.find(card).await {
            // After a failure an operator may have it tried again.
            Ok(Some(approval)) if matches!(approval.state, ApprovalState::Running | ApprovalState::Failed) => approval,
            Ok(_) => return EventEnd::unaudited(Verdict::Noted, "it was ended before it could run").into(),
            Err(error) => return self.desk.without_request(row, &error),
        };
        let reference = event::reference(approval.request.event);
        let voter = approval.approvers.last().map(|approver| approver.email.clone()).unwrap_or_default();
        let (outcome, state) = self.perform_approved(row, me, &approval).await;
        // A command that is to be tried again ends nothing: then this changes nothing either.
        outcome.map_end(|end| {
            self.approvals.end_request(row, approval, state, voter, None).add_to(end.of_request(&reference))
        })
    }

    /// Runs it as if it had just been said, if whoever asked still may.
    async fn perform_approved(&self, row: &Claimed, me: &Person, approval: &Approval) -> (Outcome, ApprovalState) {
        let mut to = asker(approval);
        let refused = |to: &ReplyTo, reason| {
            (
                EventEnd::of(to, Verdict::Denied, reason).command(&approval.request.command).into(),
                ApprovalState::Refused,
            )
        };
        match self.approvals.member(&to.sender.id, &to.room).await {
            Ok(Some(person)) => person.email().clone_into(&mut to.sender.email),
            Ok(None) => return refused(&to, "whoever asked is not in the space any more"),
            Err(error) => return (self.desk.unread(row, &error).await, ApprovalState::Failed),
        }
        if !self.approvals.is_answered(me, &to.sender.id, &to.sender.email) {
            return refused(&to, "whoever asked is not answered here any more");
        }
        let context = self.approved_context(row, &to, approval);
        let may = |command: &CommandSpec| self.services.may(&to.sender, &to.room, to.room_type, command);
        let table = self.table.now();
        match router::route(table.commands(), |command| may(command).is_ok(), &approval.request.asked) {
            Route::Command(command, Ok(args)) => {
                let run = Run { to: &to, command, rule: APPROVED, way_out: None };
                match self.perform(row, run, command.run(context, args)).await {
                    Ran::Answered(outcome) => (outcome, ApprovalState::Approved),
                    Ran::Refused(outcome) => (outcome, ApprovalState::Declined),
                    Ran::Failed(outcome) => (outcome, ApprovalState::Failed),
                }
            }
            Route::Forbidden(command) => refused(&to, may(command).err().unwrap_or_default()),
            Route::Command(_, Err(_)) | Route::Empty | Route::Unknown { .. } => {
                refused(&to, "the command takes something else by now")
            }
        }
    }

    fn approved_context(&self, row: &Claimed, to: &ReplyTo, approval: &Approval) -> Context {
        let request = &approval.request;
        let origin = Origin::Message(request.message.as_str().into());
        let (text, files) = (request.asked.clone(), request.files.clone());
        Context { event: request.event, ..self.context(row, to, origin, text, files) }
    }
}
