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
mod in_flight;
mod limit;
mod making;
mod origin;
mod parts;
mod paths;
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

use axum::http::HeaderMap;
use bytes::Bytes;
use ipnet::IpNet;
use serde_json::Value;

use crate::clock::{self, Clock};
use crate::config::{self, Expiry, HookExpect};
use crate::outbox::Destination;
use crate::places::Place;
use crate::signature::{Scheme, SecretKey, SignatureError};
use crate::store::{ChatHook, apart};
use crate::telemetry::Seldom;

pub use door::{Admitted, HookDoor, PATH};
pub use ends::{HookState, last_day};
pub use hidden::shown_payload;
pub use making::{HookError, HookMaker, HookOrder, NewHook};
pub use sending::OwnDelivery;
pub use setup::setup_text;
pub use silence::{due_silences, watched};
pub use trying::{HookSummary, Tried, TriedMessage};
pub use work::HookWork;

use body::BodyError;
use code::Code;
use dedupe::Dedupe;
use limit::Limit;
use presets::{Preset, Signal};
use proof::Shown;
use rule::{RulePart, Told};
use rules::{Rules, Telling};
use shelf::{Shelf, Standing};
use wrong::WrongHook;

/// From this many bytes on a body is large. Checking and reading it takes about a millisecond.
const LARGE: usize = 256 * 1024;

/// A hook, ready to be used.
struct Hook {
    name: String,
    preset: &'static Preset,
    auth: proof::Auth,
    /// What a sender may show in place of `auth` while its secret is replaced.
    old_auth: Option<proof::Auth>,
    signature: Option<Signature>,
    allow_ips: Option<Vec<IpNet>>,
    max_body: usize,
    limit: Limit,
    enabled: bool,
    /// From when it takes nothing any more, in milliseconds since 1970.
    expires: Option<i64>,
    /// When a refusal was last logged.
    refused: Seldom,
    to: Vec<Place>,
    dedupe: Option<Dedupe>,
    /// Whether everything is done but posting.
    is_shadow: bool,
    expect: Option<HookExpect>,
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

impl Hook {
    fn new(hook: &config::Hook, of_all: &config::Hooks, room: Option<&str>) -> Result<Hook, WrongHook> {
        let config::Hook { name, preset, auth, signature, allow_ips, max_body, limit, enabled, expires, .. } = hook;
        let config::Hook { to, expect, vars, dedupe, shadow, rule, .. } = hook;
        let preset = presets::named(preset)?;
        let signature = signature.as_ref().map(|signature| {
            let form = proof::form(preset.signature.map(|form| form()), signature)?;
            let scheme = Scheme::new(&form, &signature.secrets).map_err(|says| format!("signature: {says}"))?;
            Ok::<_, String>(Signature { scheme, is_required: signature.required })
        });
        // A thread has to have a name, and of `generic` nothing has one.
        let has_no_thread = |rule: &config::HookRule| rule.update && rule.thread.is_none() && rule.card.is_none();
        if preset.name == presets::GENERIC && rule.iter().any(has_no_thread) {
            return Err("update: which message is it that later ones take the place of? Give thread as well"
                .to_owned()
                .into());
        }
        let to: Vec<_> = match room {
            Some(room) if to.is_empty() => vec![Place::Known(Destination::space(room))],
            _ => to.iter().map(|to| Place::of(to)).collect(),
        };
        let auth = proof::Auth::new(auth.as_ref())?;
        let dedupe = dedupe.as_deref().map(Dedupe::new).transpose().map_err(|error| format!("dedupe: {error}"))?;
        if let Some(header) = dedupe.as_ref().and_then(Dedupe::header).filter(|header| auth.is_in(header, "")) {
            return Err(format!(
                "dedupe: the header {header} holds what auth asks for, which is the same in every delivery, so only the \
                 first would be taken; name a header with an id"
            )
            .into());
        }
        Ok(Hook {
            name: name.clone(),
            preset,
            auth,
            old_auth: None,
            signature: signature.transpose()?,
            allow_ips: allow_ips.clone(),
            max_body: *max_body,
            limit: Limit::new(*limit, clock::instant()),
            enabled: *enabled,
            expires: expires.map(Expiry::end),
            refused: Seldom::default(),
            to,
            dedupe,
            is_shadow: *shadow,
            expect: expect.clone(),
            rules: Rules::new(rule, vars, of_all.parts, preset.part())?,
        })
    }

    /// Whether it takes what is posted at this time, as far as its own settings say.
    fn state(&self, now: i64) -> HookState {
        match self.expires {
            _ if !self.enabled => HookState::Off,
            Some(end) if end <= now => HookState::Ended,
            _ => HookState::On,
        }
    }

    /// What it expects at this time. What comes to a hook that takes nothing, nobody knows.
    fn expects(&self, now: i64) -> Option<&HookExpect> {
        self.expect.as_ref().filter(|_| self.state(now) == HookState::On)
    }

    /// What a delivery means. The settings may say which id it has, and then nothing else tells a repeat.
    fn signal(&self, headers: &BTreeMap<String, String>, body: &Value) -> Signal {
        let signal = self.preset.signal(headers, body);
        match &self.dedupe {
            None => signal,
            Some(dedupe) => Signal { delivery: dedupe.id(headers, body), digest: None, ..signal },
        }
    }

    /// Whether what a delivery means stands in its body. The rules read the body of any.
    fn reads_bodies(&self) -> bool {
        self.preset.name != presets::GENERIC || matches!(self.dedupe, Some(Dedupe::Body(_)))
    }

    /// Does this with a body: here, or on a thread of its own if the body is large. None if the program ends meanwhile.
    async fn with_body<H: Clone + Send + 'static, T: Send + 'static>(
        self: &Arc<Self>,
        headers: &H,
        body: Bytes,
        work: impl FnOnce(&Hook, &H, Bytes) -> T + Send + 'static,
    ) -> Option<T> {
        if body.len() < LARGE {
            return Some(work(self, headers, body));
        }
        let (hook, headers) = (Arc::clone(self), headers.clone());
        apart(move || work(&hook, &headers, body)).await
    }

    /// The body of a delivery, and what it means.
    ///
    /// # Errors
    /// The body cannot be read.
    fn read(&self, headers: &BTreeMap<String, String>, bytes: &[u8]) -> Result<(Signal, Value), BodyError> {
        let body = body::read(headers, bytes)?;
        Ok((self.signal(headers, &body), body))
    }

    /// A hook that was made from the chat, with the old secret too as long as that is good.
    fn of_chat(row: &ChatHook, of_all: &config::Hooks, key: &SecretKey) -> Result<Standing<Hook>, String> {
        let hook = |settings: &config::Hook| {
            let hook = Hook::new(settings, of_all, None).map_err(|wrong| wrong.says)?;
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
    fn check(&self, shown: &Shown<'_>) -> Result<(), Code> {
        let refused = match self.auth.check(shown) {
            Ok(()) => return Ok(()),
            Err(code) => code,
        };
        self.old_auth.as_ref().map_or(Err(refused), |old| old.check(shown))
    }

    /// The body, if its signature is right at this time in seconds since 1970, or the hook needs none.
    fn verify(&self, headers: &HeaderMap, body: Bytes, now: i64) -> Result<Bytes, Code> {
        let Some(Signature { scheme, is_required }) = &self.signature else { return Ok(body) };
        if !is_required && !scheme.is_signed(headers) {
            return Ok(body);
        }
        match scheme.verify(headers, body, now) {
            Ok(verified) => Ok(verified.get().clone()),
            Err(SignatureError::Missing) => Err(Code::SignatureMissing),
            Err(SignatureError::Wrong) => Err(Code::InvalidSignature),
        }
    }

    /// The messages about a delivery, each with its destinations.
    fn tell(&self, signal: &Signal, headers: &BTreeMap<String, String>, body: &Value) -> Telling {
        if self.rules.is_empty() {
            let told = |markdown: &String| Told {
                rule: None,
                to: self.to.clone(),
                thread: signal.key.clone(),
                markdown: markdown.clone(),
                picture: signal.picture.clone(),
                card: None,
                no_card: None,
                updates: None,
                of: RulePart { rule: 0, part: None },
            };
            return Telling { told: signal.news().into_iter().map(told).collect(), ..Telling::default() };
        }
        let mut telling = self.rules.tell(signal, headers, body);
        for Told { to, .. } in telling.told.iter_mut().filter(|told| told.to.is_empty()) {
            to.clone_from(&self.to);
        }
        telling
    }

    /// Why nothing is said of a delivery.
    fn silence(&self, is_blank: bool) -> &'static str {
        if self.rules.is_empty() {
            "its preset says nothing of this kind of event"
        } else if is_blank {
            "the template of the rule that holds wrote nothing"
        } else {
            "no rule of the hook holds"
        }
    }
}

#[cfg(test)]
mod tests;
