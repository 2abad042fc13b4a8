//! `grafana`: groups of alerts that Grafana posts, in the shape of Alertmanager's with more in it. If Grafana signs a
//! time too, the settings of the hook say so with `signed = "{timestamp}:{body}"` and `timestamp`.

use serde_json::Value;

use super::alertmanager::{Details, group};
use super::payload::{Payload, Preset, Proof, Signal, safe};
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

fn read(payload: &Payload<'_>) -> Signal {
    let links = &["/panelURL", "/dashboardURL", "/annotations/runbook_url", "/generatorURL"];
    group(payload, &Details { links, values })
}

/// The numbers that the rule's queries gave.
fn values(alert: &Value) -> String {
    let values = alert["values"].as_object().into_iter().flatten();
    let numbers = values.filter_map(|(name, value)| Some((name, value.as_number()?))).take(MOST_VALUES);
    numbers.map(|(name, number)| format!(", {}={number}", safe(name))).collect()
}
