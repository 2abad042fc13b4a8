//! `switchboard rooms` and `switchboard webhooks`: what Webex has.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use super::output::{Format, print, print_json};
use crate::config::{Config, ConfigError};
use crate::receiver::registration;
use crate::table::table;
use crate::telemetry::Metrics;
use crate::webex::{Client, Error, RoomType, Webhook, WebhookId};

#[derive(Debug, Subcommand)]
pub(super) enum Webhooks {
    /// List every webhook of this bot's token, whoever made it
    List {
        #[command(flatten)]
        format: Format,
    },
    /// Make and mend the webhooks of webhook.public_url, as the daemon does at its start
    Sync {
        #[command(flatten)]
        format: Format,
    },
    /// Delete webhooks: those this program made, or one by its id
    Delete {
        /// The id of one webhook, of whoever's making
        #[arg(required_unless_present = "all", help = "The id of one webhook, of whoever's making; or give --all")]
        id: Option<String>,
        /// All that this program made; others stay
        #[arg(long, conflicts_with = "id")]
        all: bool,
        #[command(flatten)]
        format: Format,
    },
}

/// A client for a verb that needs nothing but the token.
pub(super) fn client(config: &Config) -> anyhow::Result<Client> {
    Client::new(&config.webex, config.token()?, Metrics::default())
}

/// Adds what an operator can do about it.
pub(super) fn hinted(error: Error) -> anyhow::Error {
    anyhow::anyhow!("{error}\n{}", error.hint())
}

pub(super) async fn rooms(config: &Config, format: Format) -> anyhow::Result<ExitCode> {
    let rooms = client(config)?.rooms(None).await.map_err(hinted)?;
    if format.json {
        print_json(&rooms)?;
    } else {
        let rows = rooms.iter().map(|room| {
            let kind = match room.kind {
                RoomType::Direct => "direct",
                RoomType::Group => "group",
            };
            let active = room.last_activity.map_or_else(String::new, |time| super::output::time(time.as_millisecond()));
            [room.title.clone(), kind.to_owned(), active, room.id.to_string()]
        });
        print(&table(["TITLE", "TYPE", "LAST ACTIVITY", "ID"], &[], rows))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn webhooks(config: &Config, verb: Webhooks) -> anyhow::Result<ExitCode> {
    let webex = client(config)?;
    match verb {
        Webhooks::List { format } => list(&webex.webhooks().await.map_err(hinted)?, format)?,
        Webhooks::Sync { format } => {
            config.require_run()?;
            let (Some(url), Some(secret)) = (config.webhook.target_url(), &config.webhook.secret) else {
                return Err(ConfigError::one(
                    "webhook.public_url is not set: give the whole URL that Webex is to call",
                )
                .into());
            };
            let changes =
                registration::synchronise(&webex, &registration::wanted(url, secret)).await.map_err(hinted)?;
            let lines: Vec<_> = changes.iter().map(ToString::to_string).collect();
            report(&lines, "nothing to change", format)?;
        }
        Webhooks::Delete { id: Some(id), format, .. } => {
            webex.delete_webhook(&WebhookId::from(id.as_str())).await.map_err(hinted)?;
            report(&[format!("deleted {id}")], "", format)?;
        }
        Webhooks::Delete { id: None, format, .. } => {
            let mut lines = Vec::new();
            for webhook in
                webex.webhooks().await.map_err(hinted)?.iter().filter(|webhook| registration::is_ours(webhook))
            {
                webex.delete_webhook(&webhook.id).await.map_err(hinted)?;
                lines.push(format!("deleted {}", webhook.name));
            }
            report(&lines, "nothing to delete", format)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn report(lines: &[String], none: &str, format: Format) -> anyhow::Result<()> {
    if format.json {
        return print_json(&json!({"changes": lines}));
    }
    Ok(print(&if lines.is_empty() { none.to_owned() } else { lines.join("\n") })?)
}

fn list(webhooks: &[Webhook], format: Format) -> anyhow::Result<()> {
    if format.json {
        let shown: Vec<_> = webhooks.iter().map(|webhook| {
            json!({
                "id": webhook.id, "name": webhook.name, "targetUrl": webhook.target_url, "resource": webhook.resource,
                "event": webhook.event, "filter": webhook.filter, "status": webhook.status,
                "ours": registration::is_ours(webhook),
            })
        }).collect();
        return print_json(&shown);
    }
    let rows = webhooks.iter().map(|webhook| {
        let ours = if registration::is_ours(webhook) { "ours" } else { "" };
        let event = format!("{}/{}", webhook.resource, webhook.event);
        let status = webhook.status.clone().unwrap_or_default();
        [
            webhook.name.clone(),
            ours.to_owned(),
            event,
            status,
            webhook.target_url.clone(),
            webhook.id.as_str().to_owned(),
        ]
    });
    Ok(print(&table(["NAME", "", "EVENT", "STATUS", "TARGET", "ID"], &[], rows))?)
}
