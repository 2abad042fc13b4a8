//! `switchboard check`: settings, token, store, webhooks; one line each, with what to do where one is not in order.

use std::process::ExitCode;

use secrecy::ExposeSecret;
use serde::Serialize;
use url::Url;

use super::output::{Format, print, print_json};
use crate::config::{Config, ConfigError, DmPolicy, Mode};
use crate::receiver::registration;
use crate::store::Store;
use crate::telemetry::Metrics;
use crate::webex::{Client, Mercury};

/// How a part is.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    /// It works, but hardly as it was meant.
    Warn,
    Fail,
}

#[derive(Serialize)]
struct Finding {
    check: &'static str,
    state: State,
    says: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl Finding {
    fn new(check: &'static str, state: State, says: impl Into<String>, hint: Option<&str>) -> Finding {
        Finding { check, state, says: says.into(), hint: hint.map(str::to_owned) }
    }
}

/// Prints findings as they come, or all at the end as JSON.
struct Report {
    format: Format,
    findings: Vec<Finding>,
}

impl Report {
    fn add(&mut self, finding: Finding) -> anyhow::Result<()> {
        if !self.format.json {
            let state = match finding.state {
                State::Ok => "ok",
                State::Warn => "warn",
                State::Fail => "FAIL",
            };
            print(&format!("{state:<5}{:<9} {}", finding.check, finding.says))?;
            if let Some(hint) = &finding.hint {
                print(&format!("{:15}{hint}", ""))?;
            }
        }
        self.findings.push(finding);
        Ok(())
    }

    fn is_sound(&self) -> bool {
        self.findings.iter().all(|finding| finding.state != State::Fail)
    }
}

pub(super) async fn run(config: Result<Config, ConfigError>, format: Format) -> anyhow::Result<ExitCode> {
    let mut report = Report { format, findings: Vec::new() };
    let complete = config.and_then(|config| config.require_run().map(|()| config));
    let code = match complete {
        Err(error) => {
            for problem in error.0 {
                report.add(Finding::new("settings", State::Fail, problem, None))?;
            }
            ExitCode::from(2)
        }
        Ok(config) => {
            look(&config, &mut report).await?;
            if report.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
    };
    if format.json {
        print_json(&report.findings)?;
    }
    Ok(code)
}

async fn look(config: &Config, report: &mut Report) -> anyhow::Result<()> {
    for finding in settings(config) {
        report.add(finding)?;
    }
    report.add(store(config).await)?;
    let webex = Client::impatient(&config.webex, config.token()?)?;
    let token = token(&webex).await;
    let taken = token.state != State::Fail;
    report.add(token)?;
    // Without a token that Webex takes there is nothing more to ask it.
    if taken {
        report.add(match config.delivery.mode {
            Mode::Websocket => websocket(config, &webex).await?,
            Mode::Webhook | Mode::Polling | Mode::Both => webhooks(config, &webex).await,
        })?;
    }
    Ok(())
}

fn settings(config: &Config) -> Vec<Finding> {
    const SHORTEST_SECRET: usize = 16;
    let warn = |says: &str, hint: &str| Finding::new("settings", State::Warn, says, Some(hint));
    let access = &config.access;
    let mut findings = Vec::new();
    let listed = matches!(access.dm_policy, DmPolicy::Pairing | DmPolicy::Allowlist);
    if listed && access.allow_from.is_empty() && access.admins.is_empty() {
        findings.push(warn(
            "nobody can write to the bot directly",
            "list people in access.allow_from, such as *@example.org",
        ));
    }
    if access.dm_policy == DmPolicy::Pairing {
        findings.push(warn(
            "access.dm_policy is \"pairing\", which this version does not have",
            "until it has, only listed people are answered",
        ));
    }
    if config.webhook.secret.as_ref().is_some_and(|secret| secret.expose_secret().len() < SHORTEST_SECRET) {
        findings.push(warn("webhook.secret is short enough to be guessed", "make one with `openssl rand -hex 32`"));
    }
    if let Some(url) = config.webhook.target_url().and_then(|url| Url::parse(url).ok())
        && url.path() != config.webhook.path
    {
        findings.push(warn(
            "webhook.public_url ends in another path than webhook.path",
            "right if a proxy in between rewrites it; otherwise make them the same",
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::new("settings", State::Ok, "complete", None));
    }
    findings
}

async fn token(webex: &Client) -> Finding {
    match webex.me().await {
        Ok(me) if !me.is_bot() => Finding::new(
            "token",
            State::Fail,
            format!("it is the token of {}, which is no bot", me.email()),
            Some("use the token of a bot: this one reads everything that account is told"),
        ),
        Ok(me) => Finding::new(
            "token",
            State::Ok,
            format!("Webex takes it; the bot is {} <{}>", me.display_name, me.email()),
            None,
        ),
        Err(error) => Finding::new("token", State::Fail, error.to_string(), Some(error.hint())),
    }
}

/// A ledger that is not there yet is made by the daemon, so only its folder can be looked at.
async fn store(config: &Config) -> Finding {
    match Store::look(&config.store).await {
        Ok(says) => Finding::new("store", State::Ok, says, None),
        Err(error) => {
            Finding::new("store", State::Fail, error.to_string(), Some("check store.url, and who may write there"))
        }
    }
}

/// No socket is opened: that would take the running daemon's place.
async fn websocket(config: &Config, webex: &Client) -> anyhow::Result<Finding> {
    let finding = |state, says: String, hint| Finding::new("websocket", state, says, hint);
    let mercury = Mercury::new(&config.webex, &config.websocket, config.token()?, Metrics::default())?;
    if let Err(error) = mercury.probe().await {
        let hint =
            "check websocket.catalog_url, the network, HTTPS_PROXY, and webex.ca_file behind an inspecting proxy";
        return Ok(finding(State::Fail, error.to_string(), Some(hint)));
    }
    Ok(match webex.webhooks().await {
        Ok(found) if found.iter().any(registration::is_ours) => finding(
            State::Warn,
            "Webex says where sockets are opened, and still calls webhooks of an earlier delivery.mode".to_owned(),
            Some("`switchboard webhooks delete` takes them away"),
        ),
        Ok(_) => finding(State::Ok, "Webex says where sockets are opened".to_owned(), None),
        Err(error) => finding(State::Fail, error.to_string(), Some(error.hint())),
    })
}

async fn webhooks(config: &Config, webex: &Client) -> Finding {
    let finding = |state, says: String, hint| Finding::new("webhooks", state, says, hint);
    let (Some(url), Some(secret)) = (config.webhook.target_url(), &config.webhook.secret) else {
        let says = "webhook.public_url is not set, so none are registered or looked after".to_owned();
        return finding(State::Warn, says, Some("set it to the whole URL that Webex is to call"));
    };
    let found = match webex.webhooks().await {
        Ok(found) => found,
        Err(error) => return finding(State::Fail, error.to_string(), Some(error.hint())),
    };
    if !found.iter().any(registration::is_ours) {
        return finding(State::Ok, "none yet; the daemon makes them when it starts".to_owned(), None);
    }
    let wanted = registration::wanted(url, secret);
    let missing = wanted.iter().filter(|spec| !found.iter().any(|webhook| spec.is_met_by(webhook)));
    let missing: Vec<_> = missing.map(|spec| spec.resource).collect();
    if missing.is_empty() {
        return finding(State::Ok, format!("all {} are registered and active", wanted.len()), None);
    }
    finding(
        State::Fail,
        format!("not registered as wanted: {}", missing.join(", ")),
        Some("`switchboard webhooks sync` mends them, and so does the daemon when it starts"),
    )
}
