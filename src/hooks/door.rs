//! `POST /hooks/{name}`: the proof, the body, one committed row, 202. Nothing else happens inside the request.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use uuid::Uuid;

use super::code::Code;
use super::presets::Signal;
use super::{Hook, Hooks, body};
use crate::clock;
use crate::event::{self, Event, HookPost, Source};
use crate::instance::Gate;
use crate::receiver::Door;
use crate::signature::{SignatureError, Verified};
use crate::telemetry::{Metrics, Received, Seldom};

/// The beginning of every hook's path.
const PATH: &str = "/hooks/";

/// The most bytes of headers that are kept with a delivery.
const MOST_HEADERS: usize = 8 * 1024;

/// What the senders of CloudEvents ask before they post.
const MAY_I: &str = "webhook-request-origin";

/// Headers that hold a proof whatever the settings say.
const PROOFS: [HeaderName; 3] = [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION];

/// Takes deliveries to hooks.
pub struct HookDoor {
    hooks: Hooks,
    door: Door,
    metrics: Metrics,
    gate: Gate,
    refused: Seldom,
    not_stored: Seldom,
}

/// A request whose hook is known and takes it.
pub struct Admitted<'a> {
    hook: &'a Hook,
    /// What follows the name in the path.
    token: Option<&'a str>,
}

impl Admitted<'_> {
    /// The largest body, in bytes.
    pub fn most(&self) -> usize {
        self.hook.max_body
    }
}

impl HookDoor {
    /// `door` takes the events, `metrics` counts the refusals, and `gate` says whether this daemon answers.
    pub fn new(hooks: Hooks, door: Door, metrics: Metrics, gate: Gate) -> HookDoor {
        let (refused, not_stored) = (Seldom::default(), Seldom::default());
        HookDoor { hooks, door, metrics, gate, refused, not_stored }
    }

    /// Whether the path is one of a hook.
    pub fn has(&self, path: &str) -> bool {
        path.starts_with(PATH)
    }

    /// Looks at a request before its body is read.
    ///
    /// # Errors
    /// The answer, if the request is refused or is no delivery.
    pub fn admit<'a>(
        &'a self,
        method: &Method,
        path: &'a str,
        headers: &HeaderMap,
    ) -> Result<Admitted<'a>, Box<Response>> {
        let rest = path.strip_prefix(PATH).unwrap_or_default();
        let (name, token) = match rest.split_once('/') {
            Some((name, token)) => (name, Some(token)),
            None => (rest, None),
        };
        let hook = self.hooks.0.get(name).filter(|hook| token.is_none() || hook.auth.is_in_path());
        let Some(hook) = hook else {
            return Err(self.refuse(Code::Unknown, "no hook has this path; [[hook]] in the settings makes one"));
        };
        match *method {
            Method::POST | Method::PUT => {}
            Method::OPTIONS if headers.contains_key(MAY_I) => return Err(Box::new(permission(headers))),
            _ => return Err(Box::new(not_posted())),
        }
        if !hook.enabled {
            return Err(self.refuse(Code::Inactive, "the hook is switched off: enabled = false"));
        }
        Ok(Admitted { hook, token })
    }

    /// Answers a delivery. Instead of the body there may be the status with which it could not be read.
    pub async fn receive(
        &self,
        Admitted { hook, token }: Admitted<'_>,
        headers: &HeaderMap,
        body: Result<Bytes, StatusCode>,
    ) -> Response {
        let body = match body {
            Ok(body) => body,
            Err(StatusCode::PAYLOAD_TOO_LARGE) => {
                let says = format!("the body has more than {} bytes, which is max_body of this hook", hook.max_body);
                return *self.refuse(Code::TooLarge, &says);
            }
            Err(_) => return *self.refuse(Code::InvalidJson, "the body was not sent whole"),
        };
        let body = match prove(hook, headers, token, body) {
            Ok(body) => body,
            Err(code) => {
                if let Some(count) = self.refused.count() {
                    tracing::warn!(
                        hook = hook.name,
                        ?code,
                        count,
                        "a delivery to a hook was refused; more within a minute are only counted"
                    );
                }
                return *self.refuse(code, wanted(code));
            }
        };
        if let Err(seconds) = hook.limit.take(clock::instant()) {
            self.metrics.event(Source::Hook.as_str(), "hooks", Received::Rejected);
            return Code::too_many(seconds);
        }
        let value = match body::parse(body::content_type(headers), &body) {
            Ok(value) => value,
            Err(says) => return *self.refuse(Code::InvalidJson, &says),
        };
        let headers = kept(hook, headers);
        let Signal { event, key, delivery, .. } = hook.preset.signal(&headers, &value);
        let id = delivery.map_or_else(Uuid::new_v4, |delivery| event::hook_id(&hook.name, &delivery));
        self.put(hook, HookPost { hook: hook.name.clone(), id, key, event, headers }, body).await
    }

    async fn put(&self, hook: &Hook, post: HookPost, body: Bytes) -> Response {
        let id = post.id;
        if !self.gate.takes() {
            return *self.refuse(Code::Unavailable, "another daemon answers for this bot, or may");
        }
        match self.door.take(Source::Hook, &Event::Hook(post), Some(body)).await {
            Ok(_) => Code::queued(id),
            Err(error) => {
                if let Some(count) = self.not_stored.count() {
                    tracing::error!(hook = hook.name, %error, count, "a delivery to a hook could not be put on disk and was not acknowledged");
                }
                *self.refuse(Code::Unavailable, "the ledger cannot take it now; nothing was accepted")
            }
        }
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

/// Lets a body pass whose sender has proven itself.
fn prove(hook: &Hook, headers: &HeaderMap, token: Option<&str>, body: Bytes) -> Result<Bytes, Code> {
    hook.auth.check(headers, token)?;
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

/// The headers that are kept: those that are text, without proofs, and no more than the limit.
fn kept(hook: &Hook, headers: &HeaderMap) -> BTreeMap<String, String> {
    let is_proof = |name: &HeaderName| {
        PROOFS.contains(name)
            || hook.auth.header() == Some(name)
            || hook.signature.as_ref().is_some_and(|signature| signature.scheme.header() == name)
    };
    let mut left = MOST_HEADERS;
    let texts = headers.iter().filter(|(name, _)| !is_proof(name)).filter_map(|(name, value)| {
        let value = value.to_str().ok()?;
        left = left.checked_sub(name.as_str().len() + value.len())?;
        Some((name.as_str().to_owned(), value.to_owned()))
    });
    texts.collect()
}

/// Tells a sender of CloudEvents that it may post.
fn permission(headers: &HeaderMap) -> Response {
    let origin = headers.get(MAY_I).cloned().unwrap_or(axum::http::HeaderValue::from_static("*"));
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
