//! `statuspage`: what a status page posts to its subscribers. It signs nothing.

use super::payload::{Payload, Preset, Proof, Severity, Signal, State, link, safe, with_detail};

pub(super) const PRESET: Preset = Preset {
    name: "statuspage",
    signature: None,
    proof: Proof::Path,
    setup: include_str!("setup/statuspage.txt"),
    hidden: &[],
    read,
};

fn read(payload: &Payload<'_>) -> Signal {
    let signal = if payload.body["incident"].is_object() { incident(payload) } else { component(payload) };
    Signal { source: payload.text("/page/id").to_owned(), ..signal }
}

fn incident(payload: &Payload<'_>) -> Signal {
    let (status, update) = (payload.text("/incident/status"), payload.text("/incident/incident_updates/0/id"));
    Signal {
        event: format!("incident.{status}"),
        key: payload.text("/incident/id").to_owned(),
        title: payload.text("/incident/name").to_owned(),
        state: match status {
            "investigating" | "identified" | "monitoring" => State::Firing,
            "resolved" | "postmortem" | "completed" => State::Ok,
            _ => State::Info,
        },
        severity: Severity::of(payload.text("/incident/impact")),
        url: payload.text("/incident/shortlink").to_owned(),
        at: payload.time("/incident/incident_updates/0/created_at"),
        delivery: (!update.is_empty()).then(|| update.to_owned()),
        says: (!status.is_empty()).then(|| {
            let impact = match payload.safe("/incident/impact") {
                impact if impact.is_empty() || impact == "none" => String::new(),
                impact => format!(", impact {impact}"),
            };
            let (status, name) = (words(status), payload.safe("/incident/name"));
            let line = format!("**{status}** {name}{impact} {}", link(payload.text("/incident/shortlink")));
            with_detail(&line, &payload.safe("/incident/incident_updates/0/body"))
        }),
        ..Signal::default()
    }
}

/// A component whose status changes. Only an outage, and its end, is told.
fn component(payload: &Payload<'_>) -> Signal {
    let [old, new] = ["old_status", "new_status"].map(|name| payload.text(&format!("/component_update/{name}")));
    let is_out = |status: &str| matches!(status, "degraded_performance" | "partial_outage" | "major_outage");
    let update = payload.number("/component_update/id");
    let name = payload.safe("/component/name");
    Signal {
        event: if new.is_empty() { String::new() } else { format!("component.{new}") },
        key: payload.text("/component/id").to_owned(),
        title: payload.text("/component/name").to_owned(),
        state: match new {
            "operational" => State::Ok,
            status if is_out(status) => State::Firing,
            _ => State::Info,
        },
        severity: match new {
            "major_outage" => Severity::Critical,
            "partial_outage" => Severity::Error,
            "degraded_performance" => Severity::Warning,
            _ => Severity::None,
        },
        at: payload.time("/component_update/created_at"),
        delivery: (!update.is_empty()).then_some(update),
        says: (is_out(new) || (is_out(old) && new == "operational"))
            .then(|| format!("**{}** {name}, was {}", words(new), words(old).to_ascii_lowercase())),
        ..Signal::default()
    }
}

/// A status as a message shows it.
fn words(status: &str) -> String {
    safe(&status.replace('_', " ").to_ascii_uppercase())
}
