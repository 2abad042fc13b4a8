//! `switchboard approvals`: commands that wait for the approval of others, and what became of those that did.

use std::process::ExitCode;

use clap::Subcommand;
use serde::Serialize;

use super::output::{Format, print, print_json, time};
use super::queue::with_store;
use crate::config::Config;
use crate::event;
use crate::store::Approval;
use crate::table::table;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List what waits, newest first
    List {
        /// Also what was decided, as far back as store.retention
        #[arg(long)]
        all: bool,
        /// The most to list
        #[arg(long, default_value_t = 100)]
        limit: u32,
        #[command(flatten)]
        format: Format,
    },
}

/// A request as programs read it.
#[derive(Serialize)]
struct Shown<'a> {
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

impl<'a> Shown<'a> {
    fn new(approval: &'a Approval) -> Self {
        let request = &approval.request;
        Shown {
            event: request.event.to_string(),
            reference: event::reference(request.event),
            state: approval.state.word(),
            command: &request.command,
            asked: &request.asked,
            email: &request.email,
            person_id: &request.person_id,
            room: &request.room,
            requested_at: time(request.requested_at),
            expires_at: time(request.expires_at),
            approved_by: approval.approvers.iter().map(|approver| approver.email.as_str()).collect(),
            ended_at: approval.ended_at.map(time),
            ended_by: approval.ended_by.as_deref(),
        }
    }
}

pub(super) async fn run(config: &Config, verb: Verb) -> anyhow::Result<ExitCode> {
    let Verb::List { all, limit, format } = verb;
    let approvals = with_store(config, async |store| Ok(store.approvals(!all, limit).await?)).await?;
    let shown: Vec<_> = approvals.iter().map(Shown::new).collect();
    if format.json {
        print_json(&shown)?;
    } else if shown.is_empty() {
        print("none")?;
    } else {
        let cells = shown.iter().map(|shown| {
            let asked = crate::handler::quoted(shown.asked);
            let approved = shown.approved_by.join(", ");
            [&shown.reference, shown.state, &shown.expires_at, shown.email, &asked, &approved].map(str::to_owned)
        });
        print(&table(["REFERENCE", "STATE", "UNTIL", "WHO", "ASKED FOR", "APPROVED BY"], &[], cells))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A request in the story of the event that made it.
pub(super) fn told(approval: &Approval) -> Vec<String> {
    let request = &approval.request;
    let mut lines = vec![format!(
        "{} put before those who approve, until {}",
        time(request.requested_at),
        time(request.expires_at)
    )];
    lines.extend(
        approval.approvers.iter().map(|approver| format!("{} approved by {}", time(approver.at), approver.email)),
    );
    match (approval.ended_at, &approval.ended_by, approval.ended_event) {
        (Some(at), Some(by), Some(event)) => {
            let reference = event::reference(event);
            lines.push(format!("{} {} by {by}; event {reference} tells more", time(at), approval.state.word()));
        }
        _ => lines.push("it waits for approval".to_owned()),
    }
    lines
}
