//! What is known of the systems that post: how each signs, and what its payloads mean. A preset is a file with one
//! [`Preset`], and a line in [`ALL`]. Its samples are in `samples/NAME.json`, and what is made of them in
//! `samples/NAME.md`; `UPDATE_SAMPLES=1 cargo test presets` writes the latter.

mod alertmanager;
mod argocd;
mod cloudevents;
mod datadog;
mod generic;
mod github;
mod jenkins;
mod payload;
mod standard_webhooks;
mod statuspage;
mod uptime_kuma;
mod zabbix;

pub(super) use payload::{Preset, Signal};

/// Every preset.
const ALL: [&Preset; 11] = [
    &generic::PRESET,
    &github::PRESET,
    &alertmanager::PRESET,
    &uptime_kuma::PRESET,
    &jenkins::PRESET,
    &argocd::PRESET,
    &statuspage::PRESET,
    &datadog::PRESET,
    &zabbix::PRESET,
    &standard_webhooks::PRESET,
    &cloudevents::PRESET,
];

/// The preset with this name.
///
/// # Errors
/// There is none; the error lists those that there are.
pub(super) fn named(name: &str) -> Result<&'static Preset, String> {
    ALL.into_iter().find(|preset| preset.name == name).ok_or_else(|| {
        let names: Vec<_> = ALL.iter().map(|preset| preset.name).collect();
        format!("preset: there is none of this name; there are {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests;
