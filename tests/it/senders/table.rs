//! The senders: what each posts, how long it waits for an answer, and when it tries again. Nothing here is shared with the
//! program.

use std::time::Duration;

use base64::Engine as _;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use sha2::Sha256;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// Something that a sender has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Event {
    pub sender: &'static str,
    pub key: usize,
    pub nth: usize,
}

impl Event {
    /// The word in its title.
    fn word(&self) -> String {
        format!("event0{}0k{}n{}", self.sender, self.key, self.nth)
    }

    /// Those whose words stand in a text.
    pub fn all_in(text: &str) -> Vec<Event> {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric());
        let event = |word: &str| {
            let (sender, rest) = word.strip_prefix("event0")?.split_once('0')?;
            let (key, nth) = rest.strip_prefix('k')?.split_once('n')?;
            let sender = SENDERS.iter().find(|known| known.name == sender)?.name;
            Some(Event { sender, key: key.parse().ok()?, nth: nth.parse().ok()? })
        };
        let mut all: Vec<_> = words.filter_map(event).collect();
        all.dedup();
        all
    }

    pub fn is_of_key(&self, other: &Event) -> bool {
        (self.sender, self.key) == (other.sender, other.key)
    }
}

/// What a sender gets.
#[derive(Clone, Copy)]
pub enum Answer {
    /// A status, and the time in `Retry-After`.
    Status(u16, Option<Duration>),
    NoConnection,
    /// Nothing in the time for which the sender waits, or half an answer.
    None,
}

impl Answer {
    /// Whether it is a failure of the server or of the way to it.
    fn is_failure(self) -> bool {
        matches!(self, Answer::Status(500.., _) | Answer::NoConnection | Answer::None)
    }
}

pub enum Next {
    Again(Duration),
    /// As long as it was asked to wait.
    Obey(Duration),
    GiveUp,
}

/// What of a key is sent when.
pub enum Sends {
    /// Each event at its time, whatever becomes of the others.
    Each,
    /// One after the other. After so many failures in a row nothing is sent for a time.
    InOrder { most_failures: u32, off: Duration },
    /// The state as it is then, in this interval.
    State { interval: Duration },
}

/// A system that posts.
pub struct Sender {
    /// The name of its hook too.
    pub name: &'static str,
    /// The settings of its hook besides name and destination.
    pub hook: &'static str,
    pub waits: Duration,
    pub sends: Sends,
    /// What it does after so many tries of an event, the last with this answer.
    pub rule: fn(Answer, u32) -> Next,
    pub request: fn(RequestBuilder, Event) -> RequestBuilder,
}

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

const IN_ORDER: Sends = Sends::InOrder { most_failures: u32::MAX, off: Duration::ZERO };

fn never(_: Answer, _: u32) -> Next {
    Next::GiveUp
}

/// Up to so many tries where `may` says so.
fn up_to(most: u32, may: bool, tries: u32, pause: Duration) -> Next {
    if may && tries < most { Next::Again(pause) } else { Next::GiveUp }
}

fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(text).finalize().into_bytes().to_vec()
}

/// Adds a body and the header that signs it.
fn signed(request: RequestBuilder, header: &str, prefix: &str, body: &Value) -> RequestBuilder {
    let body = body.to_string();
    let signature = format!("{prefix}{}", hex::encode(hmac(SECRET.as_bytes(), body.as_bytes())));
    request.header(header, signature).body(body)
}

/// A group of alerts in this state.
fn group(event: Event) -> Value {
    let word = event.word();
    let alert = json!({"status": "firing", "labels": {"alertname": "Slow"}, "annotations": {"summary": word},
        "startsAt": "2026-11-27T09:30:00Z", "fingerprint": word});
    json!({"version": "4", "groupKey": format!("{{}}:{}", event.key), "status": "firing", "receiver": "bot",
        "groupLabels": {"alertname": "Slow"}, "alerts": [alert]})
}

pub static SENDERS: &[Sender] = &[
    Sender {
        name: "github",
        hook: "preset = \"github\"\nsignature = { secrets = [\"0123456789abcdef0123456789abcdef\"] }",
        waits: seconds(10),
        sends: Sends::Each,
        rule: never,
        request: |request, event| {
            let repository = json!({"full_name": "acme/api", "html_url": "https://github.com/acme/api"});
            let issue = json!({"number": event.key, "title": event.word(), "html_url": "https://github.com/acme/api"});
            let body =
                json!({"action": "opened", "repository": repository, "issue": issue, "sender": {"login": "bob"}});
            let request = request.header("x-github-event", "issues").header("x-github-delivery", event.word());
            signed(request, "x-hub-signature-256", "sha256=", &body)
        },
    },
    Sender {
        name: "gitlab",
        hook: "preset = \"gitlab\"\nauth = { header = { name = \"x-gitlab-token\", value = \"0123456789abcdef0123456789abcdef\" } }",
        waits: seconds(10),
        sends: Sends::InOrder { most_failures: 4, off: seconds(60) },
        rule: never,
        request: |request, event| {
            let request = request.header("x-gitlab-event", "Merge Request Hook").header("x-gitlab-token", SECRET);
            let attributes = json!({"iid": event.key, "title": event.word(), "state": "opened", "action": "open"});
            let body = json!({"object_kind": "merge_request", "user": {"name": "Bob", "username": "bob"},
                "project": {"path_with_namespace": "acme/api"}, "object_attributes": attributes});
            request.header("idempotency-key", event.word()).json(&body)
        },
    },
    Sender {
        name: "bitbucket",
        hook: "preset = \"bitbucket\"\nsignature = { secrets = [\"0123456789abcdef0123456789abcdef\"] }",
        waits: seconds(10),
        sends: Sends::Each,
        rule: |answer, tries| up_to(3, answer.is_failure(), tries, seconds(5)),
        request: |request, event| {
            let pull = json!({"id": event.key, "title": event.word(), "state": "OPEN"});
            let body =
                json!({"actor": {"display_name": "bob"}, "repository": {"full_name": "acme/api"}, "pullrequest": pull});
            let request = request.header("x-event-key", "pullrequest:created").header("x-request-uuid", event.word());
            signed(request, "x-hub-signature", "sha256=", &body)
        },
    },
    Sender {
        name: "jenkins",
        hook: "preset = \"jenkins\"\nauth = { basic = \"jenkins:0123456789abcdef0123456789abcdef\" }",
        waits: seconds(30),
        sends: IN_ORDER,
        rule: never,
        request: |request, event| {
            let scm = json!({"branch": event.word(), "commit": "3f2a1b0c"});
            let build = json!({"number": event.key, "timestamp": event.nth, "phase": "COMPLETED", "status": "FAILURE",
                "full_url": "https://ci.example.org/job/shop/", "scm": scm});
            request
                .basic_auth("jenkins", Some(SECRET))
                .json(&json!({"name": "shop", "url": "job/shop/", "build": build}))
        },
    },
    Sender {
        name: "alertmanager",
        hook: "preset = \"alertmanager\"\nauth = { bearer = \"0123456789abcdef0123456789abcdef\" }",
        waits: seconds(10),
        sends: Sends::State { interval: seconds(10) },
        // Its backoff, until the time of the flush is over; 4xx are given up at once.
        rule: |answer, tries| up_to(8, answer.is_failure(), tries, Duration::from_millis(500) * tries),
        request: |request, event| request.bearer_auth(SECRET).json(&group(event)),
    },
    Sender {
        name: "grafana",
        hook: "preset = \"grafana\"\nauth = { basic = \"grafana:0123456789abcdef0123456789abcdef\" }",
        waits: seconds(30),
        sends: Sends::State { interval: seconds(10) },
        rule: never,
        request: |request, event| request.basic_auth("grafana", Some(SECRET)).json(&group(event)),
    },
    Sender {
        name: "argocd",
        hook: "preset = \"argocd\"\ndedupe = \"$.id\"\nauth = { header = { name = \"x-token\", value = \"0123456789abcdef0123456789abcdef\" } }",
        waits: seconds(30),
        sends: Sends::Each,
        rule: |answer, tries| up_to(4, answer.is_failure(), tries, seconds(5).min(seconds(tries.into()))),
        request: |request, event| {
            let body = json!({"id": event.word(), "app": format!("app{}", event.key), "trigger": "on-sync-failed",
                "status": "OutOfSync", "message": event.word()});
            request.header("x-token", SECRET).json(&body)
        },
    },
    Sender {
        name: "pagerduty",
        hook: "preset = \"pagerduty\"\nsignature = { secrets = [\"0123456789abcdef0123456789abcdef\"] }",
        waits: seconds(5),
        // Later events of an incident wait.
        sends: IN_ORDER,
        rule: |answer, tries| {
            let may = answer.is_failure() || matches!(answer, Answer::Status(429, _));
            up_to(u32::MAX, may, tries, seconds(10))
        },
        request: |request, event| {
            let data = json!({"id": format!("P{}", event.key), "number": event.key, "title": event.word(),
                "status": "triggered", "urgency": "high", "service": {"summary": "database"}});
            let body = json!({"event": {"id": event.word(), "event_type": "incident.triggered", "data": data}});
            signed(request, "x-pagerduty-signature", "v1=", &body)
        },
    },
    Sender {
        name: "sentry",
        hook: "preset = \"sentry\"\nsignature = { secrets = [\"0123456789abcdef0123456789abcdef\"] }",
        waits: seconds(1),
        sends: Sends::Each,
        rule: never,
        request: |request, event| {
            let body = json!({"action": "triggered", "data": {"triggered_rule": "All",
                "event": {"title": event.word(), "level": "error", "issue_id": event.key.to_string()}}});
            let request = request.header("sentry-hook-resource", "event_alert").header("request-id", event.word());
            signed(request, "sentry-hook-signature", "", &body)
        },
    },
    Sender {
        name: "azure",
        hook: "preset = \"azure-devops\"\nauth = { basic = \"azure:0123456789abcdef0123456789abcdef\" }",
        waits: seconds(20),
        sends: Sends::Each,
        // Any other status puts the hook on probation. 183 seconds in all.
        rule: |answer, tries| match answer {
            Answer::Status(408 | 502 | 503 | 504, _) | Answer::NoConnection | Answer::None => {
                up_to(9, true, tries, seconds(183) / 8)
            }
            Answer::Status(..) => Next::GiveUp,
        },
        request: |request, event| {
            let resource = json!({"id": event.key, "result": "failed", "definition": {"name": "api-ci"}});
            let body = json!({"id": event.word(), "eventType": "build.complete", "message": {"text": event.word()},
                "resource": resource});
            request.basic_auth("azure", Some(SECRET)).json(&body)
        },
    },
    Sender {
        name: "standard",
        hook: "preset = \"standard-webhooks\"\nsignature = { secrets = [\"whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\"] }",
        waits: seconds(15),
        sends: Sends::Each,
        // Over days, unless the hook is gone.
        rule: |answer, tries| up_to(u32::MAX, !matches!(answer, Answer::Status(410, _)), tries, seconds(5)),
        request: |request, event| {
            let body = json!({"type": event.word()}).to_string();
            let time = jiff::Timestamp::now().as_second();
            let text = format!("{}.{time}.{body}", event.word());
            let signature = base64::engine::general_purpose::STANDARD.encode(hmac(SECRET.as_bytes(), text.as_bytes()));
            let request = request.header("webhook-id", event.word()).header("webhook-timestamp", time);
            request.header("webhook-signature", format!("v1,{signature}")).body(body)
        },
    },
    Sender {
        name: "cloudevents",
        hook: "preset = \"cloudevents\"\nlimit = \"4/s\"\nauth = { bearer = \"0123456789abcdef0123456789abcdef\" }",
        waits: seconds(10),
        sends: Sends::Each,
        rule: |answer, _| match answer {
            Answer::Status(429, Some(after)) => Next::Obey(after),
            _ => Next::GiveUp,
        },
        request: |request, event| {
            let body = json!({"specversion": "1.0", "id": event.word(), "source": "/shop", "type": event.word(),
                "subject": format!("order-{}", event.key)});
            let request = request.bearer_auth(SECRET).header("content-type", "application/cloudevents+json");
            request.body(body.to_string())
        },
    },
    Sender {
        name: "kuma",
        hook: "preset = \"uptime-kuma\"\nauth = { header = { name = \"x-token\", value = \"0123456789abcdef0123456789abcdef\" } }",
        waits: seconds(20),
        sends: IN_ORDER,
        rule: never,
        request: |request, event| {
            let heartbeat = json!({"monitorID": event.key, "status": event.nth % 2, "time": format!("{}", event.nth)});
            let monitor = json!({"id": event.key, "name": event.word()});
            let body = json!({"heartbeat": heartbeat, "monitor": monitor, "msg": event.word()});
            request.header("x-token", SECRET).json(&body)
        },
    },
];
