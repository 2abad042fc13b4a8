//! Settings that work but are probably not meant, as far as the settings alone show it.

use super::check::{SettingDoubt, is_short};
use super::webex::is_webex;
use super::{ApiKey, Config, Mode};

impl Config {
    /// Every doubt about the values, and about how they were given.
    pub(crate) fn doubts(&self) -> Vec<SettingDoubt> {
        let mut doubts = self.given.clone();
        let signs = matches!(self.delivery.mode, Mode::Webhook | Mode::Both);
        let secrets = [
            ("webhook.secret", self.webhook.secret.as_ref().filter(|_| signs)),
            ("cards.secret", self.cards.secret.as_ref()),
            ("hooks.secret", self.hooks.secret.as_ref()),
            ("audit.key", self.audit.key.as_ref()),
        ];
        for (key, _) in secrets.into_iter().filter(|(_, secret)| is_short(*secret)) {
            let says = format!("{key} has fewer than 32 characters and may be guessed");
            doubts.push(SettingDoubt::new(says, "make one with `openssl rand -hex 32`"));
        }
        let api = &self.webex.api_url;
        if !is_webex(api) && api.path().trim_matches('/').is_empty() {
            let says = "webex.api_url has no path, and Webex's own ends in /v1";
            doubts
                .push(SettingDoubt::new(says, "right if something in between adds it; otherwise write /v1 at its end"));
        }
        if let Some(path) = self.webhook.public_path().filter(|path| *path != self.webhook.path) {
            doubts.push(SettingDoubt::new(
                format!(
                    "webhook.public_url ends in another path than webhook.path: {path}, and not {}",
                    self.webhook.path
                ),
                "right if a proxy in between rewrites it; otherwise make them the same",
            ));
        }
        if self.worker.concurrency == 0 {
            let says = "worker.concurrency is 0: events are received and kept, and nothing is answered here";
            doubts.push(SettingDoubt::new(says, "right if another daemon answers; otherwise leave it out"));
        }
        doubts.extend(self.api_key.iter().filter_map(ApiKey::doubt));
        doubts
    }

    /// The doubt that Webex should call the bot but has no URL for it. `check` reports it with the webhooks.
    pub(crate) fn missing_url(&self) -> Option<SettingDoubt> {
        match self.delivery.mode {
            Mode::Webhook | Mode::Both if self.webhook.target_url().is_none() => Some(SettingDoubt::new(
                "webhook.public_url is not set, so no webhooks are registered or looked after",
                "set it to the whole URL that Webex is to call; without it Webex calls only a webhook that you registered yourself",
            )),
            Mode::Webhook | Mode::Both | Mode::Polling | Mode::Websocket => None,
        }
    }
}
