//! Closes events: how one ended, whatever worked on it, becomes one settlement here.

mod end;
mod letters;
mod tries;

use std::sync::Arc;

pub use end::{End, Outcome, ReplyTo};

use crate::config;
use crate::handler::Services;
use crate::health::Health;
use crate::identity::Identity;
use crate::store::{AuditEntry, Claimed, Closing, Settlement, Via};
use crate::worker::Retry;

/// What is counted and audited where no command was found.
const NO_COMMAND: &str = "none";

/// What closing an event takes.
pub struct Desk {
    /// What handlers and we share.
    pub services: Arc<Services>,
    /// Who the bot is.
    pub identity: Identity,
    settings: config::Worker,
    retry: Retry,
    health: Health,
}

impl Desk {
    /// Closes events as the settings say. `health` hears of a refused token.
    pub fn new(settings: &config::Worker, services: &Arc<Services>, identity: &Identity, health: &Health) -> Desk {
        Desk {
            services: Arc::clone(services),
            identity: identity.clone(),
            settings: settings.clone(),
            retry: Retry::new(settings, &services.webex, health, "event"),
            health: health.clone(),
        }
    }

    /// Settles an event that came by this way.
    pub fn close(&self, row: Claimed, outcome: Outcome, via: Via) -> Settlement {
        match outcome {
            Outcome::Again(again) => row.again(again),
            Outcome::Moved(entry) => row.moved(entry),
            Outcome::End(end) => self.settle(row, *end, via),
        }
    }

    fn settle(&self, row: Claimed, end: End, via: Via) -> Settlement {
        let End { verdict, reason, note, command, action, request, who, subject, .. } = end;
        let label = command.as_deref().unwrap_or(NO_COMMAND);
        if let Some(sender) = &subject {
            self.services.metrics.command(label, verdict);
            tracing::info!(sender, command = label, verdict = verdict.word(), reason = &*reason, "event settled");
        }
        let mut note = note.unwrap_or_else(|| reason.to_string());
        let mut reason = end.audited_reason.unwrap_or_else(|| reason.into_owned());
        // Whoever reads of a vote, a run or an end finds the request it belongs to.
        if let Some(request) = request {
            note.push_str(&format!("; the request is {request}"));
            reason.push_str(&format!(" for {request}"));
        }
        let action = action.unwrap_or_else(|| label.to_owned());
        let audit = who.map(|who| {
            let verdict = end.audited_verdict.unwrap_or(verdict);
            AuditEntry { via, action, verdict, reason, ..who }
        });
        let closing = Closing {
            verdict,
            subject,
            label: command,
            note: Some(note),
            mark: end.mark,
            answers: end.answers,
            audit: audit.into_iter().collect(),
            effects: end.effects,
            receipt: None,
        };
        if end.is_dead { row.dead(closing, end.entries) } else { row.done(closing, end.entries) }
    }
}
