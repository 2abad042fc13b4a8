//! Other systems that post to the bot. `door` takes a delivery: `origin` says where it comes from, `proof` checks who sent
//! it, `in_flight` has room for it, `body` reads it, and `events` makes one row of it, or of each event of a batch. `work`
//! makes messages of a row, with what the sender's preset in `presets` knows of its payloads. Nothing is sent here.

mod addresses;
mod body;
mod chat;
mod code;
mod dedupe;
mod door;
mod ends;
mod events;
mod hidden;
mod hook;
mod in_flight;
mod limit;
mod making;
mod origin;
mod paths;
mod pieces;
mod presets;
mod proof;
mod room;
mod rule;
mod rules;
mod sending;
mod setup;
mod shelf;
mod silence;
mod trying;
mod work;
mod wrong;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::clock::Clock;
use crate::config;
use crate::places::Place;
use crate::signature::SecretKey;
use crate::store::ChatHook;

pub use door::{Admitted, HookDoor, PATH};
pub use ends::{HookState, last_day};
pub use hidden::shown_payload;
pub use making::{HookError, HookMaker, HookOrder, NewHook};
pub use pieces::Piece;
pub use sending::OwnDelivery;
pub use setup::setup_text;
pub use silence::{due_silences, watched};
pub use trying::{HookSummary, Tried, TriedMessage};
pub use work::HookWork;

use hook::Hook;
use shelf::Shelf;
use wrong::WrongHook;

/// All hooks: those of the settings, and those that were made from the chat. Cheap to clone; all clones have the same.
#[derive(Clone)]
pub struct Hooks(Arc<Inner>);

struct Inner {
    /// Those of the settings, by name.
    settings: BTreeMap<String, Arc<Hook>>,
    chat: Shelf<Hook>,
    of_all: config::Hooks,
    clock: Clock,
}

impl Hooks {
    /// The hooks as the settings have them.
    ///
    /// # Errors
    /// Everything that is wrong with them, each with its place in the settings. Do not start.
    pub fn new(
        hooks: &[config::Hook],
        of_all: &config::Hooks,
        room: Option<&str>,
        clock: Clock,
    ) -> Result<Hooks, Vec<String>> {
        let (mut settings, mut wrong) = (BTreeMap::new(), Vec::new());
        for hook in hooks {
            match Hook::new(hook, of_all, room) {
                Ok(hook) => drop(settings.insert(hook.name.clone(), Arc::new(hook))),
                Err(WrongHook { place, says }) => {
                    wrong.push(format!("{}: hook {}: {says}", place.as_ref().unwrap_or(&hook.place), hook.name));
                }
            }
        }
        let chat = Shelf::default();
        if wrong.is_empty() {
            Ok(Hooks(Arc::new(Inner { settings, chat, of_all: of_all.clone(), clock })))
        } else {
            Err(wrong)
        }
    }

    /// The hook of this name. One of the settings hides one that was made from the chat.
    fn get(&self, name: &str) -> Option<Arc<Hook>> {
        let Inner { settings, chat, clock, .. } = &*self.0;
        settings.get(name).cloned().or_else(|| chat.get(name, clock.wall_ms()))
    }

    /// Takes these hooks of the ledger in place of those that it had before.
    pub fn load(&self, rows: &[ChatHook], key: &SecretKey) {
        let mut ready = BTreeMap::new();
        for row in rows {
            match Hook::of_chat(row, &self.0.of_all, key) {
                Ok(hook) => drop(ready.insert(row.name.clone(), hook)),
                Err(error) => tracing::error!(hook = row.name, error, "a hook made from the chat cannot be used"),
            }
        }
        self.0.chat.replace(ready);
    }

    /// Whether the settings have a hook of this name.
    pub fn is_in_settings(&self, name: &str) -> bool {
        self.0.settings.contains_key(name)
    }

    /// The time by which hooks end, in milliseconds since 1970.
    fn now(&self) -> i64 {
        self.0.clock.wall_ms()
    }

    /// The names of all, for people.
    pub fn names(&self) -> String {
        let of_chat = self.0.chat.names();
        let names: BTreeSet<_> = self.0.settings.keys().chain(&of_chat).map(String::as_str).collect();
        names.into_iter().collect::<Vec<_>>().join(", ")
    }

    /// Everywhere that messages of the hooks of the settings may go.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        self.0.settings.values().flat_map(|hook| hook.to.iter().chain(hook.rules.places()))
    }
}

#[cfg(test)]
mod tests;
