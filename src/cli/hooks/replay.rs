//! Works on a delivery once more.

use serde_json::json;
use uuid::Uuid;

use crate::cli::event_matches::event_of;
use crate::cli::ledger::{by_operator, find, with_store};
use crate::cli::output::{Format, print, print_json};
use crate::config::Config;
use crate::event::{self, Event, HookPost};
use crate::store::Entry;

pub(super) async fn run(config: &Config, id: &str, format: Format) -> anyhow::Result<()> {
    with_store(config, async |store| {
        let mut found = Vec::new();
        for row in find(&store, id).await? {
            if let Some(Event::Hook(post)) = event_of(&row) {
                found.push((row, post));
            }
        }
        let (row, post) = match found.len() {
            1 => found.remove(0),
            0 => anyhow::bail!(
                "{id} is no delivery to a hook that the ledger has; `switchboard inbox list --state all` lists them"
            ),
            _ => anyhow::bail!("{id} are the first letters of several deliveries; give more of them"),
        };
        let Some(payload) = store.raw(row.id).await? else {
            anyhow::bail!("the payload of {id} is no longer in the ledger, by hooks.keep or store.retention");
        };
        let again = Event::Hook(HookPost { id: Uuid::new_v4(), is_replay: true, ..post });
        let entry = Entry { raw: Some(payload), is_payload: true, ..again.to_entry() };
        let of = again.event_id();
        let audit = by_operator("hooks replay".to_owned(), format!("the delivery {}", event::reference(row.id))).await;
        let audit = crate::store::AuditEntry { event: Some(of), ..audit };
        store.put_audited(vec![entry], audit).await?;
        let reference = event::reference(of);
        if format.json {
            return print_json(&json!({ "event": of, "reference": reference }));
        }
        print(&format!(
            "it is in the inbox again, as {reference}; `switchboard explain {reference}` tells what becomes of it"
        ))?;
        Ok(())
    })
    .await
}
