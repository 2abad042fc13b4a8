//! Checks signatures: bytes in, `Verified<Bytes>` out. Also makes the hashes and the seal of the audit, and the seals
//! of buttons. No other room has crypto.
//!
//! Webex signs the exact bytes of a delivery with HMAC-SHA1 and the webhook's secret as the key. The signature is in
//! the header `X-Spark-Signature`, in lower-case hex (Webex's Webhooks Guide). The bytes are hashed as they came:
//! parsing them first and serialising them again would change numbers, escapes and the order of keys.
//!
//! Other systems sign in other ways; a [`Scheme`] says how. Some show a token, which a [`JwtVerifier`] checks.
//!
//! Texts that we send out and that must come back unchanged are sealed with HMAC-SHA-256 and a key of our own. Secrets
//! that we give to other systems are derived from a key and a salt.

mod derived;
mod jwt;
mod key;
mod named;
mod public_key;
mod scheme;
mod shown;

use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};
use subtle::ConstantTimeEq;

pub use derived::{DerivedForm, SecretKey};
pub use jwt::{JwtForm, JwtVerifier};
pub use key::{Algorithm, KeyForm};
pub use named::Named;
pub use scheme::{Encoding, Scheme, Separator, SignatureForm};
pub use shown::shown;

/// The header that Webex documents. No other header, and no prefix in this one, is taken in its place.
pub const HEADER: &str = "x-spark-signature";

/// The header that one of Cisco's samples sends beside it. Nothing here relies on it; the simulator can send it.
pub const NEWER_HEADER: &str = "x-webex-signature";

/// The header by which `check --deep` proves that it sent a delivery, whatever the signature is.
pub const CANARY_HEADER: &str = "x-switchboard-canary";

/// The prefix of the bytes that a canary's proof signs. No delivery of Webex begins with it, so no signature of Webex
/// is such a proof.
const CANARY: &[u8] = b"switchboard: a canary, 1\n";

/// Bytes whose signature was right. Only this module can make such a value, and only such a value can be parsed.
pub struct Verified<T>(T);

impl<T> Verified<T> {
    fn of(value: T) -> Verified<T> {
        Verified(value)
    }

    /// The bytes as they came.
    pub fn get(&self) -> &T {
        &self.0
    }
}

/// The body was not signed with our secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The header is missing.
    #[error("missing")]
    Missing,
    /// The header is there but does not fit the body: wrong secret, changed bytes, or not 40 hex digits.
    #[error("wrong")]
    Wrong,
}

/// Checks and makes signatures with one secret.
#[derive(Clone)]
pub struct Signer(Option<Hmac<Sha1>>);

impl Signer {
    /// A signer with the webhook's secret. HMAC accepts keys of any length. If it ever did not, nothing would verify.
    pub fn new(secret: SecretString) -> Signer {
        Signer(Hmac::new_from_slice(secret.expose_secret().as_bytes()).ok())
    }

    /// Accepts the body only if the header holds its signature. Compares in constant time.
    ///
    /// # Errors
    /// The header was missing or wrong, which is for the log. Answer 401 to both.
    pub fn verify(&self, headers: &HeaderMap, body: Bytes) -> Result<Verified<Bytes>, SignatureError> {
        let mut values = headers.get_all(HEADER).iter();
        let value = match (values.next(), values.next()) {
            (None, _) => return Err(SignatureError::Missing),
            (Some(value), None) => value,
            (Some(_), Some(_)) => return Err(SignatureError::Wrong),
        };
        let mut claimed = [0; 20];
        hex::decode_to_slice(value.as_bytes(), &mut claimed).map_err(|_| SignatureError::Wrong)?;
        let right = self.0.clone().is_some_and(|key| key.chain_update(&body).verify_slice(&claimed).is_ok());
        if right { Ok(Verified(body)) } else { Err(SignatureError::Wrong) }
    }

    /// Whether somebody who has the secret sent exactly this body to test the way in. A stranger cannot make the proof,
    /// nor use it for another body.
    pub fn is_canary(&self, headers: &HeaderMap, body: &[u8]) -> bool {
        let claimed = headers.get(CANARY_HEADER).and_then(|value| hex::decode(value.as_bytes()).ok());
        claimed.is_some_and(|claimed| self.canary(body).is_some_and(|ours| ours.ct_eq(&claimed).into()))
    }

    /// The value of [`CANARY_HEADER`] for a body.
    pub fn prove_canary(&self, body: &[u8]) -> String {
        self.canary(body).map(hex::encode).unwrap_or_default()
    }

    fn canary(&self, body: &[u8]) -> Option<Vec<u8>> {
        hmac(self.0.clone().map(|key| key.chain_update(CANARY)), body)
    }

    /// The header's value for a body, as Webex makes it.
    pub fn sign(&self, body: &[u8]) -> String {
        hmac(self.0.clone(), body).map(hex::encode).unwrap_or_default()
    }
}

/// The value of [`NEWER_HEADER`] for a body.
pub fn newer_signature(secret: &str, body: &[u8]) -> String {
    let sha256 = hmac(Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok(), body).map(hex::encode);
    let sha512 = hmac(Hmac::<Sha512>::new_from_slice(secret.as_bytes()).ok(), body).map(hex::encode);
    format!("SHA-256={}, SHA-512={}", sha256.unwrap_or_default(), sha512.unwrap_or_default())
}

/// Whether these bytes are the secret. The time that this takes depends on neither.
pub fn is_same(secret: &SecretString, shown: &[u8]) -> bool {
    digest(secret.expose_secret().as_bytes()).ct_eq(&digest(shown)).into()
}

/// A SHA-256.
pub type Digest = [u8; 32];

/// SHA-256 of these bytes.
pub fn digest(bytes: &[u8]) -> Digest {
    Sha256::digest(bytes).into()
}

/// Seals the audit, with HMAC-SHA256 and one key.
#[derive(Clone)]
pub struct AuditKey(Option<Hmac<Sha256>>);

impl AuditKey {
    /// A key with `audit.key`. HMAC accepts keys of any length. If it ever did not, nothing would verify.
    pub fn new(key: &SecretString) -> AuditKey {
        AuditKey(Hmac::new_from_slice(key.expose_secret().as_bytes()).ok())
    }

    /// The seal of these bytes.
    pub fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        hmac(self.0.clone(), bytes).unwrap_or_default()
    }

    /// Whether this is the seal of these bytes. Compares in constant time.
    pub fn verify(&self, bytes: &[u8], seal: &[u8]) -> bool {
        hmac(self.0.clone(), bytes).is_some_and(|ours| ours.ct_eq(seal).into())
    }
}

/// Seals texts that go out and must come back unchanged. Everybody can read the content.
#[derive(Clone)]
pub struct Sealer(Vec<Hmac<Sha256>>);

/// The text by which the key of seals is derived from a secret. So one secret can serve for webhooks and for seals, and
/// neither use helps to forge the other.
const SEALS: &[u8] = b"switchboard: the key of seals, 1";

impl Sealer {
    /// A sealer whose first secret seals, and all of whose secrets open. So a secret can be replaced while tokens that
    /// it sealed are still in use.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a [u8]>) -> Sealer {
        let key = |secret| hmac(Hmac::<Sha256>::new_from_slice(secret).ok(), SEALS);
        Sealer(secrets.into_iter().filter_map(|secret| Hmac::new_from_slice(&key(secret)?).ok()).collect())
    }

    /// Seals the content into a token. It opens only with the same `place`, which the token does not contain.
    pub fn seal(&self, place: &str, content: &[u8]) -> String {
        let tag = self.0.first().and_then(|key| sealed(key, place, content)).unwrap_or_default();
        format!("{}.{}", BASE64.encode(content), BASE64.encode(tag))
    }

    /// The content of a token, if one of our secrets sealed it for this place. There is one spelling of each token.
    pub fn open(&self, place: &str, token: &str) -> Option<Verified<Vec<u8>>> {
        let (content, claimed) = token.split_once('.')?;
        let (content, claimed) = (BASE64.decode(content).ok()?, BASE64.decode(claimed).ok()?);
        let is_ours = |key| sealed(key, place, &content).is_some_and(|ours| ours.ct_eq(&claimed).into());
        self.0.iter().any(is_ours).then_some(Verified(content))
    }
}

/// The length of the place goes first, so that nothing can move from the place into the content.
fn sealed(key: &Hmac<Sha256>, place: &str, content: &[u8]) -> Option<Vec<u8>> {
    let length = u64::try_from(place.len()).ok()?.to_be_bytes();
    hmac(Some(key.clone().chain_update(length).chain_update(place)), content)
}

fn hmac<M: Mac>(keyed: Option<M>, body: &[u8]) -> Option<Vec<u8>> {
    Some(keyed?.chain_update(body).finalize().into_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verify(secret: &str, header: &str, body: &'static str) -> Result<(), SignatureError> {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, header.parse().unwrap());
        Signer::new(secret.into()).verify(&headers, Bytes::from_static(body.as_bytes())).map(drop)
    }

    #[test]
    fn known_signatures_verify_in_either_case() {
        for (secret, body, digest) in [
            (
                "s3cret-for-tests",
                r#"{"id":"abc","resource":"messages","event":"created"}"#,
                "4a496fd86e2383a13751a718a6dae70ec2ea0b92",
            ),
            ("s3cret-for-tests", r#"{"name":"café ✓","x":1.0,"y":"a/b"}"#, "4c6678fc1b4b48dc0294ae2154dc8a4998d78661"),
        ] {
            assert_eq!(verify(secret, digest, body), Ok(()));
            assert_eq!(verify(secret, &digest.to_uppercase(), body), Ok(()));
            assert_eq!(Signer::new(secret.into()).sign(body.as_bytes()), digest);
        }
    }

    #[test]
    fn the_newer_header_has_two_digests() {
        let body = r#"{"id":"abc","resource":"messages","event":"created"}"#;
        assert_eq!(
            newer_signature("s3cret-for-tests", body.as_bytes()),
            "SHA-256=f48f5b755484f093946de78254173048462abc370d879c68bc429854800adb07, \
             SHA-512=dbd9541a58780c8d8ddc5bb5a31c3f17391c02ad80fd0eaf0d9f501f87c4ee63ab4cf9a2337b5485370cf44388a2cb93\
             5853faecd670510898dabfa206630c28"
        );
    }

    #[test]
    fn nothing_else_is_taken_for_a_signature() {
        let (body, digest) =
            (r#"{"id":"abc","resource":"messages","event":"created"}"#, "4a496fd86e2383a13751a718a6dae70ec2ea0b92");
        for wrong in [
            "",
            "0",
            &digest[1..],
            &format!("sha1={digest}"),
            &format!("{digest} "),
            &format!("{digest},{digest}"),
            "5a496fd86e2383a13751a718a6dae70ec2ea0b92",
        ] {
            assert_eq!(verify("s3cret-for-tests", wrong, body), Err(SignatureError::Wrong), "{wrong}");
        }
        assert_eq!(verify("another", digest, body), Err(SignatureError::Wrong));
        let none =
            Signer::new("s3cret-for-tests".into()).verify(&HeaderMap::new(), Bytes::from_static(body.as_bytes()));
        assert_eq!(none.map(drop), Err(SignatureError::Missing));
        let mut twice = HeaderMap::new();
        twice.append(HEADER, digest.parse().unwrap());
        twice.append(HEADER, digest.parse().unwrap());
        let twice = Signer::new("s3cret-for-tests".into()).verify(&twice, Bytes::from_static(body.as_bytes()));
        assert_eq!(twice.map(drop), Err(SignatureError::Wrong));
    }

    #[test]
    fn a_seal_opens_in_its_place_with_its_secret_and_as_it_was_made() {
        let seal = |secrets: &[&'static str]| Sealer::new(secrets.iter().map(|secret| secret.as_bytes()));
        let open =
            |seal: &Sealer, place: &str, token: &str| seal.open(place, token).map(|content| content.get().clone());
        let ours = seal(&["one"]);
        let token = ours.seal("here", b"do it");
        assert_eq!(open(&ours, "here", &token).as_deref(), Some(&b"do it"[..]));
        assert_eq!(open(&ours, "there", &token), None);
        assert_eq!(open(&ours, "hered", &ours.seal("here", b"do it")), None);
        assert_eq!(open(&seal(&["two"]), "here", &token), None);
        assert_eq!(
            open(&seal(&["two", "one"]), "here", &token).as_deref(),
            Some(&b"do it"[..]),
            "an earlier secret opens"
        );
        assert_eq!(open(&ours, "here", &seal(&["two", "one"]).seal("here", b"do it")), None, "and does not seal");
        // Without a secret nothing opens, not even what was sealed without one.
        assert_eq!(open(&seal(&[]), "here", &seal(&[]).seal("here", b"do it")), None);
        assert_eq!(open(&ours, "here", &seal(&[]).seal("here", b"do it")), None);
        for (at, _) in token.char_indices() {
            for other in ["A", "z", "-", "_", ".", "=", "+", " ", ""] {
                let changed = format!("{}{other}{}", &token[..at], &token[at + 1..]);
                assert!(changed == token || open(&ours, "here", &changed).is_none(), "{changed}");
                let longer = format!("{}{other}{}", &token[..at], &token[at..]);
                assert!(longer == token || open(&ours, "here", &longer).is_none(), "{longer}");
            }
        }
        // The key of seals is not the webhook's key, and a webhook's signature is no seal.
        let spark = Signer::new("one".into()).sign(b"do it");
        assert_eq!(open(&ours, "here", &format!("{}.{}", BASE64.encode(b"do it"), BASE64.encode(spark))), None);
    }

    #[test]
    fn a_canary_is_proven_for_its_own_body_with_its_own_secret_and_not_by_a_signature() {
        let signer = Signer::new("one".into());
        let is_canary = |proof: &str, body: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(CANARY_HEADER, proof.parse().unwrap());
            signer.is_canary(&headers, body)
        };
        assert!(is_canary(&signer.prove_canary(b"canary"), b"canary"));
        assert!(!is_canary(&signer.prove_canary(b"canary"), b"forged"));
        assert!(!is_canary(&signer.sign(b"canary"), b"canary"));
        assert!(!is_canary(&Signer::new("two".into()).prove_canary(b"canary"), b"canary"));
        assert!(!is_canary("", b"canary") && !signer.is_canary(&HeaderMap::new(), b"canary"));
    }

    #[test]
    fn one_flipped_bit_is_noticed() {
        let signer = Signer::new("s3cret-for-tests".into());
        let body = br#"{"b":1.0,"a":"\u00e9"}"#;
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, signer.sign(body).parse().unwrap());
        assert!(signer.verify(&headers, Bytes::from_static(body)).is_ok());
        for bit in 0..body.len() * 8 {
            let mut changed = body.to_vec();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(signer.verify(&headers, changed.into()).is_err());
        }
    }
}
