//! `POST /hooks/{name}`: the proof, the body, one committed row, 202. Nothing else happens inside the request.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use uuid::Uuid;

use super::code::{Code, Outcome};
use super::presets::Signal;
use super::room::Room;
use super::{Hook, Hooks, body};
use crate::clock;
use crate::event::{self, Event, HookPost, Source};
use crate::instance::Gate;
use crate::receiver::Door;
use crate::signature::{SignatureError, Verified};
use crate::store::Store;
use crate::telemetry::{Metrics, Received, Seldom};

/// The beginning of every hook's path.
pub const PATH: &str = "/hooks/";

/// The most bytes of headers that are kept with a delivery.
const MOST_HEADERS: usize = 8 * 1024;

/// What the senders of CloudEvents ask before they post.
const HANDSHAKE: &str = "webhook-request-origin";

/// Parts of the names of headers that hold a proof, whatever the settings say.
const PROOFS: [&str; 8] = ["authorization", "cookie", "token", "secret", "signature", "password", "api-key", "apikey"];

/// Takes deliveries to hooks.
pub struct HookDoor {
    hooks: Hooks,
    door: Door,
    metrics: Metrics,
    gate: Gate,
    room: Room,
    refused: Seldom,
    not_stored: Seldom,
}

/// A request whose hook is known and takes it.
pub struct Admitted {
    hook: Arc<Hook>,
}

impl Admitted {
    /// The largest body, in bytes.
    pub fn most(&self) -> usize {
        self.hook.max_body
    }
}

impl HookDoor {
    /// `door` takes the events, `metrics` counts the refusals, and `gate` says whether this daemon answers.
    /// `keep` bounds the bytes of payloads in the ledger.
    pub fn new(hooks: Hooks, door: Door, metrics: Metrics, gate: Gate, (store, keep): (Store, u64)) -> HookDoor {
        let (refused, not_stored) = (Seldom::default(), Seldom::default());
        HookDoor { hooks, door, metrics, gate, room: Room::new(store, keep), refused, not_stored }
    }

    /// Looks at a request before its body is read.
    ///
    /// # Errors
    /// The answer, if the request is refused or is no delivery.
    pub fn admit(&self, method: &Method, path: &str, headers: &HeaderMap) -> Result<Admitted, Box<Response>> {
        let rest = path.strip_prefix(PATH).unwrap_or_default();
        let (name, token) = match rest.split_once('/') {
            Some((name, token)) => (name, Some(token)),
            None => (rest, None),
        };
        let hook = self.hooks.get(name).filter(|hook| token.is_none() || hook.auth.is_in_path());
        let Some(hook) = hook else {
            return Err(self.refuse(
                Code::Unknown,
                "no hook has this path; [[hook]] in the settings makes one, and so does `hook add` in the chat",
            ));
        };
        if hook.expires.is_some_and(|end| end <= self.hooks.now()) {
            return Err(self.refuse(Code::Inactive, "the hook has ended: its last day is over"));
        }
        if !hook.enabled {
            return Err(self.refuse(Code::Inactive, "the hook is switched off: enabled = false"));
        }
        match *method {
            Method::POST | Method::PUT => {}
            Method::OPTIONS if headers.contains_key(HANDSHAKE) => return Err(Box::new(permission(headers))),
            _ => return Err(Box::new(not_posted())),
        }
        let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if length.is_some_and(|length: usize| length > hook.max_body) {
            return Err(self.too_large(&hook));
        }
        // The body of somebody who is not let in is not read.
        hook.check(headers, token).map_err(|code| self.unproven(&hook, code))?;
        Ok(Admitted { hook })
    }

    /// Answers a delivery. Instead of the body there may be the status with which it could not be read.
    pub async fn receive(
        &self,
        Admitted { hook }: Admitted,
        headers: &HeaderMap,
        body: Result<Bytes, StatusCode>,
    ) -> Response {
        let hook = &*hook;
        let body = match body {
            Ok(body) => body,
            Err(StatusCode::PAYLOAD_TOO_LARGE) => return *self.too_large(hook),
            Err(_) => return *self.refuse(Code::InvalidJson, "the body was not sent whole"),
        };
        let body = match verify(hook, headers, body) {
            Ok(body) => body,
            Err(code) => return *self.unproven(hook, code),
        };
        if let Err(seconds) = hook.limit.take(clock::instant()) {
            self.metrics.event(Source::Hook.as_str(), "hooks", Received::Rejected);
            return Code::too_many(seconds);
        }
        let headers = kept(hook, headers);
        let value = match body::parse(body::content_type(&headers), &body) {
            Ok(value) => value,
            Err(says) => return *self.refuse(Code::InvalidJson, &says),
        };
        let Signal { event, key, delivery, .. } = hook.signal(&headers, &value);
        let id = delivery.map_or_else(Uuid::new_v4, |delivery| event::hook_id(&hook.name, &delivery));
        let post = HookPost::new(&hook.name, id, &key, &event, headers);
        self.put(hook, HookPost { is_expected: hook.expect.is_some(), ..post }, body).await
    }

    /// Counts what became of a request with this path. The name of an unknown hook is somebody else's text, and is not
    /// counted.
    pub fn count(&self, path: &str, answer: &Response) {
        let name = path.strip_prefix(PATH).and_then(|rest| rest.split('/').next()).unwrap_or_default();
        if let (Some(hook), Some(Outcome(outcome))) = (self.hooks.get(name), answer.extensions().get()) {
            self.metrics.hook(&hook.name, outcome);
        }
    }

    async fn put(&self, hook: &Hook, post: HookPost, body: Bytes) -> Response {
        let id = post.id;
        if !self.gate.takes() {
            return *self.refuse(Code::Unavailable, "another daemon answers for this bot, or may");
        }
        if !self.room.has(body.len()).await {
            if let Some(count) = self.not_stored.count() {
                tracing::error!(
                    hook = hook.name,
                    count,
                    "a delivery to a hook was not taken: what waits, and dead letters, fill hooks.keep; look at `switchboard inbox list`"
                );
            }
            return *self.refuse(Code::Unavailable, "the ledger has no room for it now; nothing was accepted");
        }
        match self.door.take(Source::Hook, &Event::Hook(post), Some(body)).await {
            Ok(received) => Code::queued(id, received),
            Err(error) => {
                if let Some(count) = self.not_stored.count() {
                    tracing::error!(hook = hook.name, %error, count, "a delivery to a hook could not be put on disk and was not acknowledged");
                }
                *self.refuse(Code::Unavailable, "the ledger cannot take it now; nothing was accepted")
            }
        }
    }

    /// Refuses a sender that did not prove itself.
    fn unproven(&self, hook: &Hook, code: Code) -> Box<Response> {
        if let Some(count) = self.refused.count() {
            tracing::warn!(
                hook = hook.name,
                ?code,
                count,
                "a delivery to a hook was refused; more within a minute, to any hook, are only counted"
            );
        }
        self.refuse(code, wanted(code))
    }

    fn too_large(&self, hook: &Hook) -> Box<Response> {
        let says = format!("the body has more than {} bytes, which is max_body of this hook", hook.max_body);
        self.refuse(Code::TooLarge, &says)
    }

    /// Counts a refusal, and answers it.
    fn refuse(&self, code: Code, says: &str) -> Box<Response> {
        self.metrics.event(Source::Hook.as_str(), "hooks", Received::Rejected);
        Box::new(code.answer(says))
    }
}

/// What a sender that was not let in has to do.
fn wanted(code: Code) -> &'static str {
    match code {
        Code::ServiceKeyMissing => "the header key is missing; it holds the service key",
        Code::SignatureMissing => "the header with the signature is missing; give the sender the secret of this hook",
        Code::InvalidSignature => {
            "the signature does not fit the body and the secret of this hook, or its time is too far from ours"
        }
        _ => "the request does not show what auth of this hook asks for",
    }
}

/// Checks the signature, if the hook has one.
fn verify(hook: &Hook, headers: &HeaderMap, body: Bytes) -> Result<Bytes, Code> {
    let Some(signature) = &hook.signature else { return Ok(body) };
    if !signature.is_required && !signature.scheme.is_signed(headers) {
        return Ok(body);
    }
    let verified: Result<Verified<Bytes>, _> = signature.scheme.verify(headers, body, clock::wall_ms() / 1000);
    match verified {
        Ok(verified) => Ok(verified.get().clone()),
        Err(SignatureError::Missing) => Err(Code::SignatureMissing),
        Err(SignatureError::Wrong) => Err(Code::InvalidSignature),
    }
}

/// The headers that are kept: those that are text and hold no proof, the small ones first, up to the limit.
fn kept(hook: &Hook, headers: &HeaderMap) -> BTreeMap<String, String> {
    let is_proof = |name: &str, value: &str| {
        name == "key"
            || PROOFS.iter().any(|part| name.contains(part))
            || hook.signature.as_ref().is_some_and(|signature| signature.scheme.header() == name)
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

/// Tells a sender of CloudEvents that it may post.
fn permission(headers: &HeaderMap) -> Response {
    let origin = headers.get(HANDSHAKE).cloned().unwrap_or(axum::http::HeaderValue::from_static("*"));
    let allowed = [
        (HeaderName::from_static("webhook-allowed-origin"), origin),
        (HeaderName::from_static("webhook-allowed-rate"), axum::http::HeaderValue::from_static("*")),
        (header::ALLOW, axum::http::HeaderValue::from_static("POST, PUT, OPTIONS")),
    ];
    (StatusCode::OK, axum::response::AppendHeaders(allowed)).into_response()
}

fn not_posted() -> Response {
    let says = "a hook takes POST and PUT; if this is a test in a browser, the address is right\n";
    (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "POST, PUT, OPTIONS")], says).into_response()
}
