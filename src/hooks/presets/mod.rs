//! What is known of the systems that post: how each signs, and what its payloads mean. One more is:
//!
//! - a file here with one [`Preset`], with its `mod` and a line in [`ALL`]: the compiler complains of one without the other;
//! - `setup/NAME.txt`, which says what is to be set at the sender, and `samples/NAME.json`, some of its payloads;
//! - its name in `bot.toml`, which a test compares with [`ALL`].
//!
//! `UPDATE_SAMPLES=1 cargo test --lib hooks` writes what is made of these: `samples/NAME.md` and
//! `samples/NAME.setup.txt`.

mod alertmanager;
mod argocd;
mod azure_devops;
mod bitbucket;
mod cloudevents;
mod datadog;
mod generic;
mod github;
mod gitlab;
mod grafana;
mod jenkins;
mod pagerduty;
mod payload;
mod sentry;
mod standard_webhooks;
mod statuspage;
mod uptime_kuma;
mod zabbix;

use serde_json::Value;

pub(super) use payload::{Part, Preset, Proof, Signal, State, safe};

/// Reads a part of a delivery. None if it is not what the preset knows.
pub(super) type ReadPart = fn(&Value) -> Option<Part>;

/// Every preset.
pub(super) const ALL: &[&Preset] = &[
    &generic::PRESET,
    &alertmanager::PRESET,
    &argocd::PRESET,
    &azure_devops::PRESET,
    &bitbucket::PRESET,
    &cloudevents::PRESET,
    &datadog::PRESET,
    &github::PRESET,
    &gitlab::PRESET,
    &grafana::PRESET,
    &jenkins::PRESET,
    &pagerduty::PRESET,
    &sentry::PRESET,
    &standard_webhooks::PRESET,
    &statuspage::PRESET,
    &uptime_kuma::PRESET,
    &zabbix::PRESET,
];

/// The name of the preset of which nothing is known.
pub(super) const GENERIC: &str = generic::PRESET.name;
/// The content type of one event of a batch.
pub(super) const EVENT: &str = cloudevents::EVENT;

impl Preset {
    /// The events of a delivery, if it is a batch of them.
    pub(super) fn batch<'a>(
        &self,
        content_type: Option<&str>,
        body: &'a Value,
    ) -> Option<Result<&'a [Value], &'static str>> {
        cloudevents::batch(content_type, body).filter(|_| self.is_cloudevents())
    }

    /// How it reads a part of its own list. None if it knows nothing of parts.
    pub(super) fn part(&self) -> Option<ReadPart> {
        let known: [(&Preset, ReadPart); 2] =
            [(&alertmanager::PRESET, alertmanager::part), (&grafana::PRESET, grafana::part)];
        known.into_iter().find(|(preset, _)| preset.name == self.name).map(|(_, read)| read)
    }

    /// Whether its senders are those of CloudEvents, who may also show their token in the query.
    pub(super) fn is_cloudevents(&self) -> bool {
        self.name == cloudevents::PRESET.name
    }
}

/// The preset with this name.
///
/// # Errors
/// There is none; the error lists those that there are.
pub(super) fn named(name: &str) -> Result<&'static Preset, String> {
    ALL.iter().copied().find(|preset| preset.name == name).ok_or_else(|| {
        let names: Vec<_> = ALL.iter().map(|preset| preset.name).collect();
        format!("preset: there is none of this name; there are {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests;
