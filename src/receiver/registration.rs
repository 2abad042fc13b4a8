//! Keeps our webhooks at Webex: makes missing ones, mends wrong ones, and leaves those of others alone.

use secrecy::SecretString;

use crate::event::{CLICKS, MEMBERSHIPS, MESSAGES, Subscription};
use crate::webex::{Client, Error, WEBHOOK_EVENTS, WEBHOOK_RESOURCES, Webhook, WebhookSpec};

/// The resources the bot itself needs a webhook for.
const RESOURCES: [&str; 3] = [MESSAGES, CLICKS, MEMBERSHIPS];

/// The beginning of the names of our webhooks.
const OURS: &str = "switchboard ";

/// A change to a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebhookChange {
    /// The webhook was missing.
    Created(String),
    /// Its URL, secret or status was wrong.
    Updated(String),
    /// It was there twice, could not be mended, or is no longer needed.
    Deleted(String),
}

impl WebhookChange {
    fn name(&self) -> &str {
        let (WebhookChange::Created(name) | WebhookChange::Updated(name) | WebhookChange::Deleted(name)) = self;
        name
    }
}

impl std::fmt::Display for WebhookChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            WebhookChange::Created(name) => write!(f, "created {name}"),
            WebhookChange::Updated(name) => write!(f, "mended {name}"),
            WebhookChange::Deleted(name) => write!(f, "deleted a surplus {name}"),
        }
    }
}

/// The webhooks the bot needs: those for itself, and those that handlers of other events ask for.
pub fn wanted(target_url: &str, secret: &SecretString, others: &[Subscription]) -> Vec<WebhookSpec> {
    let spec = |name: String, resource: &str, event: &str| WebhookSpec {
        name: format!("{OURS}{name}"),
        target_url: target_url.to_owned(),
        resource: resource.to_owned(),
        event: event.to_owned(),
        secret: secret.clone(),
    };
    let own = RESOURCES.into_iter().map(|resource| spec(resource.to_owned(), resource, "created"));
    let others =
        others.iter().map(|Subscription { resource, event }| spec(format!("{resource} {event}"), resource, event));
    own.chain(others).collect()
}

/// Whether this program made the webhook. All other webhooks belong to somebody else and are never touched.
pub fn is_ours(webhook: &Webhook) -> bool {
    let name = webhook.name.strip_prefix(OURS).unwrap_or_default();
    match name.split_once(' ') {
        None => RESOURCES.contains(&name),
        Some((resource, event)) => WEBHOOK_RESOURCES.contains(&resource) && WEBHOOK_EVENTS.contains(&event),
    }
}

/// Whether the bot itself needs the webhook of this name. If not, it is there for a handler of events.
pub fn is_of_the_bot(name: &str) -> bool {
    name.strip_prefix(OURS).is_some_and(|resource| RESOURCES.contains(&resource))
}

/// Whether one of these webhooks brings clicks on cards. Its URL is not checked, since somebody may have made it by
/// hand if `webhook.public_url` is not set. A webhook for the resource `all` brings no clicks.
pub fn tells_of_clicks(found: &[Webhook]) -> bool {
    let is_active = |webhook: &Webhook| webhook.status.as_deref().is_none_or(|status| status == "active");
    let clicks = |webhook: &Webhook| webhook.resource == CLICKS && ["created", "all"].contains(&webhook.event.as_str());
    found.iter().any(|webhook| is_active(webhook) && clicks(webhook))
}

/// The result of checking the webhooks once.
#[derive(Debug, Default)]
pub struct WebhookLook {
    /// The changes that were made.
    pub changes: Vec<WebhookChange>,
    /// The webhooks that could not be changed.
    pub failures: Vec<WebhookFailure>,
}

/// A webhook that could not be made, mended or deleted.
#[derive(Debug)]
pub struct WebhookFailure {
    /// The webhook's name.
    pub name: String,
    /// Webex's answer.
    pub error: Error,
}

impl WebhookLook {
    fn note(&mut self, name: &str, result: Result<Vec<WebhookChange>, Error>) {
        match result {
            Ok(changes) => self.changes.extend(changes),
            Err(error) => self.failures.push(WebhookFailure { name: name.to_owned(), error }),
        }
    }

    /// The first failure of a webhook that the bot itself needs.
    pub fn own_failure(&self) -> Option<&WebhookFailure> {
        self.failures.iter().find(|failure| is_of_the_bot(&failure.name))
    }

    /// Whether a webhook that the bot itself needs was wrong, or may still be.
    pub fn had_gap(&self) -> bool {
        self.own_failure().is_some() || self.changes.iter().any(|change| is_of_the_bot(change.name()))
    }
}

/// Compares the webhooks with those wanted and changes what differs. If nothing differs, nothing is written. A webhook
/// that fails does not hold up the others.
///
/// # Errors
/// Webex does not list the webhooks. Nothing was changed; try again later.
pub async fn synchronise(webex: &Client, wanted: &[WebhookSpec]) -> Result<WebhookLook, Error> {
    let found = webex.webhooks().await?;
    let mut look = WebhookLook::default();
    // A webhook whose handler is gone still calls us. One that calls another URL belongs to another bot of this
    // account.
    let is_idle = |webhook: &&Webhook| {
        let calls_us = wanted.iter().any(|spec| spec.target_url == webhook.target_url);
        is_ours(webhook) && calls_us && wanted.iter().all(|spec| spec.name != webhook.name)
    };
    for idle in found.iter().filter(is_idle) {
        let deleted = webex.delete_webhook(&idle.id).await;
        look.note(&idle.name, deleted.map(|()| vec![WebhookChange::Deleted(idle.name.clone())]));
    }
    for spec in wanted {
        look.note(&spec.name, synchronise_one(webex, spec, &found).await);
    }
    Ok(look)
}

async fn synchronise_one(webex: &Client, spec: &WebhookSpec, found: &[Webhook]) -> Result<Vec<WebhookChange>, Error> {
    let mut changes = Vec::new();
    let same_name = || found.iter().filter(|webhook| webhook.name == spec.name);
    let keep = same_name().find(|webhook| spec.can_become(webhook));
    for surplus in same_name().filter(|webhook| keep.is_none_or(|keep| keep.id != webhook.id)) {
        webex.delete_webhook(&surplus.id).await?;
        changes.push(WebhookChange::Deleted(spec.name.clone()));
    }
    match keep {
        None => {
            webex.create_webhook(spec).await?;
            changes.push(WebhookChange::Created(spec.name.clone()));
        }
        Some(webhook) if !spec.is_met_by(webhook) => {
            webex.update_webhook(&webhook.id, spec).await?;
            changes.push(WebhookChange::Updated(spec.name.clone()));
        }
        Some(_) => {}
    }
    Ok(changes)
}
