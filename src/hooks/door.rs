//! `POST /hooks/{name}`: the proof, the body, one committed row, 202. Nothing else happens inside the request.

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::future::try_join_all;
use ipnet::IpNet;

use super::body::BodyError;
use super::code::{Code, Outcome};
use super::events::posts;
use super::in_flight::{Held, InFlight};
use super::origin::{is_in, origin};
use super::proof::Shown;
use super::room::Room;
use super::{Hook, HookState, Hooks, last_day};
use crate::clock;
use crate::config::Config;
use crate::event::{Event, HookPost, Source};
use crate::instance::Gate;
use crate::receiver::Door;
use crate::store::Store;
use crate::telemetry::{Metrics, Received, Seldom};

/// The beginning of every hook's path.
pub const PATH: &str = "/hooks/";

/// The field of the query for the token of a sender of CloudEvents.
const ACCESS_TOKEN: &str = "access_token";

/// What the senders of CloudEvents ask before they post.
const HANDSHAKE: &str = "webhook-request-origin";

/// Takes deliveries to hooks.
pub struct HookDoor {
    hooks: Hooks,
    door: Door,
    metrics: Metrics,
    gate: Gate,
    trusted_proxies: Vec<IpNet>,
    in_flight: InFlight,
    room: Room,
    not_stored: Seldom,
}

/// A request whose hook is known and takes it.
pub struct Admitted<'a> {
    hook: Arc<Hook>,
    held: Held<'a>,
}

impl Admitted<'_> {
    /// The largest body, in bytes.
    pub fn most(&self) -> usize {
        self.hook.max_body
    }

    /// Makes room for a part of the body that has come. `false` if there is none.
    pub fn hold(&mut self, bytes: usize) -> bool {
        self.held.add(bytes)
    }
}

impl HookDoor {
    /// `door` takes the events into this ledger, `metrics` counts the refusals, and `gate` says whether this daemon
    /// answers.
    pub fn new(
        hooks: Hooks,
        settings: &Config,
        (door, store): (Door, Store),
        metrics: Metrics,
        gate: Gate,
    ) -> HookDoor {
        let trusted_proxies = settings.server.trusted_proxies.clone();
        let (in_flight, room) = (InFlight::new(settings.hooks.in_flight), Room::new(store, settings.hooks.keep));
        HookDoor { hooks, door, metrics, gate, trusted_proxies, in_flight, room, not_stored: Seldom::default() }
    }

    /// Looks at a request from this address before its body is read.
    ///
    /// # Errors
    /// The answer, if the request is refused or is no delivery.
    pub fn admit<'a>(
        &'a self,
        peer: IpAddr,
        Parts { method, uri, headers, .. }: &Parts,
    ) -> Result<Admitted<'a>, Box<Response>> {
        let rest = uri.path().strip_prefix(PATH).unwrap_or_default();
        let (name, token) = match rest.split_once('/') {
            Some((name, token)) => (name, Some(token)),
            None => (rest, None),
        };
        let hook = self.hooks.get(name).filter(|hook| token.is_none() || hook.auth.is_in_path());
        let Some(hook) = hook else {
            self.count_refusal();
            let says = "no hook has this path; [[hook]] in the settings makes one, and so does `hook add` in the chat";
            return Err(Box::new(Code::Unknown.answer(says)));
        };
        let hook = &hook;
        if hook.state(self.hooks.now()) != HookState::On {
            let says = match hook.expires.filter(|_| hook.enabled) {
                None => "the hook is switched off: enabled = false".to_owned(),
                Some(end) => format!("the hook expired at the end of {} (UTC)", last_day(end)),
            };
            return Err(self.refuse(hook, Code::Inactive, &says));
        }
        self.check_address(hook, peer, headers)?;
        match *method {
            Method::POST | Method::PUT => {}
            Method::OPTIONS if headers.contains_key(HANDSHAKE) => return Err(Box::new(permission(hook, headers))),
            _ => return Err(Box::new(not_posted())),
        }
        let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if length.is_some_and(|length: usize| length > hook.max_body) {
            return Err(self.too_large(hook));
        }
        // The body of somebody who is not let in is not read.
        let access_token = uri.query().filter(|_| hook.preset.is_cloudevents()).and_then(access_token);
        let shown = Shown { headers, token, access_token, now: clock::wall().as_second() };
        hook.check(&shown).map_err(|code| self.refuse(hook, code, wanted(code)))?;
        let held = self.in_flight.begin(length.unwrap_or_default()).ok_or_else(|| self.full(hook))?;
        Ok(Admitted { hook: Arc::clone(hook), held })
    }

    fn check_address(&self, hook: &Hook, peer: IpAddr, headers: &HeaderMap) -> Result<(), Box<Response>> {
        let Some(allowed) = &hook.allow_ips else { return Ok(()) };
        let says = match origin(peer, headers, &self.trusted_proxies) {
            Some(address) if is_in(allowed, address) => return Ok(()),
            Some(address) => format!("{address} is not in allow_ips of this hook"),
            None => "a proxy does not say in X-Forwarded-For which address this comes from".to_owned(),
        };
        Err(self.refuse(hook, Code::NotAllowed, &says))
    }

    /// Answers a delivery. Instead of the body there may be the status with which it could not be read.
    pub async fn receive(
        &self,
        Admitted { hook, held: _held }: Admitted<'_>,
        headers: &HeaderMap,
        body: Result<Bytes, StatusCode>,
    ) -> Response {
        let hook = &hook;
        let body = match body {
            Ok(body) => body,
            Err(StatusCode::PAYLOAD_TOO_LARGE) => return *self.too_large(hook),
            Err(StatusCode::SERVICE_UNAVAILABLE) => return *self.full(hook),
            Err(_) => return *self.refuse(hook, Code::InvalidJson, "the body was not sent whole"),
        };
        match hook.with_body(headers, body, read).await {
            Some(Ok(posts)) => self.put(hook, posts).await,
            Some(Err(Unread::Unproven(code))) => *self.refuse(hook, code, wanted(code)),
            Some(Err(Unread::TooMany(seconds))) => {
                self.log(hook, Code::TooMany);
                self.count_refusal();
                Code::too_many(seconds)
            }
            Some(Err(Unread::Odd(error))) => *self.refuse(hook, unreadable(&error), &error.to_string()),
            None => self.unavailable(),
        }
    }

    /// The answer to a delivery on which we failed, or whose commit takes too long. It may be on disk nevertheless, and
    /// is then known when it is repeated.
    pub fn unavailable(&self) -> Response {
        if let Some(count) = self.not_stored.count() {
            tracing::error!(
                count,
                "a delivery to a hook was not acknowledged, since answering it failed or took too long"
            );
        }
        self.count_refusal();
        Code::Unavailable.answer("it could not be accepted now")
    }

    /// Counts what became of a request with this path. The name of an unknown hook is somebody else's text, and is not
    /// counted.
    pub fn count(&self, path: &str, answer: &Response) {
        let name = path.strip_prefix(PATH).and_then(|rest| rest.split('/').next()).unwrap_or_default();
        if let (Some(hook), Some(Outcome(outcome))) = (self.hooks.get(name), answer.extensions().get()) {
            self.metrics.hook(&hook.name, outcome);
        }
    }

    /// Puts the events of a delivery on disk. Each has its own id, so what is there already when one of them cannot be
    /// put is known when the sender repeats them all.
    async fn put(&self, hook: &Hook, posts: Vec<(HookPost, Bytes)>) -> Response {
        if !self.gate.takes() {
            return *self.refuse(hook, Code::Unavailable, "another daemon answers for this bot, or may");
        }
        if !self.room.has(posts.iter().map(|(_, body)| body.len()).sum()).await {
            if let Some(count) = self.not_stored.count() {
                tracing::error!(
                    hook = hook.name,
                    count,
                    "a delivery to a hook was not taken: what waits fills hooks.keep; look at `switchboard inbox list --state open`"
                );
            }
            return *self.refuse(hook, Code::Unavailable, "the ledger has no room for it now; nothing was accepted");
        }
        let first = posts.first().map(|(post, _)| post.id);
        let puts = posts
            .into_iter()
            .map(|(post, body)| async move { self.door.take(Source::Hook, &Event::Hook(post), Some(body)).await });
        match try_join_all(puts).await {
            Ok(received) => {
                let is_repeat = !received.is_empty() && received.iter().all(|one| *one == Received::Duplicate);
                Code::queued(first, if is_repeat { Received::Duplicate } else { Received::Accepted })
            }
            Err(error) => {
                if let Some(count) = self.not_stored.count() {
                    tracing::error!(hook = hook.name, %error, count, "a delivery to a hook could not be put on disk and was not acknowledged");
                }
                self.count_refusal();
                Code::Unavailable.answer("the ledger cannot take it now; nothing was accepted")
            }
        }
    }

    fn too_large(&self, hook: &Hook) -> Box<Response> {
        let says = format!("the body has more than {} bytes, which is max_body of this hook", hook.max_body);
        self.refuse(hook, Code::TooLarge, &says)
    }

    fn full(&self, hook: &Hook) -> Box<Response> {
        self.refuse(hook, Code::Unavailable, "as many bytes as hooks.in_flight allows are being worked on; come again")
    }

    /// Refuses a delivery to a hook.
    fn refuse(&self, hook: &Hook, code: Code, says: &str) -> Box<Response> {
        self.log(hook, code);
        self.count_refusal();
        Box::new(code.answer(says))
    }

    fn log(&self, hook: &Hook, code: Code) {
        if let Some(count) = hook.refused.count() {
            let name = &hook.name;
            tracing::warn!(
                hook = name,
                ?code,
                count,
                "a delivery to a hook was refused; more to this hook within a minute are only counted"
            );
        }
    }

    /// Counts a refusal.
    fn count_refusal(&self) {
        self.metrics.event(Source::Hook.as_str(), "hooks", Received::Rejected);
    }
}

/// Why a body is not taken.
enum Unread {
    Unproven(Code),
    /// It may be sent again after so many seconds.
    TooMany(u64),
    Odd(BodyError),
}

/// The events of a body whose sender has proven itself and may send as many.
fn read(hook: &Hook, headers: &HeaderMap, body: Bytes) -> Result<Vec<(HookPost, Bytes)>, Unread> {
    let body = hook.verify(headers, body, clock::wall().as_second()).map_err(Unread::Unproven)?;
    hook.limit.take(clock::instant()).map_err(Unread::TooMany)?;
    posts(hook, headers, body).map_err(Unread::Odd)
}

fn unreadable(error: &BodyError) -> Code {
    match error {
        BodyError::NotJson(_) => Code::InvalidJson,
        BodyError::NotXml(_) => Code::InvalidXml,
    }
}

/// The token that a sender of CloudEvents has in the query.
fn access_token(query: &str) -> Option<String> {
    let mut fields = url::form_urlencoded::parse(query.as_bytes());
    fields.find_map(|(name, value)| (name == ACCESS_TOKEN).then(|| value.into_owned()))
}

/// What a sender that was not let in has to do.
fn wanted(code: Code) -> &'static str {
    match code {
        Code::ServiceKeyMissing => "what auth of this hook asks for is missing; a service key is in the header key",
        Code::SignatureMissing => "the header with the signature is missing; give the sender the secret of this hook",
        Code::InvalidSignature => {
            "the signature does not fit the body and the secret of this hook, or its time is too far from ours"
        }
        _ => "the request does not show what auth of this hook asks for",
    }
}

/// Tells a sender of CloudEvents that it may post, and how often in a minute.
fn permission(hook: &Hook, headers: &HeaderMap) -> Response {
    let origin = headers.get(HANDSHAKE).cloned().unwrap_or(axum::http::HeaderValue::from_static("*"));
    let allowed = [
        (HeaderName::from_static("webhook-allowed-origin"), origin),
        (HeaderName::from_static("webhook-allowed-rate"), hook.limit.per_minute().into()),
        (header::ALLOW, axum::http::HeaderValue::from_static("POST, PUT, OPTIONS")),
    ];
    (StatusCode::OK, axum::response::AppendHeaders(allowed)).into_response()
}

fn not_posted() -> Response {
    let says = "a hook takes POST and PUT; if this is a test in a browser, the address is right\n";
    (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "POST, PUT, OPTIONS")], says).into_response()
}
