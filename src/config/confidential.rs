//! Everything in the settings that nobody may read: whatever others send is told on without it.

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::Config;

/// All secrets of these settings, whatever file they came from.
pub(super) fn of(config: &Config) -> Vec<SecretString> {
    let Config { webex, webhook, cards, audit, store, .. } = config;
    let alone = [&webex.token, &webhook.secret, &cards.secret, &audit.key, &audit.old_key];
    let mut secrets: Vec<_> = alone.into_iter().flatten().chain(&cards.previous_secrets).cloned().collect();
    let addresses = [Url::parse(store.url.expose_secret()).ok(), Some(webex.api_url.clone())];
    for password in addresses.iter().flatten().filter_map(Url::password) {
        // As it is written there, and as it is sent.
        let written = format!("http://x/?{}", password.replace('+', "%2B"));
        let sent = Url::parse(&written).ok().and_then(|url| Some(url.query_pairs().next()?.0.into_owned()));
        secrets.extend(sent.into_iter().chain([password.to_owned()]).map(SecretString::from));
    }
    secrets
}
