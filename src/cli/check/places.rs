//! Checks that every title in the settings, and of the hooks from the chat, means one space.

use super::ledger::CheckedLedger;
use super::report::CheckFinding;
use crate::app::{Parts, titles_of_chat, titles_of_settings};
use crate::clock::Clock;
use crate::config::Config;
use crate::places::choose;
use crate::store::Pin;
use crate::webex::{Client, RoomType};

const HINT: &str = "events for it are kept, and requests to the API are refused, until that is mended";

/// Looks for the spaces that hooks and keys of the API name by their titles. Webex is not asked if there are none. Nothing
/// is pinned.
pub(super) async fn check_places(
    config: &Config,
    ledger: Option<&anyhow::Result<CheckedLedger>>,
    webex: &Client,
) -> anyhow::Result<Vec<CheckFinding>> {
    let hooks = Parts::hooks(config, Clock::of_system())?;
    let of_settings = titles_of_settings(config, &hooks);
    let ledger = ledger.and_then(|ledger| ledger.as_ref().ok());
    let made = ledger.and_then(|ledger| ledger.hooks.as_ref().ok()).map(Vec::as_slice);
    let of_chat = titles_of_chat(made.unwrap_or_default());
    let titles: Vec<_> = of_settings.union(&of_chat).collect();
    if titles.is_empty() {
        return Ok(Vec::new());
    }
    let rooms = match webex.rooms(Some(RoomType::Group)).await {
        Ok(rooms) => rooms,
        Err(error) => {
            let says = format!("the spaces of {} titles cannot be looked for: {error}", titles.len());
            return Ok(vec![CheckFinding::unless_asked_to_wait("places", says, error.hint(), &error)]);
        }
    };
    let pins = ledger.and_then(|ledger| ledger.pins.as_ref().ok()).map(Vec::as_slice);
    let pin_of = |title: &str| pins.unwrap_or_default().iter().find(|pin: &&Pin| pin.title == title);
    let mut findings: Vec<_> = titles
        .iter()
        .filter_map(|title| Some((title, choose(title, pin_of(title), &rooms).err()?)))
        .map(|(title, why)| match of_settings.contains(*title) {
            true => CheckFinding::fail("places", why.to_string(), HINT),
            false => CheckFinding::warn("places", format!("a hook from the chat: {why}"), HINT),
        })
        .collect();
    if findings.is_empty() {
        findings.push(CheckFinding::ok("places", format!("each of {} titles means one space", titles.len())));
    }
    Ok(findings)
}
