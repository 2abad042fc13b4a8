//! The secrets that seal the buttons of cards.

use secrecy::{ExposeSecret, SecretString};

use crate::card::Cards;
use crate::config::Config;
use crate::signature::Sealer;
use crate::store::Store;

/// The sealer for the buttons of cards. It uses the secret in the settings, or else the ledger's own; what the ledger's
/// own secret sealed, it always opens. It never uses the webhook's secret: everybody in a space can read a sealed
/// button, and try secrets on it.
pub(super) async fn cards(config: &Config, store: &Store) -> anyhow::Result<Cards> {
    let bytes = |secret: &SecretString| secret.expose_secret().as_bytes().to_vec();
    let set = config.cards.secret.as_ref().map(bytes).filter(|secret| !secret.trim_ascii().is_empty());
    let previous = config.cards.previous_secrets.iter().map(bytes);
    let own = store.own_secret().await?;
    let current = set.unwrap_or_else(|| own.clone());
    let secrets: Vec<_> = [current].into_iter().chain(previous).chain([own]).collect();
    let seal = Sealer::new(secrets.iter().map(Vec::as_slice));
    Ok(Cards::new(seal, config.cards.expire, config.has_buttons()))
}
