//! `zabbix`: problems, as a media type posts them, with a script that sends these fields: `{event_id, value,
//! update_status, severity, host, trigger, message, url}`. It signs nothing.

use super::payload::{Payload, Preset, Proof, Severity, Signal, State, link, with_detail};

pub(super) const PRESET: Preset = Preset {
    name: "zabbix",
    signature: None,
    proof: Proof::Bearer,
    setup: include_str!("setup/zabbix.txt"),
    hidden: &[],
    read,
};

fn read(payload: &Payload<'_>) -> Signal {
    let (id, value) = (payload.number("/event_id"), payload.number("/value"));
    let is_update = payload.number("/update_status") == "1";
    let (event, state) = match value.as_str() {
        // In a test the macros stay as they are, and there is no value.
        "0" | "1" if is_update => ("update", State::Info),
        "1" => ("problem", State::Firing),
        "0" => ("resolved", State::Ok),
        _ => ("", State::Info),
    };
    Signal {
        event: event.to_owned(),
        title: payload.text("/trigger").to_owned(),
        state,
        severity: Severity::of(payload.text("/severity")),
        source: payload.text("/host").to_owned(),
        url: payload.text("/url").to_owned(),
        // Several updates of one event look alike, and each has to be told.
        delivery: (!id.is_empty() && !event.is_empty() && !is_update).then(|| format!("{id} {event}")),
        key: id,
        says: (!event.is_empty()).then(|| says(payload, event)),
        ..Signal::default()
    }
}

fn says(payload: &Payload<'_>, event: &str) -> String {
    let about = ["/host", "/trigger", "/severity"].map(|place| payload.safe(place));
    let about: Vec<_> = about.into_iter().filter(|part| !part.is_empty()).collect();
    let (event, link) = (event.to_ascii_uppercase(), link(payload.text("/url")));
    let line = format!("**{event}** {} {link}", about.join(", "));
    with_detail(&line, &payload.safe("/message"))
}
