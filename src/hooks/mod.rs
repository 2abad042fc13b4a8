//! Other systems that post to the bot. `door` takes a delivery: `origin` says where it comes from, `proof` checks who sent
//! it, `in_flight` has room for it, `body` reads it, and `events` makes one row of it, or of each event of a batch. `work`
//! makes messages of a row, with what the sender's preset in `presets` knows of its payloads. Nothing is sent here.

mod body;
mod code;
mod door;
mod events;
mod in_flight;
mod limit;
mod origin;
mod presets;
mod proof;
mod rules;
mod trying;
mod work;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::HeaderMap;
use bytes::Bytes;
use ipnet::IpNet;
use serde_json::Value;

use crate::clock;
use crate::config::{self, Expiry};
use crate::outbox::Destination;
use crate::signature::{Scheme, SignatureError};
use crate::telemetry::Seldom;
use crate::webex::RoomType;

pub use door::{Admitted, HookDoor, PATH};
pub use trying::Tried;
pub use work::HookWork;

use code::Code;
use limit::Limit;
use presets::{Preset, Signal};
use rules::{Rules, Telling, Told};

/// A hook of the settings, ready to be used.
struct Hook {
    name: String,
    preset: &'static Preset,
    auth: proof::Auth,
    signature: Option<Signature>,
    allow_ips: Option<Vec<IpNet>>,
    max_body: usize,
    limit: Limit,
    enabled: bool,
    expiry: Option<Expiry>,
    /// When a refusal was last logged.
    refused: Seldom,
    to: Vec<Destination>,
    rules: Rules,
}

struct Signature {
    scheme: Scheme,
    is_required: bool,
}

/// All hooks of the settings. Cheap to clone.
#[derive(Clone)]
pub struct Hooks(Arc<BTreeMap<String, Hook>>);

impl Hooks {
    /// The hooks as the settings have them.
    ///
    /// # Errors
    /// Everything that is wrong with them, each with its place in the settings. Do not start.
    pub fn new(hooks: &[config::Hook], room: Option<&str>) -> Result<Hooks, Vec<String>> {
        let (mut ready, mut wrong) = (BTreeMap::new(), Vec::new());
        for hook in hooks {
            match Hook::new(hook, room) {
                Ok(hook) => drop(ready.insert(hook.name.clone(), hook)),
                Err(says) => wrong.push(format!("{}: hook {}: {says}", hook.place, hook.name)),
            }
        }
        if wrong.is_empty() { Ok(Hooks(Arc::new(ready))) } else { Err(wrong) }
    }

    /// The names of all, for people.
    pub fn names(&self) -> String {
        self.0.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Hook {
    fn new(hook: &config::Hook, room: Option<&str>) -> Result<Hook, String> {
        let config::Hook {
            name, preset, auth, signature, allow_ips, max_body, limit, enabled, expires, to, rule, ..
        } = hook;
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
            signature: signature.transpose()?,
            allow_ips: allow_ips.clone(),
            max_body: *max_body,
            limit: Limit::new(*limit, clock::instant()),
            enabled: *enabled,
            expiry: *expires,
            refused: Seldom::default(),
            to: to.iter().map(|to| destination(to)).collect(),
            rules: Rules::new(rule, destination)?,
        })
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

#[cfg(test)]
mod tests;
