//! `[secrets]`.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde::Deserialize;

/// Secrets by names of the operator's own. In the settings each name leads to a variable (`env:CI_TOKEN`) or to a file
/// (`file:/run/secrets/ci`); here it has the secret itself.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Secrets(BTreeMap<String, SecretString>);

impl Secrets {
    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = &SecretString> {
        self.0.values()
    }
}
