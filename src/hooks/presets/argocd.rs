//! `argocd`: applications, as Argo CD's notifications post them, with a template of these fields:
//! `{app, project, status, health, revision, message, url, trigger}`. It signs nothing.

use super::payload::{Payload, Preset, Proof, Signal, State, link, safe, with_detail};

pub(super) const PRESET: Preset = Preset {
    name: "argocd",
    signature: None,
    proof: Proof::Bearer,
    setup: include_str!("setup/argocd.txt"),
    hidden: &[],
    read,
};

fn read(payload: &Payload<'_>) -> Signal {
    let state = state(payload);
    Signal {
        event: payload.text("/trigger").to_owned(),
        key: payload.text("/app").to_owned(),
        title: payload.text("/app").to_owned(),
        state,
        source: payload.text("/project").to_owned(),
        url: payload.text("/url").to_owned(),
        says: (state != State::Info && !payload.text("/app").is_empty()).then(|| says(payload, state)),
        ..Signal::default()
    }
}

/// A trigger says it best. Without one, a failure counts more than health.
fn state(payload: &Payload<'_>) -> State {
    match payload.text("/trigger") {
        "on-sync-failed" | "on-health-degraded" | "on-sync-status-unknown" => return State::Firing,
        "on-deployed" => return State::Ok,
        // Whether it runs well is told when it is deployed.
        "on-created" | "on-deleted" | "on-sync-running" | "on-sync-succeeded" => return State::Info,
        _ => {}
    }
    match (payload.text("/status"), payload.text("/health")) {
        ("Failed" | "Error" | "Unknown", _) | (_, "Degraded") => State::Firing,
        ("Synced" | "Succeeded", "Healthy") => State::Ok,
        _ => State::Info,
    }
}

fn says(payload: &Payload<'_>, state: State) -> String {
    let words = ["/status", "/health", "/trigger"].map(|place| payload.safe(place));
    let words: Vec<_> = words.into_iter().filter(|word| !word.is_empty()).collect();
    let project = match payload.safe("/project") {
        project if project.is_empty() => project,
        project => format!(" in {project}"),
    };
    let revision: String = payload.text("/revision").chars().take(12).collect();
    let at = if revision.is_empty() { String::new() } else { format!(" at {}", safe(&revision)) };
    let head = if state == State::Firing { "**FAILED**" } else { "**OK**" };
    let line =
        format!("{head} {}{project}: {}{at} {}", payload.safe("/app"), words.join(", "), link(payload.text("/url")));
    with_detail(&line, &payload.safe("/message"))
}
