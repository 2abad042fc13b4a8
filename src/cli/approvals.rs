//! `switchboard approvals`: lists commands that wait for approval or were decided, and withdraws one.

use std::process::ExitCode;

use clap::Subcommand;
use serde::Serialize;
use uuid::Uuid;

use super::ledger::{OPERATOR, by_operator, with_store};
use super::output::{Format, print, print_json};
use super::story;
use crate::config::Config;
use crate::event;
use crate::store::{Approval, ApprovalState, AuditEntry, Store};
use crate::text::{iso_time, table};
use crate::verdict::Verdict;

#[derive(Debug, Subcommand)]
pub(super) enum ApprovalsVerb {
    /// List the commands that wait for approval, newest first
    List {
        /// Also those already decided, as far back as store.retention
        #[arg(long)]
        all: bool,
        /// How many at the most
        #[arg(long, default_value_t = 100)]
        limit: u32,
        #[command(flatten)]
        format: Format,
    },
    /// Withdraw a request that waits, as its author may with a button; the space is told
    Withdraw {
        /// The reference of the request, as `list` shows it
        reference: String,
        #[command(flatten)]
        format: Format,
    },
}

/// A request as programs read it.
#[derive(Serialize)]
struct ApprovalOutput<'a> {
    event: String,
    reference: String,
    state: &'static str,
    command: &'a str,
    asked: &'a str,
    email: &'a str,
    person_id: &'a str,
    room: &'a str,
    requested_at: String,
    expires_at: String,
    approved_by: Vec<&'a str>,
    ended_at: Option<String>,
    ended_by: Option<&'a str>,
}

impl<'a> ApprovalOutput<'a> {
    fn new(approval: &'a Approval) -> Self {
        let request = &approval.request;
        ApprovalOutput {
            event: request.event.to_string(),
            reference: event::reference(request.event),
            state: approval.state.word(),
            command: &request.command,
            asked: &request.asked,
            email: &request.email,
            person_id: &request.person_id,
            room: &request.room,
            requested_at: iso_time(request.requested_at),
            expires_at: iso_time(request.expires_at),
            approved_by: approval.approvers.iter().map(|approver| approver.email.as_str()).collect(),
            ended_at: approval.ended_at.map(iso_time),
            ended_by: approval.ended_by.as_deref(),
        }
    }
}

pub(super) async fn run(config: &Config, verb: ApprovalsVerb) -> anyhow::Result<ExitCode> {
    match verb {
        ApprovalsVerb::List { all, limit, format } => list(config, all, limit, format).await?,
        ApprovalsVerb::Withdraw { reference, format } => withdraw(config, &reference, format).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(config: &Config, all: bool, limit: u32, format: Format) -> anyhow::Result<()> {
    let approvals = with_store(config, async |store| Ok(store.approvals(!all, limit).await?)).await?;
    let shown: Vec<_> = approvals.iter().map(ApprovalOutput::new).collect();
    if format.json {
        print_json(&shown)?;
    } else if shown.is_empty() {
        print("none")?;
    } else {
        let cells = shown.iter().map(|shown| {
            let asked = crate::text::quoted(shown.asked);
            let approved = shown.approved_by.join(", ");
            [&shown.reference, shown.state, &shown.expires_at, shown.email, &asked, &approved].map(str::to_owned)
        });
        print(&table(["REFERENCE", "STATE", "UNTIL", "WHO", "ASKED FOR", "APPROVED BY"], &[], cells))?;
    }
    Ok(())
}

async fn withdraw(config: &Config, reference: &str, format: Format) -> anyhow::Result<()> {
    with_store(config, async |store| {
        let open = store.approvals(true, u32::MAX).await?;
        let wanted = event::canonical_code(reference);
        let known = |found: &&Approval| event::reference(found.request.event) == wanted;
        let found: Vec<_> = open.iter().filter(known).collect();
        let [approval] = found[..] else {
            anyhow::bail!("{} requests called {reference} wait; `switchboard approvals list` shows them", found.len());
        };
        let audit = by_operator("approvals withdraw".to_owned(), format!("request {reference}")).await;
        let audit = AuditEntry { event: Some(approval.request.event), ..audit };
        let withdrawn = store.withdraw_approval(approval.request.card, OPERATOR.to_owned(), audit).await?;
        anyhow::ensure!(withdrawn, "{reference} is decided already");
        if format.json {
            return print_json(&serde_json::json!({"event": approval.request.event, "result": "withdrawn"}));
        }
        Ok(print(&format!("{reference} is withdrawn; the daemon tells the space within a minute"))?)
    })
    .await
}

/// What became of the requests for approval that an event made, and of the messages about them.
pub(super) async fn story(store: &Store, event: Uuid) -> anyhow::Result<Vec<String>> {
    let mut lines = Vec::new();
    for approval in store.approvals_of(event).await? {
        lines.extend(approval_lines(&approval));
        for state in ApprovalState::ALL {
            let (outcome, removal) = (
                event::outcome_id(approval.request.card, state.word()),
                event::removal_id(approval.request.card, state.word()),
            );
            if let Some(message) = store.row(outcome).await? {
                lines.extend(story::letter_lines(&message, "outcome", "the event that ended it"));
            }
            if let Some(row) = store.row(removal).await? {
                lines.extend(match row.verdict {
                    Some(Verdict::Deleted) => vec![format!("{} the card deleted", story::settled(&row))],
                    Some(Verdict::Kept) => vec![format!("the card stays: {}", row.note.unwrap_or_default())],
                    _ => story::letter_lines(&row, "deletion of the card", "the event that ended it"),
                });
            }
        }
    }
    Ok(lines)
}

/// A request in the story of the event that made it.
fn approval_lines(approval: &Approval) -> Vec<String> {
    let request = &approval.request;
    let mut lines =
        vec![format!("{} approval asked for, until {}", iso_time(request.requested_at), iso_time(request.expires_at))];
    lines.extend(approval.approvers.iter().map(|approver| {
        let event = approver.event.map(|event| format!(", event {}", event::reference(event))).unwrap_or_default();
        format!("{} approved by {}{event}", iso_time(approver.at), approver.email)
    }));
    match (approval.ended_at, &approval.ended_by, approval.ended_event) {
        (Some(at), Some(by), Some(event)) => {
            let reference = event::reference(event);
            lines.push(format!("{} {} by {by}; event {reference} tells more", iso_time(at), approval.state.word()));
        }
        (_, _, Some(event)) => lines.push(format!("event {} runs it next", event::reference(event))),
        (_, Some(by), None) => lines.push(format!("it was ended by {by}; the daemon has yet to tell the space")),
        (_, None, None) => lines.push("it waits for approval".to_owned()),
    }
    lines
}
