//! The checks of `--deep`: the ledger's queues, the daemon, clock and TLS, what the token may do, and the spaces.

use std::time::Duration;

use super::ledger::CheckedLedger;
use super::report::{CheckFinding, CheckReport, CheckState};
use crate::config::{Config, Mode};
use crate::store::LedgerStatus;
use crate::webex::{Client, Error, Room, RoomType, Webhook, roots};

/// The difference from Webex's clock that is a warning. A clock that nobody sets drifts by less than this.
const CLOCK_DRIFT_WARNS: Duration = Duration::from_secs(30);
/// The difference from Webex's clock that is a failure: times in messages and in the ledger no longer tell which came
/// first.
const CLOCK_DRIFT_FAILS: Duration = Duration::from_secs(300);

/// Checks how full the queues are, and whether a daemon works on them.
pub(super) fn check_ledger(look: &LedgerStatus, ledger: Option<&anyhow::Result<CheckedLedger>>) -> Vec<CheckFinding> {
    let mut findings = Vec::new();
    if let Some(ledger) = ledger {
        match ledger.as_ref().and_then(|ledger| ledger.depths.as_ref()) {
            Ok(depths) => {
                let oldest = match depths.inbox + depths.outbox {
                    0 => String::new(),
                    _ => format!(", the oldest for {:.0} s", depths.inbox_seconds.max(depths.outbox_seconds)),
                };
                let says = format!("open: {} events, {} replies{oldest}", depths.inbox, depths.outbox);
                findings.push(CheckFinding::ok("store", says));
                if depths.dead > 0 {
                    let hint = "`switchboard inbox list --state dead` and the same of `outbox` show them; `retry` or `drop` \
                         settles each";
                    findings.push(CheckFinding::warn("store", format!("dead letters: {}", depths.dead), hint));
                }
            }
            Err(error) => {
                let hint = "see that it is a whole ledger of this program and version; `switchboard run` says more";
                findings.push(CheckFinding::fail("store", error.to_string(), hint));
            }
        }
    }
    findings.push(if look.daemon {
        CheckFinding::ok("daemon", "it runs on this ledger")
    } else {
        let hint = "start `switchboard run`; if it runs, it has another store.url or another working directory";
        CheckFinding::warn("daemon", "none runs on this ledger", hint)
    });
    findings
}

/// Checks the clock and the TLS of the connection to Webex. Gives nothing if Webex does not answer, which the check of
/// the token reports.
pub(super) fn check_connection(config: &Config, webex: &Client) -> Vec<CheckFinding> {
    if webex.last_latency().is_none() {
        return Vec::new();
    }
    let host = config.webex.api_url.host_str().unwrap_or_default();
    let tls = match config.webex.api_url.scheme() {
        "https" => format!("the certificate of {host} is good; trusted are {}", roots(&config.webex)),
        _ => "none: webex.api_url is plain http, which stays on this machine".to_owned(),
    };
    vec![check_clock(webex.clock_lead()), CheckFinding::ok("tls", tls)]
}

fn check_clock(lead: Option<i64>) -> CheckFinding {
    let Some(lead) = lead else {
        return CheckFinding::warn(
            "clock",
            "Webex's answer names no time to compare with",
            "ask an NTP server instead",
        );
    };
    let off = Duration::from_millis(lead.unsigned_abs());
    let direction = if lead > 0 { "ahead of" } else { "behind" };
    let says = format!("{:.0} s {direction} Webex's", off.as_secs_f64());
    let hint = "set it by NTP, such as `timedatectl set-ntp true`; a container has the clock of its host";
    if off > CLOCK_DRIFT_FAILS {
        CheckFinding::fail("clock", says, hint)
    } else if off > CLOCK_DRIFT_WARNS {
        CheckFinding::warn("clock", says, hint)
    } else {
        CheckFinding::ok("clock", "agrees with Webex's to within 30 s")
    }
}

/// Checks what the token may read, by reading: Webex does not list the scopes of a bot's token. Nothing is written at
/// Webex.
pub(super) async fn check_scopes(
    config: &Config,
    webex: &Client,
    found: &Result<Vec<Webhook>, Error>,
) -> Vec<CheckFinding> {
    let rooms = webex.rooms(None).await;
    let known = rooms.as_deref().unwrap_or_default();
    let latest = |kind| known.iter().filter(|room| room.kind == kind).max_by_key(|room| room.last_activity);
    let mut refused = Vec::new();
    let mut untried = Vec::new();
    let mut tried = |what: &'static str, result: Option<Result<(), &Error>>| match result {
        None => untried.push(what),
        Some(Ok(())) => {}
        Some(Err(error)) => refused.push(refusal(what, error)),
    };
    tried("spaces", Some(rooms.as_ref().map(drop)));
    tried("webhooks", Some(found.as_ref().map(drop)));
    let direct = match latest(RoomType::Direct) {
        Some(room) => Some(webex.messages(&room.id, 1).await),
        None => None,
    };
    tried("messages of a direct space", direct.as_ref().map(|result| result.as_ref().map(drop)));
    let mentions = match latest(RoomType::Group) {
        Some(room) => Some(webex.mentions(&room.id, 1).await),
        None => None,
    };
    tried("mentions in a space", mentions.as_ref().map(|result| result.as_ref().map(drop)));
    let mut findings = refused;
    if findings.is_empty() {
        let but = match untried.as_slice() {
            [] => String::new(),
            untried => format!("; not tried, since the bot has none: {}", untried.join(", ")),
        };
        findings.push(CheckFinding::ok("scopes", format!("everything the bot needs may be read{but}")));
    }
    if rooms.is_ok() {
        findings.extend(check_spaces(config, known));
    }
    findings
}

fn refusal(what: &str, error: &Error) -> CheckFinding {
    let hint = match error {
        Error::Status { status: 403, .. } => {
            "every bot may do this unless its organisation restricts bots: ask an administrator of Control Hub, and see \
             that the token is a bot's"
        }
        Error::Status { .. }
        | Error::RateLimited { .. }
        | Error::Locked { .. }
        | Error::Unreachable { .. }
        | Error::NotWebex { .. }
        | Error::Unreadable { .. }
        | Error::Unsendable { .. } => error.hint(),
    };
    CheckFinding::unless_asked_to_wait("scopes", format!("{what} cannot be listed: {error}"), hint, error)
}

fn check_spaces(config: &Config, rooms: &[Room]) -> Vec<CheckFinding> {
    let count = |kind| rooms.iter().filter(|room| room.kind == kind).count();
    let mut findings = vec![if rooms.is_empty() {
        CheckFinding::warn("rooms", "the bot is in no space", "add it to one, or write to it directly")
    } else {
        CheckFinding::ok("rooms", format!("{} direct, {} group", count(RoomType::Direct), count(RoomType::Group)))
    }];
    if let Some(id) = config.webex.room_id.as_deref().filter(|id| !id.is_empty())
        && rooms.iter().all(|room| room.id != id.into())
    {
        let hint = "add the bot to that space, or take an id that `switchboard rooms` shows";
        findings.push(CheckFinding::fail("rooms", "the bot is not in the space of webex.room_id", hint));
    }
    findings
}

/// Whether every link between a person and the bot was proven.
pub(super) fn check_loop(mode: Mode, report: &CheckReport) -> CheckFinding {
    let (links, proof): (&[&str], _) = match mode {
        Mode::Webhook | Mode::Both => (
            &["store", "daemon", "token", "scopes", "webhooks", "public"],
            "Webex takes the token, its webhooks call the public URL, and what answers there has our secret and gets \
             each byte as it was sent; the daemon runs, and may read what it is told of",
        ),
        Mode::Polling => (
            &["store", "daemon", "token", "scopes"],
            "the daemon runs, and Webex takes the token and lets the bot read what it polls",
        ),
        Mode::Websocket => (
            &["store", "daemon", "token", "scopes", "websocket"],
            "the daemon runs, and Webex takes the token, lets the bot read, and says where its socket is opened",
        ),
    };
    let open: Vec<_> = links.iter().copied().filter(|link| report.verdict(link) != CheckState::Ok).collect();
    if open.is_empty() {
        return CheckFinding::ok("loop", format!("the whole loop is proven: {proof}"));
    }
    let says = format!("not proven: {}", open.join(", "));
    let hint = "follow the hints above, from the top down, and check again";
    if open.iter().any(|link| report.verdict(link) == CheckState::Fail) {
        CheckFinding::fail("loop", says, hint)
    } else {
        CheckFinding::warn("loop", says, hint)
    }
}
