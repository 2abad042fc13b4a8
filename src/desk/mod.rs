//! Closes events: the only place where the end of an event becomes a settlement.

mod elsewhere;
mod end;
mod letters;
mod tries;

use std::sync::Arc;

pub use end::{Case, EventEnd, Outcome, ReplyTo, SpokenRefusal};

use crate::config;
use crate::handler::Services;
use crate::health::Health;
use crate::identity::Identity;
use crate::store::{AuditEntry, Claimed, Settlement, Via};
use crate::worker::Retry;

/// What metrics and the audit say in place of a command's name if there was none.
const NO_COMMAND: &str = "none";

/// Closes events.
pub struct Desk {
    /// The services that handlers and the rooms that work on events share.
    pub services: Arc<Services>,
    /// Who the bot is.
    pub identity: Identity,
    settings: config::Worker,
    retry: Retry,
    health: Health,
}

impl Desk {
    /// A desk that closes events as the settings say. `health` is told if Webex refuses the token.
    pub fn new(settings: &config::Worker, services: &Arc<Services>, identity: &Identity, health: &Health) -> Desk {
        Desk {
            services: Arc::clone(services),
            identity: identity.clone(),
            settings: settings.clone(),
            retry: Retry::new(settings, &services.webex, health, "event"),
            health: health.clone(),
        }
    }

    /// Settles an event. `via` is how it came in.
    pub fn close(&self, row: Claimed, outcome: Outcome, via: Via) -> Settlement {
        match outcome {
            Outcome::Again(again) => row.again(again),
            Outcome::Moved(entry) => row.moved(*entry),
            Outcome::End(end) => self.settle(row, *end, via),
        }
    }

    fn settle(&self, row: Claimed, end: EventEnd, via: Via) -> Settlement {
        let EventEnd { mut closing, audit, handled, is_dead } = end;
        let command = closing.label.as_deref().unwrap_or(NO_COMMAND);
        if let (Some(sender), Some(AuditEntry { reason, .. })) = (&closing.subject, &audit) {
            let verdict = closing.verdict;
            self.services.metrics.command(command, verdict);
            tracing::info!(sender, command, verdict = verdict.word(), reason, "event settled");
        }
        if let (Some([resource, event]), Some(AuditEntry { reason, .. })) = (handled, &audit) {
            let verdict = closing.verdict;
            self.services.metrics.handled(resource, event, verdict);
            tracing::info!(resource, event, verdict = verdict.word(), reason, "event for a handler settled");
        }
        let action_of =
            |AuditEntry { action, .. }: &AuditEntry| if action.is_empty() { command } else { action }.to_owned();
        closing.audit = audit.map(|audit| AuditEntry { via, action: action_of(&audit), ..audit }).into_iter().collect();
        if is_dead { row.dead(closing) } else { row.done(closing) }
    }
}
