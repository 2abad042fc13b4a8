//! Secrets that are not stored: each is derived from a key of the settings and a salt, whenever it is needed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use uuid::Uuid;

/// The text by which the key of derived secrets is derived from a setting. So that setting can serve for something else
/// too, and neither use helps to find out the other.
const DERIVED: &[u8] = b"switchboard: the key of derived secrets, 1";

/// How many bytes of a hash tell one key from another.
const MARK_BYTES: usize = 8;

/// Derives secrets. Whoever has only the salts, as from a copy of the ledger, finds out none of them.
#[derive(Clone)]
pub struct SecretKey(Option<Hmac<Sha256>>);

/// How a derived secret is written.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DerivedForm {
    /// 64 hex digits, which fit into a header and into a URL.
    #[default]
    Hex,
    /// `whsec_` and base64 of 32 bytes, as Standard Webhooks has it.
    Whsec,
}

impl SecretKey {
    /// A key made of this setting. HMAC accepts keys of any length. If it ever did not, no secret would be derived.
    pub fn new(setting: &SecretString) -> SecretKey {
        let keyed = Hmac::<Sha256>::new_from_slice(setting.expose_secret().trim().as_bytes()).ok();
        SecretKey(super::hmac(keyed, DERIVED).and_then(|key| Hmac::new_from_slice(&key).ok()))
    }

    /// The secret of this salt.
    pub fn derive(&self, salt: Uuid, form: DerivedForm) -> Option<SecretString> {
        let secret = super::hmac(self.0.clone(), &[b"secret/", &salt.into_bytes()[..]].concat())?;
        Some(SecretString::from(match form {
            DerivedForm::Hex => hex::encode(secret),
            DerivedForm::Whsec => format!("whsec_{}", STANDARD.encode(secret)),
        }))
    }

    /// A text that is another one for another key. It says nothing of the key or the secret.
    pub fn mark(&self, salt: Uuid) -> String {
        let hash = super::hmac(self.0.clone(), &[b"mark/", &salt.into_bytes()[..]].concat()).unwrap_or_default();
        hash.iter().take(MARK_BYTES).map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_depends_on_its_key_and_its_salt_and_the_mark_is_no_part_of_it() {
        let key = |setting: &str| SecretKey::new(&SecretString::from(setting));
        let secret = |setting: &str, salt: u128, form| {
            key(setting).derive(Uuid::from_u128(salt), form).unwrap().expose_secret().to_owned()
        };
        let ours = secret("one", 1, DerivedForm::Hex);
        assert_eq!((ours.len(), &ours), (64, &secret(" one\n", 1, DerivedForm::Hex)));
        assert!(ours != secret("two", 1, DerivedForm::Hex) && ours != secret("one", 2, DerivedForm::Hex));
        let whsec = secret("one", 1, DerivedForm::Whsec);
        assert_eq!(hex::encode(STANDARD.decode(whsec.strip_prefix("whsec_").unwrap()).unwrap()), ours);
        let mark = key("one").mark(Uuid::from_u128(1));
        assert!(mark.len() == 16 && !ours.contains(&mark) && mark != key("two").mark(Uuid::from_u128(1)));
    }
}
