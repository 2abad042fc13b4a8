//! Signatures as senders make them.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The HMAC-SHA-256 of these parts.
pub fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut key: Hmac<Sha256> = Hmac::new_from_slice(key).unwrap();
    parts.iter().for_each(|part| key.update(part));
    key.finalize().into_bytes().to_vec()
}
