//! `grafana`: groups of alerts that Grafana posts, in the shape of Alertmanager's with more in it. If Grafana signs a
//! time too, the settings of the hook say so with `signed = "{timestamp}:{body}"` and `timestamp`.

use serde_json::Value;

use super::alertmanager::{Details, alert, group};
use super::payload::{Part, Payload, Preset, Proof, Signal, link, safe, text};
use crate::signature::SignatureForm;

pub(super) const PRESET: Preset = Preset {
    name: "grafana",
    signature: Some(signature),
    proof: Proof::Bearer,
    setup: include_str!("setup/grafana.txt"),
    hidden: &[],
    read,
};

/// The most values of an alert that are shown.
const MOST_VALUES: usize = 3;

fn signature() -> SignatureForm {
    SignatureForm { header: "x-grafana-alerting-signature".to_owned(), ..SignatureForm::default() }
}

const DETAILS: Details =
    Details { links: &["/panelURL", "/dashboardURL", "/annotations/runbook_url", "/generatorURL"], values };

fn read(payload: &Payload<'_>) -> Signal {
    Signal { picture: picture(payload), ..group(payload, &DETAILS) }
}

/// The picture of the first alert that fires and has one. Grafana makes them if an image store is set up.
fn picture(payload: &Payload<'_>) -> Option<String> {
    let mut firing = payload.list("/alerts").iter().filter(|alert| text(alert, "/status") == "firing");
    let address = firing.find_map(|alert| Some(text(alert, "/imageURL")).filter(|address| !link(address).is_empty()));
    address.map(str::to_owned)
}

/// Reads one alert of a group.
pub(super) fn part(value: &Value) -> Option<Part> {
    alert(value, &DETAILS)
}

/// The numbers that the rule's queries gave.
fn values(alert: &Value) -> String {
    let values = alert["values"].as_object().into_iter().flatten();
    let numbers = values.filter_map(|(name, value)| Some((name, value.as_number()?))).take(MOST_VALUES);
    numbers.map(|(name, number)| format!(", {}={number}", safe(name))).collect()
}
