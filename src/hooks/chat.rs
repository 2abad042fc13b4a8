//! What a hook that was made from the chat is like, in the words of the settings. Its secret is derived when it is
//! needed.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use uuid::Uuid;

use super::presets::{self, Preset, Proof};
use crate::config;
use crate::signature::{DerivedForm, KeyForm, SecretKey};
use crate::store::ChatHook;

/// What is told of a sender of which nothing is known, since a hook from the chat has no rules of its own.
const GENERIC: &str = "{{ text or message or title or 'A delivery without a text, message or title.' }}";

/// The name of the user that a sender gives together with the secret.
pub(super) const USER: &str = "switchboard";

/// The hook with the secret of this salt. What the chat cannot set is as the settings have it by default.
///
/// # Errors
/// This version does not know its preset.
pub(super) fn settings(row: &ChatHook, salt: Uuid, key: &SecretKey) -> Result<config::Hook, String> {
    let preset = presets::named(&row.preset)?;
    let secret = key.derive(salt, form(preset)).ok_or("no secret can be derived for it")?;
    with_secret(&row.name, preset, &row.to, &secret)
}

/// A hook with this secret.
pub(super) fn with_secret(
    name: &str,
    preset: &Preset,
    to: &str,
    secret: &SecretString,
) -> Result<config::Hook, String> {
    let secret = secret.expose_secret();
    let mut hook = json!({"name": name, "preset": preset.name, "to": to});
    let (of, proof) = proof(preset, secret);
    hook[of] = proof;
    if preset.name == presets::GENERIC {
        hook["rule"] = json!([{"template": GENERIC}]);
    }
    serde_json::from_value(hook).map_err(|_| "it does not fit the settings of a hook".to_owned())
}

fn proof(preset: &Preset, secret: &str) -> (&'static str, Value) {
    match preset.proof {
        Proof::Signature => ("signature", json!({"secrets": [secret]})),
        Proof::Bearer => ("auth", json!({"bearer": secret})),
        Proof::Basic => ("auth", json!({"basic": format!("{USER}:{secret}")})),
        Proof::Header(name) => ("auth", json!({"header": {"name": name, "value": secret}})),
        Proof::Path => ("auth", json!({"url_token": secret})),
    }
}

/// How the secret of such a hook is written.
pub(super) fn form(preset: &Preset) -> DerivedForm {
    let is_whsec = |form: fn() -> crate::signature::SignatureForm| matches!(form().key, KeyForm::Whsec);
    match preset.proof {
        Proof::Signature if preset.signature.is_some_and(is_whsec) => DerivedForm::Whsec,
        Proof::Signature | Proof::Bearer | Proof::Basic | Proof::Header(_) | Proof::Path => DerivedForm::Hex,
    }
}
