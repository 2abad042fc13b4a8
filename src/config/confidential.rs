//! All secrets in the settings. They are removed from what others send before it is logged or shown.

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{Config, Hook};

/// The fewest bytes of a URL's query value that is taken for a secret. Shorter ones are words such as `true`.
const SHORTEST_VALUE: usize = 8;

/// All secrets of these settings, whatever file they came from.
pub(super) fn of(config: &Config) -> Vec<SecretString> {
    let Config { webex, webhook, cards, audit, store, hook, hooks, api_key, secrets: named, .. } = config;
    let alone = [&webex.token, &webhook.secret, &cards.secret, &hooks.secret, &audit.key, &audit.old_key];
    let mut secrets: Vec<_> = alone.into_iter().flatten().chain(&cards.previous_secrets).cloned().collect();
    let public_url = webhook.target_url().and_then(|url| Url::parse(url).ok());
    // A webhook's delivery names the URL that it calls, and a query value of that URL may be a secret.
    let values = public_url.iter().flat_map(Url::query_pairs).filter(|(_, value)| value.len() >= SHORTEST_VALUE);
    secrets.extend(values.map(|(_, value)| SecretString::from(value.into_owned())));
    let addresses = [Url::parse(store.url.expose_secret()).ok(), Some(webex.api_url.clone()), public_url];
    for password in addresses.iter().flatten().filter_map(Url::password) {
        // The password as the URL writes it, and decoded as it is sent.
        let written = format!("http://x/?{}", password.replace('+', "%2B"));
        let sent = Url::parse(&written).ok().and_then(|url| Some(url.query_pairs().next()?.0.into_owned()));
        secrets.extend(sent.into_iter().chain([password.to_owned()]).map(SecretString::from));
    }
    secrets.extend(named.all().cloned());
    secrets.extend(api_key.iter().map(|key| key.key.clone()));
    for Hook { auth, signature, .. } in hook {
        secrets.extend(auth.iter().flat_map(|auth| auth.secrets().into_iter().cloned()));
        secrets.extend(signature.iter().flat_map(|signature| signature.secrets.clone()));
    }
    secrets
}
