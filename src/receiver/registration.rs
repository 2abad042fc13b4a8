//! Our webhooks at Webex: made where they are missing, mended where they drifted, others left alone.

use secrecy::SecretString;

use crate::event::{CLICKS, MEMBERSHIPS, MESSAGES, Subscription};
use crate::webex::{Client, Error, WEBHOOK_EVENTS, WEBHOOK_RESOURCES, Webhook, WebhookSpec};

/// Of each of these the bot has a webhook.
const RESOURCES: [&str; 3] = [MESSAGES, CLICKS, MEMBERSHIPS];

/// The names of ours begin so.
const OURS: &str = "switchboard ";

/// What one look changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebhookChange {
    /// It was missing.
    Created(String),
    /// Its URL, secret or status was not as it ought to be.
    Updated(String),
    /// It was there twice, could not be mended, or is of no use any more.
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

/// The webhooks the bot needs: for itself, and for what its handlers of other events ask for.
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

/// Whether a webhook is one that this program makes; all others belong to somebody else and are never touched.
pub fn is_ours(webhook: &Webhook) -> bool {
    let name = webhook.name.strip_prefix(OURS).unwrap_or_default();
    match name.split_once(' ') {
        None => RESOURCES.contains(&name),
        Some((resource, event)) => WEBHOOK_RESOURCES.contains(&resource) && WEBHOOK_EVENTS.contains(&event),
    }
}

/// Whether a webhook of this name is one that the bot cannot work without, and not one of a handler of events.
pub fn is_of_the_bot(name: &str) -> bool {
    name.strip_prefix(OURS).is_some_and(|resource| RESOURCES.contains(&resource))
}

/// Whether one of these tells of clicks on cards. Somebody may have made it by hand where `webhook.public_url` is not set,
/// so its URL is not checked. A webhook of the resource `all` gets no clicks.
pub fn tells_of_clicks(found: &[Webhook]) -> bool {
    let is_active = |webhook: &Webhook| webhook.status.as_deref().is_none_or(|status| status == "active");
    let clicks = |webhook: &Webhook| webhook.resource == CLICKS && ["created", "all"].contains(&webhook.event.as_str());
    found.iter().any(|webhook| is_active(webhook) && clicks(webhook))
}

/// What one look came to.
#[derive(Debug, Default)]
pub struct WebhookLook {
    /// What it changed.
    pub changes: Vec<WebhookChange>,
    /// What it could not change.
    pub failures: Vec<WebhookFailure>,
}

/// A webhook that could not be made as it ought to be, or deleted.
#[derive(Debug)]
pub struct WebhookFailure {
    /// The webhook's name.
    pub name: String,
    /// What Webex said.
    pub error: Error,
}

impl WebhookLook {
    fn note(&mut self, name: &str, result: Result<Vec<WebhookChange>, Error>) {
        match result {
            Ok(changes) => self.changes.extend(changes),
            Err(error) => self.failures.push(WebhookFailure { name: name.to_owned(), error }),
        }
    }

    /// The first failure of a webhook that the bot cannot work without.
    pub fn own_failure(&self) -> Option<&WebhookFailure> {
        self.failures.iter().find(|failure| is_of_the_bot(&failure.name))
    }

    /// Whether a webhook that the bot cannot work without was not as it ought to be, or may not be now.
    pub fn had_gap(&self) -> bool {
        self.own_failure().is_some() || self.changes.iter().any(|change| is_of_the_bot(change.name()))
    }
}

/// Looks at the webhooks and changes what is not as wanted; without drift it writes nothing. One that fails holds up no
/// other.
///
/// # Errors
/// Webex does not list the webhooks. Nothing was changed; try again later.
pub async fn synchronise(webex: &Client, wanted: &[WebhookSpec]) -> Result<WebhookLook, Error> {
    let found = webex.webhooks().await?;
    let mut look = WebhookLook::default();
    // The handler is gone, and it still calls us. One that calls elsewhere is another bot's of this account.
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
