//! `sentry`: what an integration of Sentry posts of alerts and issues.

use super::payload::{Payload, Preset, Proof, Severity, Signal, State, dotted, items, link, safe};
use crate::signature::SignatureForm;

pub(super) const PRESET: Preset = Preset {
    name: "sentry",
    signature: Some(signature),
    proof: Proof::Path,
    setup: include_str!("setup/sentry.txt"),
    hidden: &[],
    read,
};

/// Where the title is, in an alert on a metric, an alert on an event, and an issue.
const TITLES: [&str; 4] =
    ["/data/metric_alert/title", "/data/description_title", "/data/event/title", "/data/issue/title"];
const URLS: [&str; 4] = ["/data/web_url", "/data/event/web_url", "/data/issue/web_url", "/data/issue/permalink"];
const PLACES: [&str; 2] = ["/data/metric_alert/projects/0", "/data/issue/project/slug"];
const LEVELS: [&str; 2] = ["/data/event/level", "/data/issue/level"];

fn signature() -> SignatureForm {
    SignatureForm { header: "sentry-hook-signature".to_owned(), ..SignatureForm::default() }
}

fn read(payload: &Payload<'_>) -> Signal {
    let (resource, action) = (payload.header("sentry-hook-resource"), payload.text("/action"));
    // An alert on an event belongs to the issue of that event.
    let (kind, id, says) = match resource {
        "metric_alert" => (resource, payload.number("/data/metric_alert/id"), metric_alert(payload, action)),
        "event_alert" => ("issue", payload.number("/data/event/issue_id"), Some(event_alert(payload))),
        "issue" => ("issue", payload.number("/data/issue/id"), issue(payload, action)),
        _ => ("", String::new(), None),
    };
    let level = if resource == "metric_alert" { action } else { payload.first(&LEVELS) };
    Signal {
        event: dotted(resource, action),
        key: if id.is_empty() { id } else { format!("{kind} {id}") },
        title: payload.first(&TITLES).to_owned(),
        state: match (resource, action) {
            ("metric_alert", "critical" | "warning") | ("event_alert", _) => State::Firing,
            ("issue", "created" | "unresolved") => State::Firing,
            ("metric_alert" | "issue", "resolved") => State::Ok,
            _ => State::Info,
        },
        severity: Severity::of(level),
        source: payload.first(&PLACES).to_owned(),
        actor: payload.text("/actor/name").to_owned(),
        url: payload.first(&URLS).to_owned(),
        at: payload.time("/data/event/datetime"),
        delivery: payload.id("request-id"),
        says,
        ..Signal::default()
    }
}

fn metric_alert(payload: &Payload<'_>, action: &str) -> Option<String> {
    let lines = payload.text("/data/description_text").trim().lines();
    let is_told = matches!(action, "critical" | "warning" | "resolved");
    is_told.then(|| {
        let count = lines.clone().count();
        format!("**{}** {}{}", action.to_uppercase(), thing(payload), items(lines, count))
    })
}

fn event_alert(payload: &Payload<'_>) -> String {
    let level = Some(safe(&payload.text("/data/event/level").to_uppercase())).filter(|level| !level.is_empty());
    let rule = Some(payload.safe("/data/triggered_rule")).filter(|rule| !rule.is_empty());
    let rule = rule.map(|rule| format!("\n- rule: {rule}")).unwrap_or_default();
    format!("**{}** {}{rule}", level.as_deref().unwrap_or("ALERT"), thing(payload))
}

fn issue(payload: &Payload<'_>, action: &str) -> Option<String> {
    let what = match action {
        "created" => "NEW",
        "resolved" => "RESOLVED",
        "unresolved" => "UNRESOLVED",
        _ => return None,
    };
    let is_person = payload.text("/actor/type") == "user";
    let by = if is_person { format!(" by {}:", payload.safe("/actor/name")) } else { String::new() };
    Some(format!("**{what}**{by} {}", thing(payload)))
}

/// What it is about: the project, the name, where in the code, and the link.
fn thing(payload: &Payload<'_>) -> String {
    let place = [payload.first(&PLACES), payload.text("/data/issue/shortId")].map(safe).join(" ");
    let place = if place.trim().is_empty() { String::new() } else { format!("{}: ", place.trim()) };
    let culprit = safe(payload.first(&["/data/event/culprit", "/data/issue/culprit"]));
    let culprit = if culprit.is_empty() { culprit } else { format!(" in {culprit}") };
    format!("{place}{}{culprit} {}", safe(payload.first(&TITLES)), link(payload.first(&URLS)))
}
