//! `alertmanager`: groups of alerts that Prometheus' Alertmanager posts. It signs nothing.

use serde_json::Value;

use super::payload::{Payload, Preset, Signal, link, safe, text};
use crate::signature::digest;

pub(super) const PRESET: Preset = Preset { name: "alertmanager", signature: None, read };

/// The most alerts of a group that are listed.
const MOST_ALERTS: usize = 5;

/// The most labels that name a group.
const MOST_LABELS: usize = 5;

/// From the worst to the least bad.
const SEVERITIES: [&str; 4] = ["critical", "error", "warning", "info"];

fn read(payload: &Payload<'_>) -> Signal {
    let group = payload.text("/groupKey");
    let alerts = payload.body["alerts"].as_array().map(Vec::as_slice).unwrap_or_default();
    // What is sent again after repeat_interval has the same alerts in the same states.
    let mut states: Vec<String> = alerts
        .iter()
        .map(|alert| ["/fingerprint", "/status", "/startsAt"].map(|part| text(alert, part)).join(" "))
        .collect();
    states.sort();
    let of = |texts: &[&str]| hex::encode(&digest(texts.join("\n").as_bytes())[..16]);
    Signal {
        event: payload.text("/status").to_owned(),
        key: if group.is_empty() { String::new() } else { of(&[group]) },
        delivery: (!group.is_empty()).then(|| of(&[group, &states.join("\n")])),
        says: (!alerts.is_empty()).then(|| says(payload, alerts)),
    }
}

fn says(payload: &Payload<'_>, alerts: &[Value]) -> String {
    let mut firing: Vec<&Value> = alerts.iter().filter(|alert| text(alert, "/status") == "firing").collect();
    firing.sort_by_key(|alert| rank(alert));
    let name = match payload.safe("/groupLabels/alertname") {
        name if name.is_empty() => payload.safe("/commonLabels/alertname"),
        name => name,
    };
    let head = if firing.is_empty() {
        format!("**RESOLVED** {}", alerts.len())
    } else {
        let critical = firing.iter().filter(|alert| rank(alert) == 0).count();
        let worst = if critical > 0 { format!(" ({critical} critical)") } else { String::new() };
        format!("**FIRING** {}{worst}", firing.len())
    };
    let mut says = format!("{head}: **{name}**{}", labels(&payload.body["groupLabels"]));
    for alert in firing.iter().take(MOST_ALERTS) {
        says.push_str(&format!("\n- {}", line(alert)));
    }
    if firing.len() > MOST_ALERTS {
        says.push_str(&format!("\n- and {} more", firing.len() - MOST_ALERTS));
    }
    match link(payload.text("/externalURL")) {
        link if link.is_empty() => says,
        link => format!("{says}\n\n{link}"),
    }
}

/// An alert: how bad, what it says of itself, since when, and where to read on.
fn line(alert: &Value) -> String {
    let about = ["/annotations/summary", "/annotations/description", "/labels/alertname"];
    let about = about.into_iter().map(|place| text(alert, place)).find(|text| !text.is_empty()).unwrap_or_default();
    let severity = match text(alert, "/labels/severity") {
        "" => String::new(),
        severity => format!("{}: ", safe(severity)),
    };
    let since = match text(alert, "/startsAt").parse::<jiff::Timestamp>() {
        Ok(at) => format!(", since {} UTC", at.strftime("%Y-%m-%d %H:%M")),
        Err(_) => String::new(),
    };
    let place = ["/annotations/runbook_url", "/generatorURL"].into_iter().map(|place| link(text(alert, place)));
    let place = place.into_iter().find(|link| !link.is_empty()).unwrap_or_default();
    format!("{severity}{}{since} {place}", safe(about)).trim_end().to_owned()
}

fn rank(alert: &Value) -> usize {
    let severity = text(alert, "/labels/severity");
    SEVERITIES.iter().position(|known| *known == severity).unwrap_or(SEVERITIES.len())
}

/// The labels of a group besides its name.
fn labels(labels: &Value) -> String {
    let labels = labels.as_object().into_iter().flatten().filter(|(name, _)| *name != "alertname");
    let labels = labels
        .take(MOST_LABELS)
        .map(|(name, value)| format!(", {}={}", safe(name), safe(value.as_str().unwrap_or_default())));
    labels.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn signal(body: &Value) -> Signal {
        PRESET.signal(&Default::default(), body)
    }

    fn group(alerts: Value) -> Value {
        json!({
            "version": "4", "groupKey": "{}:{alertname=\"Slow\"}", "status": "firing", "receiver": "webex",
            "groupLabels": {"alertname": "Slow", "cluster": "eu1"}, "externalURL": "http://alerts.example.org:9093",
            "alerts": alerts,
        })
    }

    fn alert(name: &str, severity: &str, status: &str) -> Value {
        json!({
            "status": status, "labels": {"alertname": "Slow", "severity": severity}, "fingerprint": name,
            "annotations": {"summary": format!("{name} is <b>slow</b>")}, "startsAt": "2026-11-27T09:30:00Z",
            "generatorURL": "http://prometheus.example.org/graph?g0.expr=up",
        })
    }

    #[test]
    fn a_group_is_told_with_its_worst_alerts_first() {
        let body = group(json!([
            alert("a", "warning", "firing"),
            alert("b", "critical", "firing"),
            alert("c", "", "resolved")
        ]));
        let prometheus = "[prometheus.example.org](http://prometheus.example.org/graph?g0.expr=up)";
        assert_eq!(
            signal(&body).says.unwrap(),
            format!(
                "**FIRING** 2 (1 critical): **Slow**, cluster=eu1\n\
                 - critical: b is &lt;b&gt;slow&lt;/b&gt;, since 2026-11-27 09:30 UTC {prometheus}\n\
                 - warning: a is &lt;b&gt;slow&lt;/b&gt;, since 2026-11-27 09:30 UTC {prometheus}\n\n\
                 [alerts.example.org](http://alerts.example.org:9093/)"
            )
        );
        let over = signal(&group(json!([alert("a", "warning", "resolved")])));
        assert!(over.says.unwrap().starts_with("**RESOLVED** 1: **Slow**, cluster=eu1"));
    }

    #[test]
    fn a_group_that_is_sent_again_as_it_was_is_a_repeat_and_one_that_changed_is_not() {
        let delivery = |alerts: Value| signal(&group(alerts)).delivery.unwrap();
        let (a, b) = (alert("a", "info", "firing"), alert("b", "info", "firing"));
        let both = delivery(json!([a, b]));
        assert_eq!(both, delivery(json!([b, a])));
        assert_ne!(both, delivery(json!([a])));
        assert_ne!(both, delivery(json!([a, alert("b", "info", "resolved")])));
        let keys = [json!([a]), json!([b])].map(|alerts| signal(&group(alerts)).key);
        assert_eq!(keys[0], keys[1], "they belong to one thread");
    }
}
