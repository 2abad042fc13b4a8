//! Everything in the settings that nobody may read: whatever others send is told on without it.

use secrecy::ExposeSecret;
use url::Url;

use super::Config;
use crate::redact::Redactor;

/// What takes all secrets of these settings out of foreign text.
pub(super) fn redactor(config: &Config) -> Redactor {
    let Config { webex, webhook, cards, audit, store, .. } = config;
    let alone = [&webhook.secret, &cards.secret, &audit.key, &audit.old_key];
    let secrets = alone.into_iter().flatten().chain(&cards.previous_secrets);
    let mut redactor =
        secrets.fold(Redactor::default(), |known, secret| known.with(secret.expose_secret(), "[secret]"));
    if let Some(token) = &webex.token {
        redactor = redactor.with(token.expose_secret(), "[token]");
    }
    let addresses = [Url::parse(store.url.expose_secret()).ok(), Some(webex.api_url.clone())];
    for password in addresses.iter().flatten().filter_map(Url::password) {
        // As it is written there, and as it is sent.
        let sent = format!("http://x/?{}", password.replace('+', "%2B"));
        let sent = Url::parse(&sent).ok().and_then(|url| Some(url.query_pairs().next()?.0.into_owned()));
        redactor = redactor.with(password, "[secret]").with(&sent.unwrap_or_default(), "[secret]");
    }
    redactor
}
