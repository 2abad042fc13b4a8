//! `cloudevents`: events with the attributes of CloudEvents, either beside the data in the body (structured) or in
//! headers (binary). A batch is kept, and nothing is said of it. It signs nothing.

use super::payload::{Payload, Preset, Proof, Signal, safe, timestamp};

pub(super) const PRESET: Preset = Preset {
    name: "cloudevents",
    signature: None,
    proof: Proof::Bearer,
    setup: include_str!("setup/cloudevents.txt"),
    read,
};

fn read(payload: &Payload<'_>) -> Signal {
    let [kind, source, subject, id, time] =
        ["type", "source", "subject", "id", "time"].map(|name| attribute(payload, name));
    let place = |subject: &str| format!("{source} {subject}");
    Signal {
        event: kind.to_owned(),
        key: if subject.is_empty() { String::new() } else { place(subject) },
        title: if subject.is_empty() { kind } else { subject }.to_owned(),
        source: source.to_owned(),
        at: timestamp(time),
        delivery: (!source.is_empty() && !id.is_empty()).then(|| place(id)),
        says: (!safe(kind).is_empty()).then(|| {
            let from = if source.is_empty() { String::new() } else { format!(" from {}", safe(source)) };
            let about = if subject.is_empty() { String::new() } else { format!(": {}", safe(subject)) };
            format!("**{}**{from}{about}", safe(kind))
        }),
        ..Signal::default()
    }
}

/// An attribute of the event. Empty if there is none.
fn attribute<'a>(payload: &'a Payload<'_>, name: &str) -> &'a str {
    let is_binary = !payload.header("ce-specversion").is_empty();
    let is_structured = !payload.text("/specversion").is_empty();
    match (is_binary, is_structured) {
        (true, _) => payload.header(&format!("ce-{name}")),
        (false, true) => payload.text(&format!("/{name}")),
        (false, false) => "",
    }
}
