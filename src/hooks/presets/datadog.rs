//! `datadog`: monitors, as Datadog's webhooks post them, with a payload of these fields: `{title, body,
//! type, transition, priority, scopes, tags, url, id, monitor_id, date}`. It signs nothing.

use super::payload::{Payload, Preset, Proof, Severity, Signal, State, link, safe, with_detail};

pub(super) const PRESET: Preset = Preset {
    name: "datadog",
    signature: None,
    proof: Proof::Bearer,
    setup: include_str!("setup/datadog.txt"),
    hidden: &[],
    read,
};

fn read(payload: &Payload<'_>) -> Signal {
    let transition = payload.text("/transition");
    let state = match transition {
        "Triggered" | "Re-Triggered" | "No Data" | "Re-No Data" | "Warn" | "Re-Warn" => State::Firing,
        "Recovered" => State::Ok,
        _ => State::Info,
    };
    let [monitor, scopes, id, date] = ["/monitor_id", "/scopes", "/id", "/date"].map(|place| payload.number(place));
    Signal {
        event: transition.to_owned(),
        key: if monitor.is_empty() { monitor } else { format!("{monitor} {scopes}").trim_end().to_owned() },
        title: payload.text("/title").to_owned(),
        state,
        severity: Severity::of(payload.text("/priority")),
        url: payload.text("/url").to_owned(),
        at: payload.time("/date"),
        delivery: (!id.is_empty()).then(|| format!("{id} {transition} {date}")),
        says: (state != State::Info).then(|| says(payload, transition, &scopes)),
        source: scopes,
        ..Signal::default()
    }
}

fn says(payload: &Payload<'_>, transition: &str, scopes: &str) -> String {
    let details = [payload.safe("/priority"), safe(scopes)];
    let details: String = details.iter().filter(|part| !part.is_empty()).map(|part| format!(", {part}")).collect();
    // The title of a monitor usually begins with its transition.
    let title = payload.safe("/title");
    let head = if payload.text("/title").contains(transition) && !title.is_empty() {
        format!("**{title}**")
    } else {
        format!("**{}** {title}", safe(transition))
    };
    let line = format!("{head}{details} {}", link(payload.text("/url")));
    // `%%%` stands around what Datadog is to read as markdown.
    let mut lines = payload.text("/body").lines().map(str::trim);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with("%%%"));
    with_detail(&line, &safe(first.unwrap_or_default()))
}
