//! Finds at the start which spaces the titles of hooks and of keys of the API mean, so that a wrong one is known before
//! it is needed. Whatever becomes of that, the daemon runs: an event that cannot be told is kept.

use std::collections::BTreeSet;
use std::time::Duration;

use super::shared::Shared;
use crate::config::Config;
use crate::hooks::Hooks;
use crate::places::{Place, PlaceError};
use crate::store::ChatHook;

/// The longest pause before Webex is asked again, unless it asks for a longer one.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The titles that the settings name.
pub(crate) fn titles_of_settings(config: &Config, hooks: &Hooks) -> BTreeSet<String> {
    let of_keys: Vec<_> = config.api_key.iter().flat_map(|key| &key.to).map(|to| Place::of(to)).collect();
    hooks.places().chain(&of_keys).filter_map(Place::title).map(str::to_owned).collect()
}

/// The titles that hooks name which were made from the chat.
pub(crate) fn titles_of_chat(hooks: &[ChatHook]) -> BTreeSet<String> {
    hooks.iter().filter_map(|hook| Place::of(&hook.to).title().map(str::to_owned)).collect()
}

/// Looks once for every space that is named by its title, and logs what is wrong. What Webex does not say is asked
/// again, once all the others were looked for.
pub(super) async fn find_spaces(config: Config, shared: Shared) {
    shared.identity.known().await;
    let made = shared.store.chat_hooks().await.unwrap_or_else(|error| {
        tracing::warn!(%error, "the ledger does not say which spaces the hooks of the chat name");
        Vec::new()
    });
    let mut titles = titles_of_settings(&config, &shared.hooks);
    titles.extend(titles_of_chat(&made));
    let mut pause = Duration::from_secs(1);
    while !titles.is_empty() {
        let mut asked = None;
        let mut unknown = BTreeSet::new();
        for title in titles {
            match shared.places.resolve(&Place::Titled(title.clone())).await {
                Ok(_) => continue,
                Err(PlaceError::Unplaced(why)) => {
                    tracing::error!("a destination of a hook or of a key of the API cannot be reached: {why}");
                    continue;
                }
                Err(PlaceError::Webex(error)) => asked = asked.max(error.asked_pause()),
                Err(PlaceError::Store(_)) => {}
            }
            unknown.insert(title);
        }
        titles = unknown;
        if !titles.is_empty() {
            tokio::time::sleep(asked.unwrap_or(pause)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
    std::future::pending().await
}
