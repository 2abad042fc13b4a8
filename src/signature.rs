//! Bytes in, `Verified<Bytes>` out; and the hashes and the seal of the audit. The only crypto of the house.
//!
//! Webex signs the exact bytes of a delivery: lower-case hex of HMAC-SHA1, key = the webhook's secret, in the header
//! `X-Spark-Signature` (Webex's Webhooks Guide). The bytes are hashed as they came; parsing first and serialising
//! again would change numbers, escapes and key order.

use axum::http::HeaderMap;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};
use subtle::ConstantTimeEq;

/// The header that Webex documents. No other header, and no prefix in this one, is taken in its place.
pub const HEADER: &str = "x-spark-signature";

/// The header that one of Cisco's samples sends beside it. Nothing here relies on it; the simulator can send it.
pub const NEWER_HEADER: &str = "x-webex-signature";

/// Bytes whose signature was right. Only this module can make one, and only this can be parsed.
pub struct Verified<T>(T);

impl<T> Verified<T> {
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
    /// There, but not this body's: wrong secret, changed bytes, or not 40 hex digits.
    #[error("wrong")]
    Wrong,
}

/// Checks and makes signatures with one secret.
#[derive(Clone)]
pub struct Signer(Option<Hmac<Sha1>>);

impl Signer {
    /// With the webhook's secret. HMAC takes keys of any length; were that to change, nothing would verify.
    pub fn new(secret: SecretString) -> Signer {
        Signer(Hmac::new_from_slice(secret.expose_secret().as_bytes()).ok())
    }

    /// Takes the body only if the header holds its signature; compares in constant time.
    ///
    /// # Errors
    /// Says whether the header was missing or wrong, for the log; the caller answers 401 to both.
    pub fn verify(&self, headers: &HeaderMap, body: Bytes) -> Result<Verified<Bytes>, SignatureError> {
        let mut values = headers.get_all(HEADER).iter();
        let value = match (values.next(), values.next()) {
            (None, _) => return Err(SignatureError::Missing),
            (Some(value), None) => value,
            (Some(_), Some(_)) => return Err(SignatureError::Wrong),
        };
        let claimed = hex::decode(value.as_bytes()).map_err(|_| SignatureError::Wrong)?;
        let right = hmac(self.0.clone(), &body).is_some_and(|ours| ours.ct_eq(&claimed).into());
        if right { Ok(Verified(body)) } else { Err(SignatureError::Wrong) }
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
    /// With `audit.key`. HMAC takes keys of any length; were that to change, nothing would verify.
    pub fn new(key: &SecretString) -> AuditKey {
        AuditKey(Hmac::new_from_slice(key.expose_secret().as_bytes()).ok())
    }

    /// The seal of these bytes.
    pub fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        hmac(self.0.clone(), bytes).unwrap_or_default()
    }

    /// Whether this is their seal; compares in constant time.
    pub fn verify(&self, bytes: &[u8], seal: &[u8]) -> bool {
        hmac(self.0.clone(), bytes).is_some_and(|ours| ours.ct_eq(seal).into())
    }
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
