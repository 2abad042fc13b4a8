//! Deliveries that the ledger has of a hook, with their payloads.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::cli::event_matches::event_of;
use crate::cli::ledger::with_store;
use crate::config::Config;
use crate::event::{Event, HookPost};
use crate::store::{Row, Store};

/// A delivery. Its payload may no longer be kept.
pub(super) struct Delivery {
    pub row: Row,
    pub post: HookPost,
    pub payload: Option<Bytes>,
}

/// The last deliveries to a hook, the newest first.
pub(super) async fn of(store: &Store, hook: &str, most: u32) -> anyhow::Result<Vec<Delivery>> {
    let mut found = Vec::new();
    for row in store.deliveries(&format!("hooks/{hook}"), most).await? {
        if let Some(Event::Hook(post)) = event_of(&row) {
            let payload = store.raw(row.id).await?;
            found.push(Delivery { row, post, payload });
        }
    }
    Ok(found)
}

/// The headers and the payload of the last delivery to a hook.
pub(super) async fn last(config: &Config, hook: &str) -> anyhow::Result<(BTreeMap<String, String>, Vec<u8>)> {
    with_store(config, async |store| {
        let found = of(&store, hook, 100).await?.into_iter();
        let with_payload =
            found.filter_map(|delivery| Some((delivery.post.headers, delivery.payload?.to_vec()))).next();
        with_payload
            .ok_or_else(|| anyhow::anyhow!("the ledger has no payload of the hook {hook}; give a FILE with one"))
    })
    .await
}
