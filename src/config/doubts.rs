//! What works, but hardly as it was meant, as far as the settings alone show it.

use super::validate::{is_webex, short_secrets};
use super::{Config, Mode};

/// Something doubtful, and what to do about it.
#[derive(Clone, Debug)]
pub(crate) struct Doubt {
    pub says: String,
    pub hint: String,
}

impl Doubt {
    pub(crate) fn new(says: impl Into<String>, hint: impl Into<String>) -> Doubt {
        Doubt { says: says.into(), hint: hint.into() }
    }
}

impl Config {
    /// Everything doubtful about the values, and about how they were given.
    pub(crate) fn doubts(&self) -> Vec<Doubt> {
        let mut doubts = self.given.clone();
        for key in short_secrets(self) {
            let says = format!("{key} has fewer than 32 characters and may be guessed");
            doubts.push(Doubt::new(says, "make one with `openssl rand -hex 32`"));
        }
        let api = &self.webex.api_url;
        if !is_webex(api) && api.path().trim_matches('/').is_empty() {
            let says = "webex.api_url has no path, and Webex's own ends in /v1";
            doubts.push(Doubt::new(says, "right if something in between adds it; otherwise write /v1 at its end"));
        }
        if let Some(path) = self.webhook.public_path().filter(|path| *path != self.webhook.path) {
            doubts.push(Doubt::new(
                format!(
                    "webhook.public_url ends in another path than webhook.path: {path}, and not {}",
                    self.webhook.path
                ),
                "right if a proxy in between rewrites it; otherwise make them the same",
            ));
        }
        if self.worker.concurrency == 0 {
            let says = "worker.concurrency is 0: events are received and kept, and nothing is answered here";
            doubts.push(Doubt::new(says, "right if another daemon answers; otherwise leave it out"));
        }
        doubts
    }

    /// Whether Webex is to call us and does not know where; said of the webhooks, as it is about these.
    pub(crate) fn uncalled(&self) -> Option<Doubt> {
        match self.delivery.mode {
            Mode::Webhook | Mode::Both if self.webhook.target_url().is_none() => Some(Doubt::new(
                "webhook.public_url is not set, so no webhooks are registered or looked after",
                "set it to the whole URL that Webex is to call; without it Webex calls only if you registered one",
            )),
            Mode::Webhook | Mode::Both | Mode::Polling | Mode::Websocket => None,
        }
    }
}
