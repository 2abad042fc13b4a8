//! `pagerduty`: what PagerDuty's webhooks, version 3, post of incidents.

use super::payload::{Payload, Preset, Proof, Severity, Signal, State, link, safe, text};
use crate::signature::{Separator, SignatureForm};

pub(super) const PRESET: Preset = Preset {
    name: "pagerduty",
    signature: Some(signature),
    proof: Proof::Path,
    setup: include_str!("setup/pagerduty.txt"),
    hidden: &[],
    read,
};

fn signature() -> SignatureForm {
    let (header, prefix) = ("x-pagerduty-signature".to_owned(), "v1=".to_owned());
    SignatureForm { header, prefix, separator: Separator::Comma, ..SignatureForm::default() }
}

fn read(payload: &Payload<'_>) -> Signal {
    let event = payload.text("/event/event_type");
    // A note has an id of its own beside that of its incident.
    let incident = payload.first(&["/event/data/incident/id", "/event/data/id"]);
    let priority = Severity::of(payload.text("/event/data/priority/summary"));
    let urgency = Severity::of(payload.text("/event/data/urgency"));
    Signal {
        event: event.to_owned(),
        key: if event.starts_with("incident.") { incident.to_owned() } else { String::new() },
        title: payload.text("/event/data/title").to_owned(),
        state: match payload.text("/event/data/status") {
            "triggered" | "acknowledged" => State::Firing,
            "resolved" => State::Ok,
            _ => State::Info,
        },
        severity: if priority == Severity::None { urgency } else { priority },
        source: payload.text("/event/data/service/summary").to_owned(),
        actor: payload.text("/event/agent/summary").to_owned(),
        url: payload.text("/event/data/html_url").to_owned(),
        at: payload.time("/event/occurred_at"),
        delivery: match payload.text("/event/id") {
            "" => payload.id("x-webhook-id"),
            id => Some(id.to_owned()),
        },
        says: says(payload, event),
        ..Signal::default()
    }
}

/// An incident, and what happened to it.
fn says(payload: &Payload<'_>, event: &str) -> Option<String> {
    let what = match event.strip_prefix("incident.")? {
        "priority_updated" => "NEW PRIORITY".to_owned(),
        what @ ("triggered" | "acknowledged" | "unacknowledged" | "escalated" | "reassigned" | "delegated"
        | "reopened" | "resolved") => what.to_uppercase(),
        _ => return None,
    };
    let bad = ["/event/data/priority/summary", "/event/data/urgency"].map(|place| payload.safe(place));
    let bad = bad.into_iter().find(|bad| !bad.is_empty()).map(|bad| format!(" ({bad})")).unwrap_or_default();
    let by = Some(payload.safe("/event/agent/summary")).filter(|by| !by.is_empty() && event != "incident.triggered");
    let by = by.map(|by| format!(" by {by}")).unwrap_or_default();
    let people = payload.list("/event/data/assignees").iter().map(|person| safe(text(person, "/summary")));
    let people: Vec<_> = people.filter(|person| !person.is_empty()).take(3).collect();
    let people = if people.is_empty() { String::new() } else { format!("\n- assigned to {}", people.join(", ")) };
    let (service, title) = (payload.safe("/event/data/service/summary"), payload.safe("/event/data/title"));
    let (number, url) = (safe(&payload.number("/event/data/number")), link(payload.text("/event/data/html_url")));
    Some(format!("**{what}**{bad}{by}: {service} \\#{number}: {title} {url}{people}"))
}
