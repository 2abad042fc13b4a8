//! Other systems that post to the bot. `door` takes a delivery: `proof` checks who sent it, `body` reads it, and one row
//! goes into the inbox. `work` makes messages of the row, with what the sender's preset in `presets` knows of its
//! payloads. Nothing is sent here.

mod body;
mod chat;
mod code;
mod door;
mod ends;
mod limit;
mod making;
mod presets;
mod proof;
mod rules;
mod setup;
mod shelf;
mod trying;
mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::http::HeaderMap;
use serde_json::Value;

use crate::clock::{self, Clock};
use crate::config;
use crate::outbox::Destination;
use crate::signature::{Scheme, SecretKey};
use crate::store::ChatHook;
use crate::webex::RoomType;

pub use door::{HookDoor, PATH};
pub use ends::{HookState, last_day};
pub use making::{HookError, HookMaker, HookOrder, NewHook};
pub use setup::setup_text;
pub use trying::{HookSummary, Tried};
pub use work::HookWork;

use limit::Limit;
use presets::{Preset, Signal};
use rules::{Rules, Telling, Told};
use shelf::{Shelf, Standing};

/// A hook, ready to be used.
struct Hook {
    name: String,
    preset: &'static Preset,
    auth: proof::Auth,
    /// What a sender may show in place of `auth` while its secret is replaced.
    old_auth: Option<proof::Auth>,
    signature: Option<Signature>,
    max_body: usize,
    limit: Limit,
    enabled: bool,
    /// From when it takes nothing any more, in milliseconds since 1970.
    expires: Option<i64>,
    to: Vec<Destination>,
    rules: Rules,
}

struct Signature {
    scheme: Scheme,
    is_required: bool,
}

/// All hooks: those of the settings, and those that were made from the chat. Cheap to clone; all clones have the same.
#[derive(Clone)]
pub struct Hooks(Arc<Inner>);

struct Inner {
    /// Those of the settings, by name.
    settings: BTreeMap<String, Arc<Hook>>,
    chat: Shelf<Hook>,
    clock: Clock,
}

impl Hooks {
    /// The hooks as the settings have them.
    ///
    /// # Errors
    /// Everything that is wrong with them, each with its place in the settings. Do not start.
    pub fn new(hooks: &[config::Hook], room: Option<&str>, clock: Clock) -> Result<Hooks, Vec<String>> {
        let (mut settings, mut wrong) = (BTreeMap::new(), Vec::new());
        for hook in hooks {
            match Hook::new(hook, room) {
                Ok(hook) => drop(settings.insert(hook.name.clone(), Arc::new(hook))),
                Err(says) => wrong.push(format!("{}: hook {}: {says}", hook.place, hook.name)),
            }
        }
        let chat = Shelf::default();
        if wrong.is_empty() { Ok(Hooks(Arc::new(Inner { settings, chat, clock }))) } else { Err(wrong) }
    }

    /// The hook of this name. One of the settings hides one that was made from the chat.
    fn get(&self, name: &str) -> Option<Arc<Hook>> {
        let Inner { settings, chat, clock } = &*self.0;
        settings.get(name).cloned().or_else(|| chat.get(name, clock.wall_ms()))
    }

    /// Takes these hooks of the ledger in place of those that it had before.
    pub fn load(&self, rows: &[ChatHook], key: &SecretKey) {
        let mut ready = BTreeMap::new();
        for row in rows {
            match Hook::of_chat(row, key) {
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
}

impl Hook {
    fn new(hook: &config::Hook, room: Option<&str>) -> Result<Hook, String> {
        let config::Hook { name, preset, auth, signature, max_body, limit, enabled, to, rule, .. } = hook;
        let preset = presets::named(preset)?;
        let signature = signature.as_ref().map(|signature| {
            let form = proof::form(preset.signature.map(|form| form()), signature)?;
            let scheme = Scheme::new(&form, &signature.secrets).map_err(|says| format!("signature: {says}"))?;
            Ok::<_, String>(Signature { scheme, is_required: signature.required })
        });
        let to = if to.is_empty() { room.map(str::to_owned).into_iter().collect() } else { to.clone() };
        Ok(Hook {
            name: name.clone(),
            preset,
            auth: proof::Auth::new(auth.as_ref())?,
            old_auth: None,
            signature: signature.transpose()?,
            max_body: *max_body,
            limit: Limit::new(*limit, clock::instant()),
            enabled: *enabled,
            expires: None,
            to: to.iter().map(|to| destination(to)).collect(),
            rules: Rules::new(rule, destination)?,
        })
    }

    /// A hook that was made from the chat, with the old secret too as long as that is good.
    fn of_chat(row: &ChatHook, key: &SecretKey) -> Result<Standing<Hook>, String> {
        let hook = |settings: &config::Hook| {
            let hook = Hook::new(settings, None)?;
            Ok::<_, String>(Hook { expires: row.expires_at, ..hook })
        };
        let new = chat::settings(row, row.salt.salt, key)?;
        let both = |(salt, until)| {
            let old = chat::settings(row, salt, key)?;
            let mut both = new.clone();
            if let (Some(both), Some(old)) = (&mut both.signature, old.signature) {
                both.secrets.extend(old.secrets);
            }
            let old_auth = old.auth.as_ref().map(|auth| proof::Auth::new(Some(auth))).transpose()?;
            Ok::<_, String>((until, Arc::new(Hook { old_auth, ..hook(&both)? })))
        };
        let until = row.old.map(both).transpose()?;
        Ok(Standing { change: row.event, hook: Arc::new(hook(&new)?), until })
    }

    /// What a sender may show.
    fn auths(&self) -> impl Iterator<Item = &proof::Auth> {
        [&self.auth].into_iter().chain(&self.old_auth)
    }

    /// Checks that the sender shows a secret that is good.
    fn check(&self, headers: &HeaderMap, token: Option<&str>) -> Result<(), code::Code> {
        let refused = match self.auth.check(headers, token) {
            Ok(()) => return Ok(()),
            Err(code) => code,
        };
        self.old_auth.as_ref().map_or(Err(refused), |old| old.check(headers, token))
    }

    /// The messages about a delivery, each with its destinations.
    fn tell(&self, signal: &Signal, headers: &BTreeMap<String, String>, body: &Value) -> Telling<'_> {
        if self.rules.is_empty() {
            let told = |markdown: &String| Told {
                rule: None,
                to: &self.to,
                thread: signal.key.clone(),
                markdown: markdown.clone(),
                place: 0,
            };
            return Telling { told: signal.says.iter().map(told).collect(), wrong: Vec::new() };
        }
        let mut telling = self.rules.tell(signal, headers, body);
        for Told { to, .. } in telling.told.iter_mut().filter(|told| told.to.is_empty()) {
            *to = &self.to;
        }
        telling
    }

    /// Why nothing is said of a delivery.
    fn silence(&self) -> &'static str {
        if self.rules.is_empty() {
            "its preset says nothing of this kind of event"
        } else {
            "no rule of the hook holds"
        }
    }
}

/// The destination that an entry of `to` names, whose form the settings have checked. An id may be of a space or of a
/// person; Webex writes the kind into it.
fn destination(to: &str) -> Destination {
    let to = to.trim();
    if to.contains('@') {
        Destination::Email(to.to_owned())
    } else if crate::webex::is_person_id(to) {
        Destination::Person(to.into())
    } else {
        Destination::Space(to.into(), RoomType::Group)
    }
}
