//! The checks of all sections, and what several of them decide together.

use secrecy::SecretString;

use super::check::{Check, ConfigError, not_blank};
use super::webex::MISSING_TOKEN;
use super::webhook::MISSING_SECRET;
use super::{Config, Mode, api_key, command, hook};

/// The values that are wrong for every verb: the key of each, and what is wrong with it.
pub(super) fn always(config: &Config) -> Vec<(String, String)> {
    let Config { webex, delivery, webhook, polling, websocket, server, admin, store, instance, worker, .. } = config;
    let Config { files, sources, cards, conversations, access, audit, pairing, flood, hooks, log, .. } = config;
    let mut check = Check::default();
    webex.check(&mut check);
    delivery.check(&mut check);
    webhook.check(&mut check);
    polling.check(&mut check);
    websocket.check(&mut check);
    server.check(&mut check);
    admin.check(server.listen, &mut check);
    store.check(&mut check);
    instance.check(&mut check);
    worker.check(&mut check);
    files.check(&mut check);
    sources.check(&mut check);
    cards.check(&mut check);
    conversations.check(&mut check);
    access.check(&mut check);
    audit.check(&mut check);
    pairing.check(&mut check);
    flood.check(&mut check);
    command::check(&config.command, access, &mut check);
    hook::check(&config.hook, webex.room_id.is_some(), &mut check);
    hooks.check(&mut check);
    api_key::check(&config.api_key, webex.room_id.is_some(), &mut check);
    log.check(&mut check);
    check.wrong
}

/// The settings that the daemon needs and that are missing: the key of each, and a sentence.
pub(super) fn missing(config: &Config) -> Vec<(&'static str, &'static str)> {
    let mut missing = Vec::new();
    if not_blank(config.webex.token.as_ref()).is_none() {
        missing.push(("webex.token", MISSING_TOKEN));
    }
    match config.delivery.mode {
        Mode::Polling | Mode::Websocket => {}
        Mode::Webhook | Mode::Both => {
            if not_blank(config.webhook.secret.as_ref()).is_none() {
                missing.push(("webhook.secret", MISSING_SECRET));
            }
        }
    }
    missing
}

impl Config {
    /// Checks that everything `run` needs is set.
    ///
    /// # Errors
    /// Names each key that is missing and the ways to give it.
    pub fn require_run(&self) -> Result<(), ConfigError> {
        let ours = missing(self).into_iter().map(|(_, says)| says.to_owned());
        let missing: Vec<_> = ours.chain(self.lacking.iter().cloned()).collect();
        if missing.is_empty() { Ok(()) } else { Err(ConfigError(missing)) }
    }

    /// The bot token, for the verbs that need nothing else.
    ///
    /// # Errors
    /// The token is missing. The error names the ways to give it.
    pub fn token(&self) -> Result<&SecretString, ConfigError> {
        not_blank(self.webex.token.as_ref()).ok_or_else(|| ConfigError::one(MISSING_TOKEN))
    }

    /// What the secrets of hooks that are made from the chat are derived from.
    ///
    /// # Errors
    /// Neither `hooks.secret` nor the bot's token is set.
    pub fn hook_secret(&self) -> Result<&SecretString, ConfigError> {
        not_blank(self.hooks.secret.as_ref()).map_or_else(|| self.token(), Ok)
    }
}
