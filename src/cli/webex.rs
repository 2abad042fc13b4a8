//! `switchboard rooms` and `switchboard webhooks`: list and show the bot's spaces, and list, mend and delete its webhooks.

use std::cmp::Reverse;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use url::Url;

use super::output::{Format, print, print_json};
use crate::config::{Config, ConfigError};
use crate::event::Subscription;
use crate::outbox::Destination;
use crate::places::{Place, choose};
use crate::receiver::registration::{self, WebhookFailure, WebhookLook};
use crate::telemetry::Metrics;
use crate::text::table;
use crate::webex::{Client, Error, Room, RoomType, Webhook, WebhookId};

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct RoomsOptions {
    #[command(subcommand)]
    verb: Option<RoomsVerb>,
    /// Only those of one type
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<RoomKind>,
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, Subcommand)]
enum RoomsVerb {
    /// Show one space
    Show {
        /// Its id, or its whole title
        #[arg(value_name = "ID|TITLE")]
        room: String,
        #[command(flatten)]
        format: Format,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum RoomKind {
    Direct,
    Group,
}

impl From<RoomKind> for RoomType {
    fn from(kind: RoomKind) -> RoomType {
        match kind {
            RoomKind::Direct => RoomType::Direct,
            RoomKind::Group => RoomType::Group,
        }
    }
}

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct WebhooksOptions {
    #[command(subcommand)]
    verb: Option<WebhooksVerb>,
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, Subcommand)]
enum WebhooksVerb {
    /// List every webhook of this bot's token, whoever made it
    List {
        #[command(flatten)]
        format: Format,
    },
    /// Create and mend the webhooks for webhook.public_url, as the daemon does at its start
    Sync {
        #[command(flatten)]
        format: Format,
    },
    /// Delete webhooks: those this program made, or one by its id
    Delete {
        /// The id of one webhook, whoever made it
        #[arg(required_unless_present = "all", help = "The id of one webhook, whoever made it; or give --all")]
        id: Option<String>,
        /// Every webhook that this program made; others stay
        #[arg(long, conflicts_with = "id")]
        all: bool,
        #[command(flatten)]
        format: Format,
    },
}

/// The client of a verb that needs nothing but the token.
pub(super) fn client(config: &Config) -> anyhow::Result<Client> {
    Client::new(&config.webex, config.token()?, Metrics::default())
}

/// Adds to an error what the operator can do about it.
pub(super) fn hinted(error: Error) -> anyhow::Error {
    anyhow::anyhow!("{error}\n{}", error.hint())
}

pub(super) async fn rooms(config: &Config, options: RoomsOptions) -> anyhow::Result<ExitCode> {
    if let Some(RoomsVerb::Show { room, format }) = options.verb {
        return show_room(config, &room, format).await;
    }
    let mut rooms = client(config)?.rooms(options.kind.map(RoomType::from)).await.map_err(hinted)?;
    rooms.sort_by(|a, b| (Reverse(a.last_activity), &a.title).cmp(&(Reverse(b.last_activity), &b.title)));
    if options.format.json {
        print_json(&rooms)?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows = rooms.iter().map(|room| {
        let kind = kind(room);
        let locked = if room.is_locked { "locked" } else { "" };
        [
            room.title.clone(),
            kind.to_owned(),
            locked.to_owned(),
            time(room.last_activity),
            time(room.created),
            room.id.to_string(),
        ]
    });
    print(&table(["TITLE", "TYPE", "LOCKED", "LAST ACTIVITY", "CREATED", "ID"], &[], rows))?;
    Ok(ExitCode::SUCCESS)
}

/// Shows the space of an id, or the one that has a title now.
async fn show_room(config: &Config, named: &str, format: Format) -> anyhow::Result<ExitCode> {
    let webex = client(config)?;
    let room = match Place::of(named) {
        Place::Known(Destination::Space(id, _)) => webex.room(&id).await.map_err(hinted)?,
        Place::Known(_) => {
            return Err(ConfigError::one("that names a person; give the id or the title of a space").into());
        }
        Place::Titled(title) => {
            let rooms = webex.rooms(None).await.map_err(hinted)?;
            choose(&title, None, &rooms).map_err(|why| anyhow::anyhow!("{why}"))?.clone()
        }
    };
    if format.json {
        print_json(&room)?;
        return Ok(ExitCode::SUCCESS);
    }
    let locked = if room.is_locked { ", locked" } else { "" };
    let (activity, created) = (time(room.last_activity), time(room.created));
    print(&format!(
        "title: {}\ntype: {}{locked}\nlast activity: {activity}\ncreated: {created}\nid: {}",
        room.title,
        kind(&room),
        room.id
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn kind(room: &Room) -> &'static str {
    match room.kind {
        RoomType::Direct => "direct",
        RoomType::Group => "group",
    }
}

fn time(time: Option<Timestamp>) -> String {
    time.map_or_else(String::new, |time| crate::text::iso_time(time.as_millisecond()))
}

pub(super) async fn webhooks(
    config: &Config,
    options: WebhooksOptions,
    others: &[Subscription],
) -> anyhow::Result<ExitCode> {
    let webex = client(config)?;
    match options.verb.unwrap_or(WebhooksVerb::List { format: options.format }) {
        WebhooksVerb::List { format } => list(webex.webhooks().await.map_err(hinted)?, format)?,
        WebhooksVerb::Sync { format } => {
            config.require_run()?;
            let (Some(url), Some(secret)) = (config.webhook.target_url(), &config.webhook.secret) else {
                return Err(ConfigError::one(
                    "webhook.public_url is not set: give the whole URL that Webex is to call",
                )
                .into());
            };
            let wanted = registration::wanted(url, secret, others);
            let WebhookLook { changes, failures } = registration::synchronise(&webex, &wanted).await.map_err(hinted)?;
            let lines: Vec<_> = changes.iter().map(ToString::to_string).collect();
            let none = if failures.is_empty() { "nothing to change" } else { "nothing was changed" };
            report(&lines, none, format)?;
            let failed = |WebhookFailure { name, error }| format!("{name}: {}", hinted(error));
            let failed: Vec<_> = failures.into_iter().map(failed).collect();
            anyhow::ensure!(failed.is_empty(), failed.join("\n"));
        }
        WebhooksVerb::Delete { id: Some(id), format, .. } => {
            webex.delete_webhook(&WebhookId::from(id.as_str())).await.map_err(hinted)?;
            report(&[format!("deleted {id}")], "", format)?;
        }
        WebhooksVerb::Delete { id: None, format, .. } => {
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

/// A webhook as it is printed, without its secret.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WebhookOutput<'a> {
    id: &'a WebhookId,
    name: &'a str,
    resource: &'a str,
    event: &'a str,
    filter: Option<&'a str>,
    status: Option<&'a str>,
    target_url: String,
    ours: bool,
    created: Option<Timestamp>,
}

impl<'a> WebhookOutput<'a> {
    fn new(webhook: &'a Webhook) -> WebhookOutput<'a> {
        WebhookOutput {
            id: &webhook.id,
            name: &webhook.name,
            resource: &webhook.resource,
            event: &webhook.event,
            filter: webhook.filter.as_deref(),
            status: webhook.status.as_deref(),
            target_url: without_secrets(&webhook.target_url),
            ours: registration::is_ours(webhook),
            created: webhook.created,
        }
    }

    fn row(&self) -> [String; 8] {
        [
            self.name.to_owned(),
            if self.ours { "ours" } else { "foreign" }.to_owned(),
            format!("{}/{}", self.resource, self.event),
            self.filter.unwrap_or_default().to_owned(),
            self.status.unwrap_or_default().to_owned(),
            self.target_url.clone(),
            time(self.created),
            self.id.to_string(),
        ]
    }
}

/// The URL with passwords and query values hidden, since they may be secrets.
pub(super) fn without_secrets(url: &str) -> String {
    const HIDDEN: &str = "***";
    let Ok(mut shown) = Url::parse(url) else {
        // A text that is no URL may hold a secret anywhere behind these characters.
        return url.split(['?', '@']).next().unwrap_or_default().to_owned();
    };
    // Setting these fails for a URL without a host, which has neither.
    if shown.password().is_some() {
        let _ = shown.set_password(Some(HIDDEN));
    }
    if !shown.username().is_empty() {
        let _ = shown.set_username(HIDDEN);
    }
    let names: Vec<_> = shown.query_pairs().map(|(name, _)| name.into_owned()).collect();
    if !names.is_empty() {
        shown.query_pairs_mut().clear().extend_pairs(names.iter().map(|name| (name, HIDDEN)));
    }
    shown.into()
}

fn list(mut webhooks: Vec<Webhook>, format: Format) -> anyhow::Result<()> {
    webhooks.sort_by_cached_key(|webhook| {
        (!registration::is_ours(webhook), webhook.name.clone(), webhook.resource.clone(), webhook.created)
    });
    let shown: Vec<_> = webhooks.iter().map(WebhookOutput::new).collect();
    if format.json {
        return print_json(&shown);
    }
    let head = ["NAME", "WHOSE", "EVENT", "FILTER", "STATUS", "TARGET", "CREATED", "ID"];
    Ok(print(&table(head, &[], shown.iter().map(WebhookOutput::row)))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_what_may_be_a_secret_in_it() {
        for (url, shown) in [
            ("https://bot.example.org/webex?plain", "https://bot.example.org/webex?plain=***"),
            (
                "https://u:p%40ss@bot.example.org/x?token=abc&k=1#f",
                "https://***:***@bot.example.org/x?token=***&k=***#f",
            ),
            ("https://bot.example.org/webex/webhook", "https://bot.example.org/webex/webhook"),
            ("no url?key=abc", "no url"),
        ] {
            assert_eq!(without_secrets(url), shown);
        }
    }
}
