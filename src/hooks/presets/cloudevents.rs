//! `cloudevents`: events with the attributes of CloudEvents, either beside the data in the body (structured) or in
//! headers (binary). Of a batch, each item comes here alone. It signs nothing.

use std::borrow::Cow;

use serde_json::Value;

use super::payload::{Payload, Preset, Proof, Signal, safe, timestamp};

/// The content types of a batch, and of one event with its attributes.
const BATCH: &str = "application/cloudevents-batch+json";
pub(super) const EVENT: &str = "application/cloudevents+json";

pub(super) const PRESET: Preset = Preset {
    name: "cloudevents",
    signature: None,
    proof: Proof::Bearer,
    setup: include_str!("setup/cloudevents.txt"),
    hidden: &[],
    read,
};

fn read(payload: &Payload<'_>) -> Signal {
    let attributes = ["type", "source", "subject", "id", "time"].map(|name| attribute(payload, name));
    let [kind, source, subject, id, time] = attributes.each_ref().map(|attribute| &**attribute);
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
fn attribute<'a>(payload: &'a Payload<'_>, name: &str) -> Cow<'a, str> {
    let is_binary = !payload.header("ce-specversion").is_empty();
    let is_structured = !payload.text("/specversion").is_empty();
    let says_so = payload.header("content-type").trim_start().starts_with("application/cloudevents");
    match (is_structured && (says_so || !is_binary), is_binary) {
        (true, _) => payload.text(&format!("/{name}")).into(),
        (false, true) => decode(payload.header(&format!("ce-{name}"))).into(),
        (false, false) => "".into(),
    }
}

/// The value of a header, in which what is not plain ASCII is written as `%` and two digits.
fn decode(value: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), value.trim_matches('"').as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| *first == b'%').and_then(|digits| hex::decode(digits).ok());
        bytes.push(digits.as_ref().map_or(*first, |byte| byte[0]));
        rest = if digits.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The events of a batch. None if this is no batch.
///
/// # Errors
/// It is no list of events.
pub(super) fn batch<'a>(content_type: Option<&str>, body: &'a Value) -> Option<Result<&'a [Value], &'static str>> {
    let kind = content_type?.trim_start();
    kind.get(..BATCH.len()).filter(|kind| kind.eq_ignore_ascii_case(BATCH))?;
    let events = body.as_array().filter(|events| events.iter().all(Value::is_object));
    Some(events.map(Vec::as_slice).ok_or("a batch is a list of events"))
}
