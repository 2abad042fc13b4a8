//! JSON Web Tokens (RFC 7519) that senders show: signed by the one algorithm that the settings name, and in their time.
//! The signature is checked first; what the token says of itself is only read after that.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::Sha256;

use super::named::Named;
use super::public_key::{KeyKind, PublicKey};

/// How a token is signed (RFC 7518).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JwtAlgorithm {
    /// HMAC with SHA-256 and a secret.
    Hs256,
    /// RSA with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
}

impl Named for JwtAlgorithm {
    const ALL: &'static [JwtAlgorithm] = &[JwtAlgorithm::Hs256, JwtAlgorithm::Rs256, JwtAlgorithm::Es256];

    fn name(self) -> &'static str {
        match self {
            JwtAlgorithm::Hs256 => "HS256",
            JwtAlgorithm::Rs256 => "RS256",
            JwtAlgorithm::Es256 => "ES256",
        }
    }
}

/// What a sender's tokens have to be.
#[derive(Clone, Debug, Default)]
pub struct JwtForm {
    /// How they are signed. None: as the key has it.
    pub algorithm: Option<JwtAlgorithm>,
    /// For whom they are. None: it does not matter.
    pub aud: Option<String>,
    /// Who made them. None: it does not matter.
    pub iss: Option<String>,
    /// How far the sender's clock may be from ours.
    pub leeway: Duration,
}

/// Checks tokens of one form.
pub struct JwtVerifier {
    form: JwtForm,
    algorithm: JwtAlgorithm,
    keys: Vec<Key>,
}

enum Key {
    Secret(Hmac<Sha256>),
    Public(PublicKey),
}

/// What a token says of how it is made.
#[derive(Deserialize)]
struct Header {
    alg: String,
    /// What a reader has to understand. We understand none of it.
    crit: Option<Value>,
}

#[derive(Deserialize)]
struct Claims {
    exp: f64,
    nbf: Option<f64>,
    aud: Option<Audience>,
    iss: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl JwtVerifier {
    /// A verifier of tokens that one of these secrets signed.
    ///
    /// # Errors
    /// There is none, one is no secret, or the algorithm is one of public keys.
    pub fn with_secrets(form: JwtForm, secrets: &[SecretString]) -> Result<JwtVerifier, String> {
        let algorithm = form.algorithm.unwrap_or(JwtAlgorithm::Hs256);
        if algorithm != JwtAlgorithm::Hs256 {
            return Err(format!("{} needs a public key: give key_file in place of secret", algorithm.name()));
        }
        let key = |secret: &SecretString| {
            let secret = secret.expose_secret();
            if secret.contains("-----BEGIN") {
                return Err("secret is a key in PEM, which everybody may have; give it as key_file".to_owned());
            }
            let key = Hmac::new_from_slice(secret.as_bytes()).ok().filter(|_| !secret.is_empty());
            key.map(Key::Secret).ok_or_else(|| "secret is empty".to_owned())
        };
        JwtVerifier::new(form, algorithm, secrets.iter().map(key).collect::<Result<_, _>>()?)
    }

    /// A verifier of tokens that the private half of one of these keys signed. They are in PEM.
    ///
    /// # Errors
    /// The text has no key, or keys that cannot be used or do not fit the algorithm.
    pub fn with_keys(form: JwtForm, pem: &str) -> Result<JwtVerifier, String> {
        let keys = PublicKey::all_of_pem(pem).map_err(|says| format!("key: {says}"))?;
        let kind = keys[0].kind;
        let algorithm = match kind {
            KeyKind::Rsa => JwtAlgorithm::Rs256,
            KeyKind::P256 => JwtAlgorithm::Es256,
            KeyKind::Ed25519 => return Err("key: a key of ed25519 does not sign tokens here; use P-256".to_owned()),
        };
        if keys.iter().any(|key| key.kind != kind) {
            return Err("key: its keys are of different kinds; keep those of one kind".to_owned());
        }
        if let Some(named) = form.algorithm.filter(|named| *named != algorithm) {
            return Err(format!("key: it is for {}, and algorithm says {}", algorithm.name(), named.name()));
        }
        JwtVerifier::new(form, algorithm, keys.into_iter().map(Key::Public).collect())
    }

    fn new(form: JwtForm, algorithm: JwtAlgorithm, keys: Vec<Key>) -> Result<JwtVerifier, String> {
        if keys.is_empty() {
            return Err("there is no secret".to_owned());
        }
        Ok(JwtVerifier { form, algorithm, keys })
    }

    /// How its tokens are signed.
    pub fn algorithm(&self) -> JwtAlgorithm {
        self.algorithm
    }

    /// A token that it takes from now, in seconds since 1970, and as long as this. None if only somebody else has the
    /// key to sign with.
    pub fn sign(&self, now: i64, lifetime: Duration) -> Option<String> {
        let key = self.keys.iter().find_map(|key| match key {
            Key::Secret(key) => Some(key.clone()),
            Key::Public(_) => None,
        })?;
        let mut claims = json!({"exp": now.saturating_add_unsigned(lifetime.as_secs())});
        for (name, claim) in [("aud", &self.form.aud), ("iss", &self.form.iss)] {
            if let Some(claim) = claim {
                claims[name] = claim.as_str().into();
            }
        }
        let header = json!({"alg": self.algorithm.name(), "typ": "JWT"});
        let signed = format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()));
        let signature = super::hmac(Some(key), signed.as_bytes())?;
        Some(format!("{signed}.{}", BASE64.encode(signature)))
    }

    /// Whether this is such a token, and good at this time in seconds since 1970.
    pub fn is_good(&self, token: &str, now: i64) -> bool {
        self.verify(token, now).is_some()
    }

    fn verify(&self, token: &str, now: i64) -> Option<()> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let signature = BASE64.decode(signature).ok()?;
        let mut is_right = false;
        for key in &self.keys {
            is_right |= key.has_signed(signed.as_bytes(), &signature);
        }
        if !is_right {
            return None;
        }
        let header: Header = serde_json::from_slice(&BASE64.decode(header).ok()?).ok()?;
        let claims: Claims = serde_json::from_slice(&BASE64.decode(claims).ok()?).ok()?;
        let is_ours = header.alg == self.algorithm.name() && header.crit.is_none();
        (is_ours && self.is_in_time(&claims, now) && self.is_for_us(&claims)).then_some(())
    }

    fn is_in_time(&self, claims: &Claims, now: i64) -> bool {
        let (now, leeway) = (now as f64, self.form.leeway.as_secs_f64());
        claims.exp + leeway > now && claims.nbf.is_none_or(|nbf| nbf - leeway <= now)
    }

    fn is_for_us(&self, claims: &Claims) -> bool {
        let is_aud = self.form.aud.as_ref().is_none_or(|ours| match &claims.aud {
            Some(Audience::One(aud)) => aud == ours,
            Some(Audience::Many(all)) => all.contains(ours),
            None => false,
        });
        is_aud && self.form.iss.as_ref().is_none_or(|ours| claims.iss.as_ref() == Some(ours))
    }
}

impl Key {
    fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Key::Secret(key) => key.clone().chain_update(message).verify_slice(signature).is_ok(),
            Key::Public(key) => key.has_signed(message, signature),
        }
    }
}

#[cfg(test)]
mod tests;
