//! The record of the chain's two ends, and the seal over it.

use secrecy::SecretString;

use super::row::GENESIS;
use crate::config;
use crate::signature::{AuditKey, Digest};

/// The highest number of a row. Ours never get there: with one row each millisecond it takes 285,000 years. Without
/// this limit, somebody could put a row or a head at the highest number there is, and leave none for ours.
pub(super) const LAST: i64 = 1 << 53;

/// The keys of the head's seal.
#[derive(Clone)]
pub struct AuditKeys {
    key: Option<AuditKey>,
    old: Option<AuditKey>,
}

impl AuditKeys {
    pub fn new(settings: &config::Audit) -> AuditKeys {
        let key = |secret: &Option<SecretString>| secret.as_ref().map(AuditKey::new);
        AuditKeys { key: key(&settings.key), old: key(&settings.old_key) }
    }

    /// The seal of a head, if there is a key.
    pub(super) fn seal(&self, head: &AuditHead) -> Option<Vec<u8>> {
        self.key.as_ref().map(|key| key.sign(&head.form()))
    }

    /// Checks the seal of a head with these keys.
    pub(super) fn look_at(&self, head: &AuditHead) -> SealFit {
        let fits = |key: &Option<AuditKey>, seal: &[u8]| key.as_ref().is_some_and(|key| key.verify(&head.form(), seal));
        match (&head.seal, &self.key) {
            (None, None) => SealFit::Open,
            (None, Some(_)) => SealFit::Unsealed,
            (Some(seal), _) if fits(&self.key, seal) => SealFit::Sealed,
            (Some(seal), _) if fits(&self.old, seal) => SealFit::ByOldKey,
            (Some(_), None) => SealFit::NoKey,
            (Some(_), Some(_)) => SealFit::Wrong,
        }
    }
}

/// The result of checking the seal of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SealFit {
    /// There is no seal and no key.
    Open,
    /// There is a key, but no seal yet.
    Unsealed,
    /// The seal was made with the key.
    Sealed,
    /// The seal was made with the old key.
    ByOldKey,
    /// There is a seal, but no key to check it with.
    NoKey,
    /// The seal was made with neither key.
    Wrong,
}

/// The chain's two ends.
#[derive(Clone, Debug)]
pub struct AuditHead {
    pub anchor_seq: i64,
    pub anchor_hash: Digest,
    pub pruned_at: Option<i64>,
    pub seq: i64,
    pub hash: Digest,
    pub seal: Option<Vec<u8>>,
}

impl AuditHead {
    /// The head, unless its number is impossible.
    pub fn sound(self) -> Option<AuditHead> {
        (self.seq <= LAST).then_some(self)
    }

    /// A new head for a chain whose head was lost.
    pub(super) fn made_anew(first: i64, seq: i64, hash: Digest) -> AuditHead {
        AuditHead { anchor_seq: first - 1, anchor_hash: GENESIS, pruned_at: None, seq, hash, seal: None }
    }

    /// The bytes that are sealed: everything in the head, each field with a fixed number of bytes.
    fn form(&self) -> Vec<u8> {
        let mut form = b"switchboard audit head 1".to_vec();
        form.extend_from_slice(&self.anchor_seq.to_be_bytes());
        form.extend_from_slice(&self.anchor_hash);
        form.extend_from_slice(&self.pruned_at.unwrap_or(i64::MIN).to_be_bytes());
        form.extend_from_slice(&self.seq.to_be_bytes());
        form.extend_from_slice(&self.hash);
        form
    }
}
