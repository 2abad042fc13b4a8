//! Checks that every title in the settings means one space.

use std::collections::BTreeSet;

use super::ledger::CheckedLedger;
use super::report::CheckFinding;
use crate::app::Parts;
use crate::clock::Clock;
use crate::config::Config;
use crate::places::{Place, choose};
use crate::store::Pin;
use crate::webex::{Client, RoomType};

/// Looks for the spaces that hooks name by their titles. Webex is not asked if there are none. Nothing is pinned.
pub(super) async fn check_places(
    config: &Config,
    ledger: Option<&anyhow::Result<CheckedLedger>>,
    webex: &Client,
) -> anyhow::Result<Vec<CheckFinding>> {
    let hooks = Parts::hooks(config, Clock::of_system())?;
    let titles: BTreeSet<_> = hooks.places().filter_map(Place::title).collect();
    if titles.is_empty() {
        return Ok(Vec::new());
    }
    let rooms = match webex.rooms(Some(RoomType::Group)).await {
        Ok(rooms) => rooms,
        Err(error) => {
            let says = format!("the spaces of {} titles in the settings cannot be looked for: {error}", titles.len());
            return Ok(vec![CheckFinding::unless_asked_to_wait("places", says, error.hint(), &error)]);
        }
    };
    let pins = ledger.and_then(|ledger| ledger.as_ref().ok()?.pins.as_ref().ok()).map(Vec::as_slice);
    let pin_of = |title: &str| pins.unwrap_or_default().iter().find(|pin: &&Pin| pin.title == title);
    let mut findings: Vec<_> = titles
        .iter()
        .filter_map(|title| choose(title, pin_of(title), &rooms).err())
        .map(|why| CheckFinding::fail("places", why.to_string(), "events for it are kept until that is mended"))
        .collect();
    if findings.is_empty() {
        findings.push(CheckFinding::ok("places", format!("each of {} titles means one space", titles.len())));
    }
    Ok(findings)
}
