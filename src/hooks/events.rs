//! The events of a delivery, and what is kept of each: its body, and the headers that prove nothing.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, header};
use bytes::Bytes;
use serde_json::Value;

use super::Hook;
use super::body::{self, BodyError};
use super::presets::{self, Signal};
use crate::event::{self, HookPost};

/// The most bytes of headers that are kept with a delivery.
const MOST_HEADERS: usize = 8 * 1024;

/// The most events of one delivery.
const MOST_EVENTS: usize = 1000;

/// Parts of the names of headers that hold a proof, whatever the settings say.
const PROOFS: [&str; 8] = ["authorization", "cookie", "token", "secret", "signature", "password", "api-key", "apikey"];

/// The events of a delivery, each with its body: one, or those of a batch.
///
/// # Errors
/// The body cannot be read.
pub(super) fn posts(hook: &Hook, headers: &HeaderMap, body: Bytes) -> Result<Vec<(HookPost, Bytes)>, BodyError> {
    let (id, headers) = (id_in_header(hook, headers), kept(hook, headers));
    if !hook.reads_bodies() {
        body::check(&headers, &body)?;
        return Ok(vec![(post(hook, headers, id, &Value::Null), body)]);
    }
    let value = body::read(&headers, &body)?;
    let Some(events) = hook.preset.batch(body::content_type(&headers), &value) else {
        return Ok(vec![(post(hook, headers, id, &value), body)]);
    };
    let not_json = |says: &str| BodyError::NotJson(says.to_owned());
    let events = events.map_err(not_json)?;
    if events.len() > MOST_EVENTS {
        return Err(BodyError::NotJson(format!("a batch has at most {MOST_EVENTS} events")));
    }
    let alone = |(nth, event): (usize, &Value)| {
        let body = serde_json::to_vec(event).map_err(|_| not_json("an event of the batch cannot be written"))?;
        let mut headers = headers.clone();
        headers.insert(header::CONTENT_TYPE.to_string(), presets::EVENT.to_owned());
        // The header has one id for the whole batch.
        let id = id.as_ref().map(|id| format!("{id}/{nth}"));
        Ok((post(hook, headers, id, event), body.into()))
    };
    events.iter().enumerate().map(alone).collect()
}

/// The id that the settings take from a header. The header may be one that is not kept, since only a hash of its value
/// is.
fn id_in_header(hook: &Hook, headers: &HeaderMap) -> Option<String> {
    let header = hook.dedupe.as_ref()?.header()?;
    let id = headers.get(header)?.to_str().ok()?;
    (!id.trim().is_empty()).then(|| id.to_owned())
}

fn post(hook: &Hook, headers: BTreeMap<String, String>, id: Option<String>, value: &Value) -> HookPost {
    let Signal { event, key, subject, delivery, .. } = hook.signal(&headers, value);
    let id = id.or(delivery).map_or_else(event::fresh_id, |delivery| event::hook_id(&hook.name, &delivery));
    // What the state of something was before counts, so its events are worked on in order.
    let key = if subject.is_empty() { key } else { subject };
    let post = HookPost::new(&hook.name, id, &key, &event, headers);
    HookPost { is_expected: hook.expect.is_some(), ..post }
}

/// The headers that are kept: those that are text and hold no proof, the small ones first, up to the limit.
fn kept(hook: &Hook, headers: &HeaderMap) -> BTreeMap<String, String> {
    let is_proof = |name: &str, value: &str| {
        name == "key"
            || PROOFS.iter().any(|part| name.contains(part))
            || hook.signature.as_ref().is_some_and(|signature| signature.scheme.is_in(name))
            || hook.auths().any(|auth| auth.is_in(name, value))
    };
    let texts = headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let mut texts: Vec<_> = texts.filter(|(name, value)| !is_proof(name, value)).collect();
    texts.sort_by_key(|(name, value)| (*name != header::CONTENT_TYPE.as_str(), name.len() + value.len()));
    let (mut kept, mut left) = (BTreeMap::new(), MOST_HEADERS);
    for (name, value) in texts {
        let Some(rest) = left.checked_sub(name.len() + value.len()) else { break };
        left = rest;
        kept.entry(name.to_owned()).or_insert_with(|| value.to_owned());
    }
    kept
}
