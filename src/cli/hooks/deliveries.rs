//! Deliveries that the ledger has of a hook, with their payloads.

use std::collections::BTreeMap;

use crate::cli::event_matches::event_of;
use crate::cli::ledger::with_store;
use crate::config::Config;
use crate::event::{Event, HookPost};
use crate::store::{Row, Store};

/// The last deliveries to a hook, the newest first. The payloads stay in the ledger: they may be large.
pub(super) async fn of(store: &Store, hook: &str, most: u32) -> anyhow::Result<Vec<(Row, HookPost)>> {
    let rows = store.deliveries(&format!("hooks/{hook}"), most).await?.into_iter();
    let post = |row: Row| match event_of(&row) {
        Some(Event::Hook(post)) => Some((row, post)),
        _ => None,
    };
    Ok(rows.filter_map(post).collect())
}

/// The headers and the payload of the last delivery to a hook.
pub(super) async fn last(config: &Config, hook: &str) -> anyhow::Result<(BTreeMap<String, String>, Vec<u8>)> {
    with_store(config, async |store| {
        for (row, post) in of(&store, hook, 100).await? {
            if let Some(payload) = store.raw(row.id).await? {
                return Ok((post.headers, payload.to_vec()));
            }
        }
        anyhow::bail!("the ledger has no payload of the hook {hook}; give a FILE with one")
    })
    .await
}
