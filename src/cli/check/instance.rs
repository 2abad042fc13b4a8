//! Checks whether another daemon runs with the same token. Each daemon leaves a mark at Webex.

use jiff::Timestamp;

use super::ledger::CheckedLedger;
use super::report::CheckFinding;
use crate::config::Config;
use crate::instance::{MISSED, Mark};
use crate::store::LedgerId;
use crate::webex::Webhook;

const ONE_LEDGER_HINT: &str =
    "two ledgers of one bot answer everything twice: stop one of the two, or give each a bot of its own";

/// Compares the marks of running daemons with this ledger. Gives nothing if no other daemon runs, or if
/// `instance.alone` is off.
pub(super) fn check_instance(
    config: &Config,
    ledger: Option<&anyhow::Result<CheckedLedger>>,
    found: &[Webhook],
    now: Option<i64>,
) -> Vec<CheckFinding> {
    if !config.instance.alone {
        return Vec::new();
    }
    let Some(now) = now.and_then(|now| Timestamp::from_millisecond(now).ok()) else { return Vec::new() };
    let marks = found.iter().filter_map(|webhook| Mark::read(&webhook.name));
    let stale = config.instance.renew * MISSED;
    let running: Vec<_> = marks.filter(|mark| mark.is_fresh(now, stale)).collect();
    let ledger = ledger.and_then(|ledger| ledger.as_ref().ok()?.id.as_ref().ok()).copied();
    let others: Vec<_> = running.iter().filter(|mark| Some(mark.ledger) != ledger).collect();
    others.into_iter().map(|mark| other_daemon(mark, ledger)).chain(copied_ledger(&running)).collect()
}

fn other_daemon(mark: &Mark, ledger: Option<LedgerId>) -> CheckFinding {
    let renewed = format!("its mark was renewed at {}", mark.at);
    let warn = |what: &str| CheckFinding::warn("instance", format!("{what}; {renewed}"), ONE_LEDGER_HINT);
    match ledger {
        _ if mark.waits => warn("a second daemon with another ledger waits, and answers once this one is silent"),
        None => warn("a daemon with another ledger answers for this token"),
        Some(ledger) if mark.ledger < ledger => CheckFinding::fail(
            "instance",
            format!("another daemon with an older ledger answers for this token, so this one does not; {renewed}"),
            ONE_LEDGER_HINT,
        ),
        Some(_) => warn("a daemon with a younger ledger runs beside this one; it stops answering within a minute"),
    }
}

/// Finds two daemons with the same ledger's mark. A ledger admits one process, so one of them runs on a copy.
fn copied_ledger(running: &[Mark]) -> Option<CheckFinding> {
    let is_twice = |mark: &Mark| running.iter().filter(|other| other.ledger == mark.ledger).count() > 1;
    running.iter().any(is_twice).then(|| {
        CheckFinding::warn(
            "instance",
            "a second daemon runs on a copy of a ledger",
            "stop it: each daemon needs its own ledger",
        )
    })
}
