//! `switchboard check`: settings, token, store, webhooks; one line each, with what to do where one is not in order.

use std::process::ExitCode;

use serde::Serialize;

use super::output::{Format, print, print_json};
use super::webex::client;
use crate::config::{Config, ConfigError, DmPolicy};
use crate::receiver::registration;
use crate::store::Store;
use crate::webex::Client;

#[derive(Serialize)]
struct Finding {
    check: &'static str,
    ok: bool,
    says: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl Finding {
    fn good(check: &'static str, says: impl Into<String>) -> Finding {
        Finding { check, ok: true, says: says.into(), hint: None }
    }

    fn bad(check: &'static str, says: impl Into<String>, hint: impl Into<String>) -> Finding {
        Finding { check, ok: false, says: says.into(), hint: Some(hint.into()) }
    }
}

pub(super) async fn run(config: Result<Config, ConfigError>, format: Format) -> anyhow::Result<ExitCode> {
    let complete = config.and_then(|config| config.require_run().map(|()| config));
    let (findings, code) = match complete {
        Err(error) => {
            let findings = error.0.iter().map(|problem| Finding {
                check: "settings",
                ok: false,
                says: problem.clone(),
                hint: None,
            });
            (findings.collect(), ExitCode::from(2))
        }
        Ok(config) => {
            let findings = look(&config).await?;
            let code = if findings.iter().all(|finding| finding.ok) { ExitCode::SUCCESS } else { ExitCode::FAILURE };
            (findings, code)
        }
    };
    if format.json {
        print_json(&findings)?;
        return Ok(code);
    }
    for Finding { check, ok, says, hint } in &findings {
        print(&format!("{:<5}{check:<9} {says}", if *ok { "ok" } else { "FAIL" }))?;
        if let Some(hint) = hint {
            print(&format!("{:15}{hint}", ""))?;
        }
    }
    Ok(code)
}

async fn look(config: &Config) -> anyhow::Result<Vec<Finding>> {
    let access = &config.access;
    let nobody = access.allow_from.is_empty()
        && access.admins.is_empty()
        && matches!(access.dm_policy, DmPolicy::Pairing | DmPolicy::Allowlist);
    let settings = match (nobody, access.dm_policy) {
        (true, DmPolicy::Pairing) => {
            "complete; nobody can talk to the bot yet: pairing is not in this version, so list people in access.allow_from"
        }
        (true, _) => "complete; nobody can talk to the bot yet: list people in access.allow_from",
        (false, DmPolicy::Pairing) => "complete; pairing is not in this version: only listed people are answered",
        (false, _) => "complete",
    };
    let webex = client(config)?;
    Ok(vec![
        Finding::good("settings", settings),
        token(&webex).await,
        store(config).await,
        webhooks(config, &webex).await,
    ])
}

async fn token(webex: &Client) -> Finding {
    match webex.me().await {
        Ok(me) => Finding::good("token", format!("Webex takes it; the bot is {} <{}>", me.display_name, me.email())),
        Err(error) => Finding::bad("token", error.to_string(), error.hint()),
    }
}

/// A ledger that is not there yet is made by the daemon, so only its folder can be looked at.
async fn store(config: &Config) -> Finding {
    match Store::look(&config.store).await {
        Ok(says) => Finding::good("store", says),
        Err(error) => {
            Finding::bad("store", error.to_string(), "check store.url, and that its folder can be written to")
        }
    }
}

async fn webhooks(config: &Config, webex: &Client) -> Finding {
    let (Some(url), Some(secret)) = (config.webhook.target_url(), &config.webhook.secret) else {
        return Finding::good("webhooks", "webhook.public_url is not set, so none are registered or looked after");
    };
    let found = match webex.webhooks().await {
        Ok(found) => found,
        Err(error) => return Finding::bad("webhooks", error.to_string(), error.hint()),
    };
    let wanted = registration::wanted(url, secret);
    let missing: Vec<_> = wanted
        .iter()
        .filter(|spec| !found.iter().any(|webhook| spec.is_met_by(webhook)))
        .map(|spec| spec.resource)
        .collect();
    if missing.is_empty() {
        return Finding::good("webhooks", format!("all {} are registered and active", wanted.len()));
    }
    Finding::bad(
        "webhooks",
        format!("not registered as wanted: {}", missing.join(", ")),
        "`switchboard webhooks sync` mends them, and so does the daemon when it starts",
    )
}
