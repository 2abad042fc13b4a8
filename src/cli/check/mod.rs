//! `switchboard check`: checks settings, store, token and webhooks, with one line each and what to do about it. With
//! `--deep` it also checks the way of a message from end to end. It changes nothing at Webex and nothing in the ledger.

mod deep;
mod hooks;
mod instance;
mod ledger;
mod places;
mod public_url;
mod report;
mod webhooks;
mod websocket;

use std::process::ExitCode;

use clap::Args;

use super::output::{Format, print_json};
use crate::app::doubts;
use crate::config::{Config, ConfigError, Mode};
use crate::event::Subscription;
use crate::handler::Table;
use crate::program::Program;
use crate::store::{LedgerStatus, SealState, Store};
use crate::text::iso_time;
use crate::webex::Client;
use crate::{clock, identity};
use ledger::CheckedLedger;
use report::{CheckFinding, CheckReport, CheckState};

#[derive(Args, Debug)]
pub(super) struct CheckOptions {
    /// Prove the whole loop: what the token may do, spaces, clock, TLS, and the public URL from outside
    #[arg(long)]
    deep: bool,
    #[command(flatten)]
    format: Format,
}

pub(super) async fn run(
    found: anyhow::Result<(Config, Table)>,
    subscriptions: &[Subscription],
    options: CheckOptions,
    program: Program,
) -> anyhow::Result<ExitCode> {
    let CheckOptions { deep, format } = options;
    let mut report = CheckReport::new(format, program);
    let code = match found {
        Err(error) => {
            for problem in error.downcast::<ConfigError>()?.0 {
                report.add(CheckFinding::new("settings", CheckState::Fail, problem, None))?;
            }
            ExitCode::from(2)
        }
        Ok((config, table)) => match check_all(&config, &table, subscriptions, deep, &mut report).await {
            Ok(()) if report.is_sound() => ExitCode::SUCCESS,
            Ok(()) => ExitCode::FAILURE,
            // Some wrong settings show only in use, such as a certificate that cannot be read.
            Err(error) => {
                let is_setting = error.downcast_ref::<ConfigError>().is_some();
                report.add(CheckFinding::new("settings", CheckState::Fail, format!("{error:#}"), None))?;
                if is_setting { ExitCode::from(2) } else { ExitCode::FAILURE }
            }
        },
    };
    if format.json {
        print_json(&report.findings())?;
    }
    Ok(code)
}

async fn check_all(
    config: &Config,
    table: &Table,
    subscriptions: &[Subscription],
    deep: bool,
    report: &mut CheckReport,
) -> anyhow::Result<()> {
    report.add_all(check_settings(config, table, subscriptions))?;
    let (look, store) = check_store(config).await;
    report.add_all(store)?;
    let daemon = look.as_ref().is_some_and(|look| look.daemon);
    let ledger = match &look {
        Some(look) => ledger::read(config, look).await,
        None => None,
    };
    if let (Some(look), true) = (&look, deep) {
        report.add_all(deep::check_ledger(look, ledger.as_ref()))?;
    }
    if let Some(ledger) = &ledger {
        report.add_all(check_coverage(config, ledger, daemon))?;
        report.add_all(check_seal(config, ledger))?;
        report.add_all(hooks::check_hooks(config, ledger))?;
    }
    let webex = Client::impatient(&config.webex, config.token()?)?;
    let token = check_token(&webex).await;
    let taken = token.state() != CheckState::Fail;
    report.add(token)?;
    if deep {
        report.add_all(deep::check_connection(config, &webex))?;
    }
    // Webex answers nothing else without a valid token.
    if taken {
        let found = webex.webhooks().await;
        if deep {
            report.add_all(deep::check_scopes(config, &webex, &found).await)?;
        }
        report.add_all(webhooks::compare(config, subscriptions, &found))?;
        if let Ok(found) = &found {
            report.add_all(instance::check_instance(config, ledger.as_ref(), found, webex.webex_time()))?;
        }
        report.add_all(places::check_places(config, ledger.as_ref(), &webex).await?)?;
        report.add_all(websocket::check_websocket(config, &found).await?)?;
    }
    if deep {
        report.add_all(public_url::check_public_url(config, daemon).await?)?;
        let proven = deep::check_loop(config.delivery.mode, report);
        report.add(proven)?;
    }
    Ok(())
}

/// The doubts about the settings. The daemon logs the same at its start.
fn check_settings(config: &Config, table: &Table, subscriptions: &[Subscription]) -> Vec<CheckFinding> {
    let doubts = doubts(config, table, subscriptions);
    let mut findings: Vec<_> =
        doubts.iter().map(|doubt| CheckFinding::warn("settings", &doubt.says, &doubt.hint)).collect();
    if findings.is_empty() {
        findings.push(CheckFinding::ok("settings", "complete"));
    }
    findings
}

async fn check_token(webex: &Client) -> CheckFinding {
    match webex.me().await {
        Ok(me) => match identity::doubt(&me) {
            Some((says, hint)) => CheckFinding::fail("token", says, hint),
            None => CheckFinding::ok("token", format!("Webex accepts it; it belongs to {}", me.described())),
        },
        Err(error) => CheckFinding::unless_asked_to_wait("token", error.to_string(), error.hint(), &error),
    }
}

/// Checks the place of the ledger. The daemon makes a ledger that does not exist yet, so then only its folder is
/// checked.
async fn check_store(config: &Config) -> (Option<LedgerStatus>, Vec<CheckFinding>) {
    match Store::look(&config.store).await {
        Ok(look) => {
            let mut findings = vec![CheckFinding::ok("store", look.says.clone())];
            if let Some(trace) = &look.lost {
                let says = format!("there was a ledger here, and it is missing: {trace}");
                let hint =
                    "put it back; without it the daemon makes a new one, and what it acknowledged is not answered";
                findings.push(CheckFinding::warn("store", says, hint));
            }
            (Some(look), findings)
        }
        Err(error) => {
            (None, vec![CheckFinding::fail("store", error.to_string(), "check store.url, and who may write there")])
        }
    }
}

/// The time span in which no message is missing from the ledger, and the latest gap in which some may be.
fn check_coverage(config: &Config, ledger: &anyhow::Result<CheckedLedger>, daemon: bool) -> Vec<CheckFinding> {
    let coverage = match ledger.as_ref().and_then(|ledger| ledger.coverage.as_ref()) {
        Ok(coverage) => coverage,
        Err(error) => {
            let hint = "if the ledger is of an older version, the daemon brings it up to date when it starts";
            return vec![CheckFinding::warn("complete", format!("cannot be told: {error:#}"), hint)];
        }
    };
    let Some(coverage) = coverage else {
        let is_off = config.delivery.mode == Mode::Webhook && config.delivery.catch_up.is_zero();
        let (says, hint) = match is_off {
            true => (
                "delivery.catch_up is 0s, so nobody looks whether a message is missing",
                "set it to how far back the daemon may look, such as 1h",
            ),
            false => (
                "nobody has looked yet whether a message is missing",
                "start the daemon: it reads the spaces back once Webex answers",
            ),
        };
        return vec![CheckFinding::warn("complete", says, hint)];
    };
    let interval = format!("from {} to {}", iso_time(coverage.complete_from), iso_time(coverage.complete_until));
    let says = format!("no message to the bot is missing {interval}");
    let unlooked = clock::wall_ms() - coverage.complete_until;
    let longest = 3 * config.delivery.reconcile.max(config.polling.interval) + 2 * config.worker.visible_within;
    let mut findings = vec![if daemon && u128::try_from(unlooked).is_ok_and(|ms| ms > longest.as_millis()) {
        let hint = "the daemon runs and cannot look at Webex: its log says why";
        CheckFinding::warn("complete", format!("{says}, and nobody has looked since"), hint)
    } else {
        CheckFinding::ok("complete", says)
    }];
    if let Some(gap) = coverage.gaps.first() {
        let says = format!(
            "may be missing: what was said from {} to {}: {}",
            iso_time(gap.from),
            iso_time(gap.until),
            gap.why
        );
        let hint = match coverage.gaps.len() {
            1 => "whoever wrote then may write again".to_owned(),
            gaps => format!("it is the last of {gaps}; whoever wrote then may write again"),
        };
        findings.push(CheckFinding::warn("complete", says, &hint));
    }
    findings
}

/// Checks that the audit's seal fits the keys. `switchboard audit verify` checks the rows.
fn check_seal(config: &Config, ledger: &anyhow::Result<CheckedLedger>) -> Vec<CheckFinding> {
    // The check of `complete` reports a ledger that cannot be read.
    let Ok(seal) = ledger.as_ref().and_then(|ledger| ledger.seal.as_ref()) else { return Vec::new() };
    let warn = |says: &str, hint: &str| vec![CheckFinding::warn("audit", says, hint)];
    match seal {
        SealState::Right if config.audit.old_key.is_some() => warn(
            "audit.old_key is set, though the audit is sealed with audit.key",
            "take it out: until then, whoever has the old key can forge the audit",
        ),
        SealState::None | SealState::Right | SealState::Old => Vec::new(),
        SealState::Missing => warn(
            "the audit is not sealed, though audit.key is set",
            "if the key is new, `switchboard audit seal` seals it; if not, somebody took the seal away",
        ),
        SealState::Unchecked => {
            warn("the audit is sealed, and audit.key is not set", "set it, or the daemon goes on without a seal")
        }
        SealState::Wrong => vec![CheckFinding::fail(
            "audit",
            "the audit's seal was not made with audit.key",
            "check that audit.key is the daemon's; `switchboard audit verify` tells more",
        )],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn where_webex_does_not_call_no_public_url_is_needed() {
        for mode in ["polling", "websocket"] {
            let config = Config::from_parts(&format!("delivery.mode = \"{mode}\""), &[]).unwrap();
            let mut report = CheckReport::new(Format { json: true }, Program::default());
            report.add_all(webhooks::compare(&config, &[], &Ok(Vec::new()))).unwrap();
            report.add_all(public_url::check_public_url(&config, false).await.unwrap()).unwrap();
            let findings = serde_json::to_value(report.findings()).unwrap();
            let says = format!("not needed with delivery.mode = \"{mode}\"");
            for (nth, check) in ["webhooks", "public"].into_iter().enumerate() {
                assert_eq!(findings[nth], serde_json::json!({"check": check, "state": "ok", "says": says}));
            }
        }
    }

    #[test]
    fn each_mode_has_its_own_links() {
        for (mode, links) in [
            (Mode::Webhook, &["store", "daemon", "token", "scopes", "webhooks", "public"][..]),
            (Mode::Both, &["store", "daemon", "token", "scopes", "webhooks", "public"]),
            (Mode::Polling, &["store", "daemon", "token", "scopes"]),
            (Mode::Websocket, &["store", "daemon", "token", "scopes", "websocket"]),
        ] {
            let mut report = CheckReport::new(Format { json: true }, Program::default());
            for link in links {
                assert!(deep::check_loop(mode, &report).state() == CheckState::Warn, "{mode:?} without {link}");
                report.add(CheckFinding::ok(link, "")).unwrap();
            }
            assert!(deep::check_loop(mode, &report).state() == CheckState::Ok, "{mode:?}");
            report.add(CheckFinding::fail(links[1], "", "")).unwrap();
            assert!(deep::check_loop(mode, &report).state() == CheckState::Fail, "{mode:?}");
        }
    }
}
