//! Learns who the bot is, and keeps its webhooks at Webex in order. If Webex refuses the token or is away, that is said
//! plainly and tried again, since a supervisor that restarts the daemon over and over would help nobody.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::shared::Shared;
use crate::config::{Config, Mode};
use crate::health::Health;
use crate::identity::doubt;
use crate::receiver::registration::{self, WebhookFailure, WebhookLook};
use crate::webex::{Error, Priority};

/// The longest pause before Webex is asked again who the bot is, unless it asks for a longer one.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The longest pause before the webhooks are checked again after a failure.
const AGAIN: Duration = Duration::from_secs(5);

/// Maintains the token, and the webhooks for the bot itself and for its handlers. `nudge` is notified each time when
/// something may not have been delivered.
pub(super) async fn register(config: Config, shared: Shared, nudge: Arc<Notify>) {
    learn_identity(&shared).await;
    match config.delivery.mode {
        Mode::Webhook | Mode::Both => {}
        // There are no webhooks. The receiver in use reports its own state.
        Mode::Polling | Mode::Websocket => return std::future::pending().await,
    }
    let (Some(url), Some(secret)) = (config.webhook.target_url(), &config.webhook.secret) else {
        shared.health.webhooks(Ok(()));
        nudge.notify_one();
        doubt_clicks(&config, &shared).await;
        return std::future::pending().await;
    };
    let wanted = registration::wanted(url, secret, shared.door.wanted());
    let mut is_first = true;
    loop {
        // A daemon that waits leaves the webhooks to the other one.
        shared.gate.open().await;
        let look = registration::synchronise(&shared.services.webex.at(Priority::Poll), &wanted).await;
        // Until now the webhooks may have missed something, and after a failure they may have again. Catch-up does not
        // find what handlers of events miss.
        if is_first || look.as_ref().map_or(true, WebhookLook::had_gap) {
            nudge.notify_one();
        }
        is_first = false;
        tokio::time::sleep(log_look(look, config.webhook.check_interval, &shared.health)).await;
    }
}

async fn learn_identity(Shared { services, identity, health, .. }: &Shared) {
    let mut pause = Duration::from_secs(1);
    loop {
        match services.webex.me().await {
            Ok(me) => {
                tracing::info!(email = me.email(), id = %me.id, "Webex takes the token; it is of {}", me.described());
                if let Some((says, hint)) = doubt(&me) {
                    tracing::warn!(hint, "{says}");
                }
                health.token(Ok(()));
                return identity.set(me);
            }
            Err(error) => {
                tracing::error!(%error, hint = error.hint(), "not ready: Webex does not say who the bot is; trying again");
                health.token(Err(error.in_short()));
                tokio::time::sleep(error.asked_pause().unwrap_or(pause)).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

/// Warns if clicks cannot arrive. Without `webhook.public_url` it is up to somebody else to make the webhooks.
async fn doubt_clicks(config: &Config, Shared { services, .. }: &Shared) {
    let none_tells = |found: Vec<_>| !registration::tells_of_clicks(&found);
    if config.cards.enabled && services.webex.webhooks().await.is_ok_and(none_tells) {
        tracing::warn!(
            "no webhook tells of clicks on cards, so their buttons do nothing: set webhook.public_url, register one for \
             attachmentActions yourself, or set cards.enabled = false"
        );
    }
}

/// Logs the result of checking the webhooks, and gives the pause until the next check. Without the webhook of a
/// handler, the bot still does everything else. So a failure of such a webhook is only logged, and is tried again at
/// the next check.
fn log_look(look: Result<WebhookLook, Error>, interval: Duration, health: &Health) -> Duration {
    let look = match look {
        Ok(look) => look,
        Err(error) => return log_failure(&error, interval, health),
    };
    for change in &look.changes {
        tracing::info!("webhooks: {change}");
    }
    for WebhookFailure { name, error } in &look.failures {
        if !registration::is_of_the_bot(name) {
            tracing::warn!(%error, hint = error.hint(), "the webhook \"{name}\" is not as its handler of events needs it; trying again at the next look");
        }
    }
    match look.own_failure() {
        Some(WebhookFailure { error, .. }) => log_failure(error, interval, health),
        None => {
            health.webhooks(Ok(()));
            health.token(Ok(()));
            interval
        }
    }
}

fn log_failure(error: &Error, interval: Duration, health: &Health) -> Duration {
    tracing::error!(%error, hint = error.hint(), "the webhooks could not be looked after; trying again");
    if error.is_unauthorized() {
        health.token(Err(error.in_short()));
    }
    health.webhooks(Err(error.in_short()));
    error.asked_pause().unwrap_or(interval.min(AGAIN))
}
