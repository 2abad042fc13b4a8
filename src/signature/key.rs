//! The keys that other systems sign with, as the settings write them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use subtle::ConstantTimeEq;

use super::named::Named;
use super::public_key::PublicKey;

/// What makes a signature of a key and a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC-SHA-1, of old senders.
    Sha1,
    /// HMAC-SHA-256.
    #[default]
    Sha256,
    /// HMAC-SHA-512.
    Sha512,
    /// A private key whose public one is known here.
    Ed25519,
}

/// How a secret is written, of which the key is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyForm {
    /// The bytes of the text are the key.
    #[default]
    Text,
    /// Hexadecimal digits.
    Hex,
    /// Base64 with padding.
    Base64,
    /// `whsec_` and base64, as Standard Webhooks has it; or `whpk_` and base64, which is a public key of ed25519.
    Whsec,
}

impl Named for Algorithm {
    const ALL: &'static [Algorithm] = &[Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512, Algorithm::Ed25519];

    fn name(self) -> &'static str {
        match self {
            Algorithm::Sha1 => "sha1",
            Algorithm::Sha256 => "sha256",
            Algorithm::Sha512 => "sha512",
            Algorithm::Ed25519 => "ed25519",
        }
    }
}

impl Named for KeyForm {
    const ALL: &'static [KeyForm] = &[KeyForm::Text, KeyForm::Hex, KeyForm::Base64, KeyForm::Whsec];

    fn name(self) -> &'static str {
        match self {
            KeyForm::Text => "text",
            KeyForm::Hex => "hex",
            KeyForm::Base64 => "base64",
            KeyForm::Whsec => "whsec",
        }
    }
}

/// A key to check signatures with.
#[derive(Clone)]
pub(super) enum Key {
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
    Sha512(Hmac<Sha512>),
    Ed25519(PublicKey),
}

impl Key {
    /// # Errors
    /// A sentence that says what is wrong with the secret, and does not contain it.
    pub fn new(algorithm: Algorithm, form: KeyForm, secret: &SecretString) -> Result<Key, String> {
        let text = secret.expose_secret();
        let (is_public, bytes) = match form {
            KeyForm::Text => (false, text.as_bytes().to_vec()),
            KeyForm::Hex => {
                (false, hex::decode(text).map_err(|_| "a secret is not hexadecimal, which key = \"hex\" says it is")?)
            }
            KeyForm::Base64 => {
                (false, STANDARD.decode(text).map_err(|_| "a secret is not base64, which key = \"base64\" says it is")?)
            }
            KeyForm::Whsec => whsec(text)?,
        };
        if bytes.is_empty() {
            return Err("a secret is empty; give the one that the sender has".to_owned());
        }
        let odd = |_| "a secret cannot be the key of an HMAC".to_owned();
        Ok(match algorithm {
            _ if is_public => Key::Ed25519(PublicKey::ed25519(&bytes)?),
            Algorithm::Ed25519 if matches!(form, KeyForm::Hex | KeyForm::Base64) => {
                Key::Ed25519(PublicKey::ed25519(&bytes)?)
            }
            Algorithm::Ed25519 => {
                return Err(
                    "the public key of ed25519 is in hex or base64, and key says which; or it is whpk_".to_owned()
                );
            }
            Algorithm::Sha1 => Key::Sha1(Hmac::new_from_slice(&bytes).map_err(odd)?),
            Algorithm::Sha256 => Key::Sha256(Hmac::new_from_slice(&bytes).map_err(odd)?),
            Algorithm::Sha512 => Key::Sha512(Hmac::new_from_slice(&bytes).map_err(odd)?),
        })
    }

    /// Whether one of these is its signature of the parts. Compares in constant time.
    pub fn has_signed(&self, parts: &[&[u8]], claimed: &[Vec<u8>]) -> bool {
        if let Key::Ed25519(key) = self {
            let message = parts.concat();
            return claimed.iter().any(|claimed| key.has_signed(&message, claimed));
        }
        let Some(ours) = self.sign(parts) else { return false };
        claimed.iter().fold(false, |is_right, claimed| is_right | bool::from(ours.ct_eq(claimed)))
    }

    /// Its signature of the parts. None if only somebody else can sign.
    pub fn sign(&self, parts: &[&[u8]]) -> Option<Vec<u8>> {
        match self {
            Key::Sha1(key) => Some(signed(key.clone(), parts)),
            Key::Sha256(key) => Some(signed(key.clone(), parts)),
            Key::Sha512(key) => Some(signed(key.clone(), parts)),
            Key::Ed25519(_) => None,
        }
    }

    /// How many bytes its signatures have.
    pub fn length(&self) -> usize {
        match self {
            Key::Sha1(_) => 20,
            Key::Sha256(_) => 32,
            Key::Sha512(_) | Key::Ed25519(_) => 64,
        }
    }
}

/// The bytes of a key of Standard Webhooks, and whether it is a public one.
fn whsec(text: &str) -> Result<(bool, Vec<u8>), String> {
    if text.starts_with("whsk_") {
        return Err("a secret is a private key, which only the sender has; give the public one, whpk_".to_owned());
    }
    let (is_public, rest) = match text.strip_prefix("whpk_") {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix("whsec_").unwrap_or(text)),
    };
    let odd = |_| "a secret is not whsec_ or whpk_ and base64, which key = \"whsec\" says it is".to_owned();
    Ok((is_public, STANDARD.decode(rest).map_err(odd)?))
}

fn signed<M: Mac>(mut key: M, parts: &[&[u8]]) -> Vec<u8> {
    parts.iter().for_each(|part| key.update(part));
    key.finalize().into_bytes().to_vec()
}
