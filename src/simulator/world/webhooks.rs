//! Creates, changes and deletes webhooks, and switches off those that fail.

use std::collections::VecDeque;
use std::time::Instant;

use serde::Deserialize;
use url::Url;

use super::ids;
use super::refusal::Refusal;
use super::state::World;
use super::things::{Account, Webhook, WebhookStatus, no_such_webhook, only_administrators};
use crate::webex::{WEBHOOK_EVENTS, WEBHOOK_RESOURCES};

/// The fields with which a webhook is created or changed, which are also the body of `POST` and `PUT`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct WebhookDraft {
    pub name: Option<String>,
    pub target_url: Option<String>,
    pub resource: Option<String>,
    pub event: Option<String>,
    pub filter: Option<String>,
    pub secret: Option<String>,
    /// Set it to `org` for the events of everybody, which only administrators may do.
    pub owned_by: Option<String>,
    /// The status. Only a `PUT` may set it, and only to `active`.
    pub status: Option<String>,
}

impl World {
    /// Creates a webhook. As with Webex, creating the same twice gives two webhooks.
    pub(crate) fn create_webhook(&mut self, owner: &Account, draft: WebhookDraft) -> Result<Webhook, Refusal> {
        let (name, target_url) = name_and_target(&draft)?;
        let named = |value: Option<String>, known: &[&str], what: &str| {
            value
                .filter(|value| value == "all" || known.contains(&value.as_str()))
                .ok_or_else(|| Refusal::bad_request(format!("{what} is missing or unknown")))
        };
        let webhook = Webhook {
            id: self.mint.id("WEBHOOK"),
            name,
            target_url,
            resource: named(draft.resource, &WEBHOOK_RESOURCES, "resource")?,
            event: named(draft.event, &WEBHOOK_EVENTS, "event")?,
            filter: draft.filter.filter(|filter| !filter.is_empty()),
            secret: draft.secret.filter(|secret| !secret.is_empty()),
            status: WebhookStatus::Active,
            created: self.clock.now(),
            owned_by: owned_by(owner, draft.owned_by)?,
            org_id: ids::organization(),
            created_by: owner.id.clone(),
            app_id: ids::application(),
            failures: VecDeque::new(),
        };
        self.check_filter(owner, &webhook)?;
        self.webhooks.push(&webhook.id, webhook.clone());
        Ok(webhook)
    }

    /// Changes the fields that can be changed. Resource, event and filter silently stay as they are.
    pub(crate) fn update_webhook(
        &mut self,
        owner: &Account,
        id: &str,
        draft: WebhookDraft,
    ) -> Result<Webhook, Refusal> {
        let webhook = self.webhooks.get_mut(id).filter(|webhook| webhook.created_by == owner.id);
        let webhook = webhook.ok_or_else(no_such_webhook)?;
        let (name, target_url) = name_and_target(&draft)?;
        match draft.status.as_deref() {
            None => {}
            Some("active") => webhook.status = WebhookStatus::Active,
            Some(_) => return Err(Refusal::bad_request("status can only be set to active")),
        }
        (webhook.name, webhook.target_url) = (name, target_url);
        if let Some(secret) = draft.secret {
            webhook.secret = Some(secret).filter(|secret| !secret.is_empty());
        }
        Ok(webhook.clone())
    }

    pub(crate) fn delete_webhook(&mut self, owner: &Account, id: &str) -> Result<(), Refusal> {
        match self.webhooks.get(id) {
            None => Err(Refusal::bad_request("Invalid webhookId for Delete Webhook request.")),
            Some(webhook) if webhook.created_by != owner.id => {
                Err(Refusal::bad_request("Failed to delete webhook.  You are not the owner of it."))
            }
            Some(_) => {
                self.webhooks.remove(id);
                Ok(())
            }
        }
    }

    /// Counts a failed delivery, and says whether it switched the webhook off.
    pub(crate) fn delivery_failed(&mut self, webhook_id: &str, now: Instant) -> bool {
        let Some(webhook) = self.webhooks.get_mut(webhook_id) else { return false };
        let is_off = webhook.failed(now) && webhook.status == WebhookStatus::Active;
        if is_off {
            webhook.status = WebhookStatus::Inactive;
        }
        is_off
    }
}

fn name_and_target(draft: &WebhookDraft) -> Result<(String, String), Refusal> {
    let name = draft.name.clone().filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| Refusal::bad_request("name cannot be empty"))?;
    let target = draft.target_url.clone().ok_or_else(|| Refusal::bad_request("targetUrl cannot be null"))?;
    let is_web = Url::parse(&target).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    if is_web { Ok((name, target)) } else { Err(Refusal::bad_request("targetUrl is not a valid URL")) }
}

fn owned_by(owner: &Account, wanted: Option<String>) -> Result<String, Refusal> {
    match wanted.as_deref() {
        None | Some("creator") => Ok("creator".to_owned()),
        Some("org") => only_administrators(owner).map(|()| "org".to_owned()),
        Some(_) => Err(Refusal::bad_request("ownedBy can only be org")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::world::things::AccountType;
    use std::time::Duration;

    /// A world with a space of a person and a bot, a webhook of the bot, and what happened when the person spoke.
    fn hears(resource: &str, event: &str, filter: Option<&str>, markdown: &str) -> Result<bool, Refusal> {
        let mut world = World::default();
        let bot = world.add_account(AccountType::Bot, "bot@webex.bot".into(), "Bot".into(), "token".into());
        let alice = world.account("alice@example.com");
        let room = world.open_space(&alice, "Lab");
        world.add_member(&alice, &room, &bot, false)?;
        let filter = filter.map(|filter| filter.replace("ROOM", &ids::respelled(&room, ids::US, "ROOM")));
        let webhook = world.create_webhook(
            &bot,
            WebhookDraft {
                name: Some("w".into()),
                target_url: Some("http://localhost/".into()),
                resource: Some(resource.into()),
                event: Some(event.into()),
                filter,
                ..WebhookDraft::default()
            },
        )?;
        world.happened.clear();
        let draft =
            crate::simulator::world::draft::MessageDraft { markdown: Some(markdown.into()), ..Default::default() };
        world.post(&alice, &room, draft, "")?;
        let heard = world.happened.iter().any(|(_, audience)| audience.contains(&webhook.id));
        Ok(heard)
    }

    const MENTION: &str = "<@personEmail:bot@webex.bot> help";

    #[test]
    fn a_filter_takes_any_spelling_and_all_its_clauses_have_to_hold() {
        for (filter, heard) in [
            ("roomType=group", true),
            ("roomType=direct", false),
            ("roomId=ROOM", true),
            ("roomType=group&mentionedPeople=me&hasFiles=false", true),
            ("roomType=group&hasFiles=true", false),
            ("personEmail=ALICE@example.com", true),
            ("personEmail=bob@example.com", false),
        ] {
            assert_eq!(hears("messages", "created", Some(filter), MENTION), Ok(heard), "{filter}");
        }
        for unknown in ["roomId=nowhere", "colour=red", "roomType=large", "hasFiles"] {
            assert!(hears("messages", "created", Some(unknown), MENTION).is_err(), "{unknown}");
        }
    }

    #[test]
    fn a_bot_hears_in_spaces_only_what_mentions_it() {
        assert_eq!(hears("messages", "created", None, "help"), Ok(false));
        assert_eq!(hears("messages", "created", None, "<@all> help"), Ok(false));
        assert_eq!(hears("messages", "deleted", None, MENTION), Ok(false));
        assert_eq!(hears("all", "all", None, MENTION), Ok(true));
    }

    #[test]
    fn a_hundred_failures_in_five_minutes_are_too_many_and_then_one_is() {
        let mut world = World::default();
        let bot = world.add_account(AccountType::Bot, "bot@webex.bot".into(), "Bot".into(), "token".into());
        let draft = WebhookDraft {
            name: Some("w".into()),
            target_url: Some("http://localhost/".into()),
            resource: Some("messages".into()),
            event: Some("created".into()),
            ..WebhookDraft::default()
        };
        let id = world.create_webhook(&bot, draft.clone()).unwrap().id;
        let start = Instant::now();
        for second in 0..99 {
            assert!(!world.delivery_failed(&id, start + Duration::from_secs(second)));
        }
        // By now the first has been forgotten.
        assert!(!world.delivery_failed(&id, start + Duration::from_secs(300)));
        assert!(world.delivery_failed(&id, start + Duration::from_secs(300)));
        world.update_webhook(&bot, &id, WebhookDraft { status: Some("active".into()), ..draft.clone() }).unwrap();
        assert!(world.delivery_failed(&id, start + Duration::from_secs(300)));
        world.update_webhook(&bot, &id, WebhookDraft { status: Some("active".into()), ..draft }).unwrap();
        assert!(!world.delivery_failed(&id, start + Duration::from_secs(700)));
    }
}
