//! `alertmanager`: groups of alerts that Prometheus' Alertmanager posts. It signs nothing.

use std::borrow::Cow;

use serde_json::Value;

use super::payload::{MOST_ITEMS, Part, Payload, Preset, Proof, Severity, Signal, State, bullets, link, safe, text};
use crate::signature::digest;

pub(super) const PRESET: Preset = Preset {
    name: "alertmanager",
    signature: None,
    proof: Proof::Bearer,
    setup: include_str!("setup/alertmanager.txt"),
    hidden: &[],
    read,
};

/// The most labels that name a group.
const MOST_LABELS: usize = 5;

const DETAILS: Details = Details { links: &["/annotations/runbook_url", "/generatorURL"], values: |_| String::new() };

fn read(payload: &Payload<'_>) -> Signal {
    group(payload, &DETAILS)
}

/// Reads one alert of a group.
pub(super) fn part(value: &Value) -> Option<Part> {
    alert(value, &DETAILS)
}

fn hash(text: &str) -> String {
    hex::encode(&digest(text.as_bytes())[..16])
}

/// By what an alert is known among those of its group.
fn id(alert: &Value) -> Cow<'_, str> {
    match text(alert, "/fingerprint") {
        "" => Cow::Owned(alert["labels"].to_string()),
        fingerprint => Cow::Borrowed(fingerprint),
    }
}

/// What is told of an alert besides its text.
pub(super) struct Details {
    /// Where its link may be; the first one is taken.
    pub links: &'static [&'static str],
    /// What was measured.
    pub values: fn(&Value) -> String,
}

/// Reads a group of alerts, from whichever sender has this shape.
pub(super) fn group(payload: &Payload<'_>, details: &Details) -> Signal {
    let group = payload.text("/groupKey");
    let alerts = payload.list("/alerts");
    let key = if group.is_empty() { String::new() } else { hash(group) };
    // What is sent again after repeat_interval has the same alerts in the same states.
    let states = alerts.iter().map(|alert| [&*id(alert), text(alert, "/status"), text(alert, "/startsAt")].join(" "));
    let mut states: Vec<String> = states.collect();
    states.sort();
    Signal {
        event: payload.text("/status").to_owned(),
        subject: key.clone(),
        digest: (!key.is_empty() && !states.is_empty()).then(|| hash(&states.join("\n"))),
        key,
        title: name(payload).to_owned(),
        state: state(payload.text("/status")),
        severity: alerts.iter().map(severity).min().unwrap_or_default(),
        source: payload.text("/receiver").to_owned(),
        url: payload.text("/externalURL").to_owned(),
        at: alerts.iter().filter_map(|alert| text(alert, "/startsAt").parse().ok()).min(),
        says: (!alerts.is_empty()).then(|| says(payload, alerts, details)),
        ..Signal::default()
    }
}

/// Reads one alert of a group. None if it is none.
pub(super) fn alert(alert: &Value, details: &Details) -> Option<Part> {
    let is_alert = alert["labels"].is_object() && alert["status"].is_string();
    let url = || details.links.iter().map(|place| text(alert, place)).find(|url| !link(url).is_empty());
    is_alert.then(|| Part {
        id: id(alert).into_owned(),
        title: about(alert).to_owned(),
        state: state(text(alert, "/status")),
        severity: severity(alert),
        url: url().unwrap_or_default().to_owned(),
        at: text(alert, "/startsAt").parse().ok(),
    })
}

fn state(status: &str) -> State {
    match status {
        "firing" => State::Firing,
        "resolved" => State::Ok,
        _ => State::Info,
    }
}

fn says(payload: &Payload<'_>, alerts: &[Value], details: &Details) -> String {
    let mut told: Vec<&Value> = alerts.iter().filter(|alert| text(alert, "/status") == "firing").collect();
    let is_over = told.is_empty();
    if is_over {
        told.extend(alerts);
    }
    told.sort_by_key(|alert| severity(alert));
    let name = safe(name(payload));
    let head = if is_over {
        format!("**RESOLVED** {}", told.len())
    } else {
        let critical = told.iter().filter(|alert| severity(alert) == Severity::Critical).count();
        let worst = if critical > 0 { format!(" ({critical} critical)") } else { String::new() };
        format!("**FIRING** {}{worst}", told.len())
    };
    let mut says = format!("{head}: **{name}**{}", labels(&payload.body["groupLabels"]));
    let lines = told.iter().take(MOST_ITEMS).map(|alert| line(alert, details)).collect();
    says.push_str(&bullets(lines, told.len()));
    match link(payload.text("/externalURL")) {
        link if link.is_empty() => says,
        link => format!("{says}\n\n{link}"),
    }
}

/// An alert: how bad, what it says of itself, when it fired, and where to read on.
fn line(alert: &Value, details: &Details) -> String {
    let severity = match text(alert, "/labels/severity") {
        "" => String::new(),
        severity => format!("{}: ", safe(severity)),
    };
    let time =
        |place| text(alert, place).parse::<jiff::Timestamp>().ok().map(|at| at.strftime("%Y-%m-%d %H:%M").to_string());
    let when = match (time("/startsAt"), time("/endsAt").filter(|_| text(alert, "/status") == "resolved")) {
        (Some(from), Some(to)) => {
            let is_same_day = from.split(' ').next() == to.split(' ').next();
            let to = to.split_once(' ').filter(|_| is_same_day).map_or(to.as_str(), |(_, time)| time);
            format!(", from {from} to {to} UTC")
        }
        (Some(from), None) => format!(", since {from} UTC"),
        (None, _) => String::new(),
    };
    let place = details.links.iter().map(|place| link(text(alert, place))).find(|link| !link.is_empty());
    let (about, values) = (safe(about(alert)), (details.values)(alert));
    format!("{severity}{about}{values}{when} {}", place.unwrap_or_default()).trim_end().to_owned()
}

/// What an alert says of itself.
fn about(alert: &Value) -> &str {
    let places = ["/annotations/summary", "/annotations/description", "/labels/alertname"];
    places.into_iter().map(|place| text(alert, place)).find(|text| !text.is_empty()).unwrap_or_default()
}

fn severity(alert: &Value) -> Severity {
    Severity::of(text(alert, "/labels/severity"))
}

fn name<'a>(payload: &'a Payload<'_>) -> &'a str {
    payload.first(&["/groupLabels/alertname", "/commonLabels/alertname", "/title"])
}

/// The labels of a group besides its name.
fn labels(labels: &Value) -> String {
    let labels = labels.as_object().into_iter().flatten().filter(|(name, _)| *name != "alertname");
    let labels = labels
        .take(MOST_LABELS)
        .map(|(name, value)| format!(", {}={}", safe(name), safe(value.as_str().unwrap_or_default())));
    labels.collect()
}
