//! `uptime-kuma`: monitors that go down and come up again. It signs nothing.

use super::payload::{Payload, Preset, Proof, Severity, Signal, State, link, with_detail};

pub(super) const PRESET: Preset = Preset {
    name: "uptime-kuma",
    signature: None,
    proof: Proof::Bearer,
    setup: include_str!("setup/uptime-kuma.txt"),
    hidden: &[],
    read,
};

fn read(payload: &Payload<'_>) -> Signal {
    // A test has no heartbeat, and neither has the warning about a certificate.
    let message = payload.text("/msg");
    if payload.body["heartbeat"].is_null() && message.contains("ertificate") && message.contains(" expire") {
        return Signal {
            event: "certificate".to_owned(),
            title: message.to_owned(),
            state: State::Firing,
            severity: Severity::Warning,
            says: Some(format!("**CERTIFICATE** {}", payload.safe("/msg"))),
            ..Signal::default()
        };
    }
    let (event, state) = match payload.number("/heartbeat/status").as_str() {
        "0" => ("down", State::Firing),
        "1" => ("up", State::Ok),
        "2" => ("pending", State::Info),
        "3" => ("maintenance", State::Info),
        _ => ("", State::Info),
    };
    let (monitor, time) = (payload.number("/monitor/id"), payload.text("/heartbeat/time"));
    // A monitor that is not of the web has an address without a host.
    let is_address = !link(payload.text("/monitor/url")).is_empty();
    Signal {
        event: event.to_owned(),
        delivery: (!monitor.is_empty() && !time.is_empty()).then(|| format!("{monitor} {time}")),
        key: monitor,
        title: payload.text("/monitor/name").to_owned(),
        state,
        url: if is_address { payload.text("/monitor/url").to_owned() } else { String::new() },
        at: payload.time("/heartbeat/time"),
        says: match state {
            State::Firing => Some(says(payload, "DOWN")),
            State::Ok => Some(says(payload, "UP")),
            State::Info => None,
        },
        ..Signal::default()
    }
}

fn says(payload: &Payload<'_>, state: &str) -> String {
    let (name, link) = (payload.safe("/monitor/name"), link(payload.text("/monitor/url")));
    let name = if name.is_empty() { "a monitor without a name" } else { &name };
    with_detail(&format!("**{state}** {name} {link}"), &payload.safe("/heartbeat/msg"))
}
