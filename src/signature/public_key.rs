//! Public keys of senders, and the signatures that are made with their private halves. `ring` verifies, which TLS uses
//! too.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};

/// The sizes of RSA keys in bits. Smaller ones are too weak, and larger ones cost too much time.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// The tags of the parts of a key in DER.
const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;

/// The names of algorithms in DER: rsaEncryption without parameters, id-ecPublicKey on secp256r1, and id-Ed25519.
const RSA: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0];
const P256: &[u8] = &[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const ED25519: &[u8] = &[6, 3, 0x2b, 0x65, 0x70];

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyKind {
    /// RSA with PKCS #1 v1.5 and SHA-256.
    Rsa,
    /// ECDSA on the curve P-256 with SHA-256. A signature is two numbers side by side, as JWTs have it.
    P256,
    /// Ed25519.
    Ed25519,
}

/// A key of a sender.
#[derive(Clone)]
pub(super) struct PublicKey {
    pub kind: KeyKind,
    key: UnparsedPublicKey<Vec<u8>>,
}

impl PublicKey {
    /// All keys of a text in PEM.
    ///
    /// # Errors
    /// There is none, or one of them cannot be used.
    pub fn all_of_pem(text: &str) -> Result<Vec<PublicKey>, String> {
        let mut keys = Vec::new();
        for block in text.split("-----BEGIN ").skip(1) {
            let Some((label, rest)) = block.split_once("-----") else { return Err(not_pem()) };
            let Some((content, _)) = rest.split_once(&format!("-----END {label}-----")) else { return Err(not_pem()) };
            let content: String = content.split_ascii_whitespace().collect();
            let der = STANDARD.decode(content).map_err(|_| not_pem())?;
            keys.push(PublicKey::of_der(label, &der)?);
        }
        if keys.is_empty() { Err(not_pem()) } else { Ok(keys) }
    }

    fn of_der(label: &str, der: &[u8]) -> Result<PublicKey, String> {
        match label {
            "PUBLIC KEY" => of_info(der).ok_or_else(unusable)?,
            "RSA PUBLIC KEY" => rsa(der),
            _ if label.contains("PRIVATE") => {
                Err("it is a private key, which only the sender has; give the public one".to_owned())
            }
            "CERTIFICATE" => Err("it is a certificate; make a key of it with `openssl x509 -pubkey -noout`".to_owned()),
            _ => Err(unusable()),
        }
    }

    /// A key of Ed25519 by its 32 bytes.
    ///
    /// # Errors
    /// It has another length.
    pub fn ed25519(bytes: &[u8]) -> Result<PublicKey, String> {
        match bytes.len() {
            32 => Ok(PublicKey::new(KeyKind::Ed25519, bytes)),
            length => Err(format!("a key of ed25519 has 32 bytes, and this one {length}")),
        }
    }

    fn new(kind: KeyKind, bytes: &[u8]) -> PublicKey {
        let algorithm: &'static dyn VerificationAlgorithm = match kind {
            KeyKind::Rsa => &signature::RSA_PKCS1_2048_8192_SHA256,
            KeyKind::P256 => &signature::ECDSA_P256_SHA256_FIXED,
            KeyKind::Ed25519 => &signature::ED25519,
        };
        PublicKey { kind, key: UnparsedPublicKey::new(algorithm, bytes.to_vec()) }
    }

    /// Whether the private half signed this.
    pub fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        self.key.verify(message, signature).is_ok()
    }
}

/// The key of a SubjectPublicKeyInfo (RFC 5280): an algorithm, and the bits of the key.
fn of_info(der: &[u8]) -> Option<Result<PublicKey, String>> {
    let (info, []) = part(SEQUENCE, der)? else { return None };
    let (algorithm, rest) = part(SEQUENCE, info)?;
    // The first byte says how many bits of the last one are not used.
    let ([0, bits @ ..], []) = part(BIT_STRING, rest)? else { return None };
    if algorithm == RSA {
        return Some(rsa(bits));
    }
    let is_point = bits.len() == 65 && bits.starts_with(&[4]);
    if algorithm == P256 && is_point {
        return Some(Ok(PublicKey::new(KeyKind::P256, bits)));
    }
    (algorithm == ED25519).then(|| PublicKey::ed25519(bits))
}

/// An RSAPublicKey (RFC 8017): the modulus, and the exponent.
fn rsa(der: &[u8]) -> Result<PublicKey, String> {
    let modulus = part(SEQUENCE, der).and_then(|(key, _)| part(INTEGER, key)).ok_or_else(unusable)?.0;
    let modulus: &[u8] = modulus.strip_prefix(&[0]).unwrap_or(modulus);
    let unused = modulus.first().map_or(0, |first| first.leading_zeros() as usize);
    let bits = modulus.len() * 8 - unused;
    if !RSA_BITS.contains(&bits) {
        let (least, most) = (RSA_BITS.start(), RSA_BITS.end());
        return Err(format!("it is an RSA key of {bits} bits; it needs {least} to {most}"));
    }
    Ok(PublicKey::new(KeyKind::Rsa, der))
}

/// The content of the first part, which has this tag, and what comes after it.
fn part(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&[found, first], rest) = der.split_first_chunk::<2>()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (length, rest) =
            rest.split_at_checked(usize::from(first & 0x7f)).filter(|(length, _)| length.len() <= 2)?;
        (length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest)
    };
    (found == tag).then(|| rest.split_at_checked(length)).flatten()
}

fn not_pem() -> String {
    "it is no public key in PEM, which begins with -----BEGIN PUBLIC KEY-----".to_owned()
}

fn unusable() -> String {
    "it is no public key of RSA, of the curve P-256 or of ed25519".to_owned()
}
