//! Our webhooks at Webex: made where they are missing, mended where they drifted, others left alone.

use secrecy::SecretString;

use crate::event::{CLICKS, MEMBERSHIPS, MESSAGES};
use crate::webex::{Client, Error, Webhook, WebhookSpec};

/// Of each of these the bot has a webhook.
const RESOURCES: [&str; 3] = [MESSAGES, CLICKS, MEMBERSHIPS];

/// What one look changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was missing.
    Created(String),
    /// Its URL, secret or status was not as it ought to be.
    Updated(String),
    /// It was there twice, or could not be mended.
    Deleted(String),
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Change::Created(name) => write!(f, "created {name}"),
            Change::Updated(name) => write!(f, "mended {name}"),
            Change::Deleted(name) => write!(f, "deleted a surplus {name}"),
        }
    }
}

/// The webhooks the bot needs.
pub fn wanted(target_url: &str, secret: &SecretString) -> Vec<WebhookSpec> {
    RESOURCES
        .into_iter()
        .map(|resource| WebhookSpec {
            name: format!("switchboard {resource}"),
            target_url: target_url.to_owned(),
            resource,
            event: "created",
            secret: secret.clone(),
        })
        .collect()
}

/// Whether a webhook is one that this program makes; all others belong to somebody else and are never touched.
pub fn is_ours(webhook: &Webhook) -> bool {
    RESOURCES.into_iter().any(|resource| webhook.name == format!("switchboard {resource}"))
}

/// Whether one of these tells of clicks on cards, whoever made it: without `webhook.public_url` that may be somebody's
/// hand. Where it calls is not looked at, since only they know what leads to the bot. One for `all` has no clicks.
pub fn tells_of_clicks(found: &[Webhook]) -> bool {
    let is_active = |webhook: &Webhook| webhook.status.as_deref().is_none_or(|status| status == "active");
    let clicks = |webhook: &Webhook| webhook.resource == CLICKS && ["created", "all"].contains(&webhook.event.as_str());
    found.iter().any(|webhook| is_active(webhook) && clicks(webhook))
}

/// Looks at the webhooks and changes what is not as wanted; without drift it writes nothing.
///
/// # Errors
/// The first call that failed; what was changed before stays, and the next look goes on from there.
pub async fn synchronise(webex: &Client, wanted: &[WebhookSpec]) -> Result<Vec<Change>, Error> {
    let found = webex.webhooks().await?;
    let mut changes = Vec::new();
    for spec in wanted {
        let same_name = || found.iter().filter(|webhook| webhook.name == spec.name);
        let keep = same_name().find(|webhook| spec.can_become(webhook));
        for surplus in same_name().filter(|webhook| keep.is_none_or(|keep| keep.id != webhook.id)) {
            webex.delete_webhook(&surplus.id).await?;
            changes.push(Change::Deleted(spec.name.clone()));
        }
        match keep {
            None => {
                webex.create_webhook(spec).await?;
                changes.push(Change::Created(spec.name.clone()));
            }
            Some(webhook) if !spec.is_met_by(webhook) => {
                webex.update_webhook(&webhook.id, spec).await?;
                changes.push(Change::Updated(spec.name.clone()));
            }
            Some(_) => {}
        }
    }
    Ok(changes)
}
