//! A hook, made ready from its settings: who is let in, what a delivery means, and what is said of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::HeaderMap;
use bytes::Bytes;
use ipnet::IpNet;
use serde_json::Value;

use super::body::{self, BodyError};
use super::chat;
use super::code::Code;
use super::dedupe::Dedupe;
use super::ends::HookState;
use super::limit::Limit;
use super::presets::{self, Preset, Signal};
use super::proof::{self, Shown};
use super::rule::{RulePart, Told};
use super::rules::{Rules, Telling};
use super::shelf::Standing;
use super::wrong::WrongHook;
use crate::clock;
use crate::config::{self, Expiry, HookExpect};
use crate::outbox::Destination;
use crate::places::Place;
use crate::signature::{Scheme, SecretKey, SignatureError};
use crate::store::{ChatHook, apart};
use crate::telemetry::Seldom;

/// From this many bytes on a body is large. Checking and reading it takes about a millisecond.
const LARGE: usize = 256 * 1024;

/// A hook, ready to be used.
pub(super) struct Hook {
    pub(super) name: String,
    pub(super) preset: &'static Preset,
    pub(super) auth: proof::Auth,
    /// What a sender may show in place of `auth` while its secret is replaced.
    pub(super) old_auth: Option<proof::Auth>,
    pub(super) signature: Option<Signature>,
    pub(super) allow_ips: Option<Vec<IpNet>>,
    pub(super) max_body: usize,
    pub(super) limit: Limit,
    pub(super) enabled: bool,
    /// From when it takes nothing any more, in milliseconds since 1970.
    pub(super) expires: Option<i64>,
    /// When a refusal was last logged.
    pub(super) refused: Seldom,
    pub(super) to: Vec<Place>,
    pub(super) dedupe: Option<Dedupe>,
    /// Whether everything is done but posting.
    pub(super) is_shadow: bool,
    pub(super) expect: Option<HookExpect>,
    pub(super) rules: Rules,
}

pub(super) struct Signature {
    pub(super) scheme: Scheme,
    pub(super) is_required: bool,
}

impl Hook {
    pub(super) fn new(hook: &config::Hook, of_all: &config::Hooks, room: Option<&str>) -> Result<Hook, WrongHook> {
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
    pub(super) fn state(&self, now: i64) -> HookState {
        match self.expires {
            _ if !self.enabled => HookState::Off,
            Some(end) if end <= now => HookState::Ended,
            _ => HookState::On,
        }
    }

    /// What it expects at this time. What comes to a hook that takes nothing, nobody knows.
    pub(super) fn expects(&self, now: i64) -> Option<&HookExpect> {
        self.expect.as_ref().filter(|_| self.state(now) == HookState::On)
    }

    /// What a delivery means. The settings may say which id it has, and then nothing else tells a repeat.
    pub(super) fn signal(&self, headers: &BTreeMap<String, String>, body: &Value) -> Signal {
        let signal = self.preset.signal(headers, body);
        match &self.dedupe {
            None => signal,
            Some(dedupe) => Signal { delivery: dedupe.id(headers, body), digest: None, ..signal },
        }
    }

    /// Whether what a delivery means stands in its body. The rules read the body of any.
    pub(super) fn reads_bodies(&self) -> bool {
        self.preset.name != presets::GENERIC || matches!(self.dedupe, Some(Dedupe::Body(_)))
    }

    /// Does this with a body: here, or on a thread of its own if the body is large. None if the program ends meanwhile.
    pub(super) async fn with_body<H: Clone + Send + 'static, T: Send + 'static>(
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
    pub(super) fn read(&self, headers: &BTreeMap<String, String>, bytes: &[u8]) -> Result<(Signal, Value), BodyError> {
        let body = body::read(headers, bytes)?;
        Ok((self.signal(headers, &body), body))
    }

    /// A hook that was made from the chat, with the old secret too as long as that is good.
    pub(super) fn of_chat(row: &ChatHook, of_all: &config::Hooks, key: &SecretKey) -> Result<Standing<Hook>, String> {
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
    pub(super) fn auths(&self) -> impl Iterator<Item = &proof::Auth> {
        [&self.auth].into_iter().chain(&self.old_auth)
    }

    /// Checks that the sender shows a secret that is good.
    pub(super) fn check(&self, shown: &Shown<'_>) -> Result<(), Code> {
        let refused = match self.auth.check(shown) {
            Ok(()) => return Ok(()),
            Err(code) => code,
        };
        self.old_auth.as_ref().map_or(Err(refused), |old| old.check(shown))
    }

    /// The body, if its signature is right at this time in seconds since 1970, or the hook needs none.
    pub(super) fn verify(&self, headers: &HeaderMap, body: Bytes, now: i64) -> Result<Bytes, Code> {
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
    pub(super) fn tell(&self, signal: &Signal, headers: &BTreeMap<String, String>, body: &Value) -> Telling {
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
    pub(super) fn silence(&self, is_blank: bool) -> &'static str {
        if self.rules.is_empty() {
            "its preset says nothing of this kind of event"
        } else if is_blank {
            "the template of the rule that holds wrote nothing"
        } else {
            "no rule of the hook holds"
        }
    }
}
