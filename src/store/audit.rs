//! The audit: who did what, where, allowed or not and by which rule. Rows that cannot be altered or removed unnoticed,
//! each written in the transaction of what it tells: nothing is audited that did not happen, and nothing that is
//! audited happens without its row.
//!
//! # The chain
//!
//! A row's hash is SHA-256 over its canonical form: one byte of version, 1; the 32 bytes of the hash of the row before
//! it, of [`GENESIS`] before the first; `seq` and `at`, each as eight bytes, big end first; then `via`, `person`,
//! `email`, `room`, `place`, `action`, `verdict`, `reason` in UTF-8 and the 16 bytes of `event`, each of these nine
//! after its length as four bytes, big end first, and a field that is absent as the length 2^32 - 1 alone. So no two
//! rows have the same form, and whoever alters a row has to make every hash after it anew.
//!
//! The head keeps where the chain begins, where it ends and the last hash, so that rows missing at an end are noticed.
//! With `audit.key` it is sealed: HMAC-SHA256 over all it says. Since the last hash stands for every row before it, that
//! one seal a commit keeps whoever can write to the file, and has no key, from making the chain anew.
//!
//! # What `verify` cannot find
//!
//! Without a key, a chain made anew from the altered row to the head. With one, a whole ledger put back as it was at an
//! earlier time; what somebody does who has the key; and what was done before the row in which the daemon says that it
//! begins to seal, which it also says when somebody has taken the seal away while it was stopped. So `verify` tells how
//! many rows there are and since when they are sealed, to be compared. Rows that were pruned are vouched for no more.

mod chain;
mod verify;

use std::time::Duration;

use serde::{Serialize, Serializer};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

pub(super) use chain::{Chain, Keys};
pub use verify::{Seal, Verification};

use super::writer::Op;
use super::{Store, StoreError, sqlite};
use crate::signature::{self, Digest};

/// What stands before the first row.
const GENESIS: Digest = [0; 32];

/// The version of the canonical form.
const VERSION: u8 = 1;

/// A longer field is cut to so many bytes, so that a row has a bound; no id or address is near it.
const LONGEST_FIELD: usize = 1024;

/// What the daemon writes into the audit about the audit.
const ABOUT_ITSELF: &str = "audit";

/// By which way something was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Via {
    /// Somebody wrote to the bot.
    #[default]
    Message,
    /// Somebody clicked on a card.
    Click,
    /// An operator's verb.
    Cli,
    /// The daemon by itself.
    Daemon,
}

impl Via {
    fn as_str(self) -> &'static str {
        match self {
            Via::Message => "message",
            Via::Click => "click",
            Via::Cli => "cli",
            Via::Daemon => "daemon",
        }
    }
}

/// What is to be audited. It travels with the write it tells of: in [`super::Closing::audit`], or with an operation such
/// as [`Store::reopen`], and has its row in the same transaction.
#[derive(Clone, Debug, Default)]
pub struct AuditEntry {
    /// By which way.
    pub via: Via,
    /// Who: Webex's id, or which operator.
    pub person: Option<String>,
    /// Who, as people call each other.
    pub email: Option<String>,
    /// Where: Webex's id of the space.
    pub room: Option<String>,
    /// Where: `direct` or `group`.
    pub place: Option<&'static str>,
    /// What: a command, an operator's act, or none; never what somebody typed.
    pub action: String,
    /// One word: what came of it.
    pub verdict: &'static str,
    /// The rule, or what else decided.
    pub reason: String,
    /// The event it is about; where it closes an event, that one without being told.
    pub event: Option<Uuid>,
}

/// A row of the audit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct AuditRow {
    #[serde(rename = "row")]
    pub seq: i64,
    /// Milliseconds since 1970.
    #[serde(rename = "at_ms")]
    pub at: i64,
    pub via: String,
    pub person: Option<String>,
    pub email: Option<String>,
    pub room: Option<String>,
    pub place: Option<String>,
    pub action: String,
    pub verdict: String,
    pub reason: String,
    pub event: Option<Uuid>,
    #[serde(serialize_with = "in_hex")]
    pub hash: Digest,
}

impl AuditRow {
    /// The row of an entry, not yet linked to the one before it.
    fn new(seq: i64, at: i64, entry: &AuditEntry) -> AuditRow {
        let text = |text: &Option<String>| text.as_deref().map(clean);
        AuditRow {
            seq,
            at,
            via: entry.via.as_str().to_owned(),
            person: text(&entry.person),
            email: text(&entry.email),
            room: text(&entry.room),
            place: entry.place.map(clean),
            action: clean(&entry.action),
            verdict: clean(entry.verdict),
            reason: clean(&entry.reason),
            event: entry.event,
            hash: GENESIS,
        }
    }

    fn read(row: &SqliteRow) -> Result<AuditRow, sqlx::Error> {
        Ok(AuditRow {
            seq: row.try_get("seq")?,
            at: row.try_get("at")?,
            via: row.try_get("via")?,
            person: row.try_get("person")?,
            email: row.try_get("email")?,
            room: row.try_get("room")?,
            place: row.try_get("place")?,
            action: row.try_get("action")?,
            verdict: row.try_get("verdict")?,
            reason: row.try_get("reason")?,
            event: row.try_get("event")?,
            hash: digest(row, "hash")?,
        })
    }

    /// In the order of the table's columns, for one statement over many rows.
    fn columns(&self) -> impl Serialize {
        let AuditRow { seq, at, via, person, email, room, place, action, verdict, reason, event, hash } = self;
        let (event, hash) = (event.map(sqlite::hex), hex::encode(hash));
        (seq, at, via, person, email, room, place, action, verdict, reason, event, hash)
    }

    /// The hash of this row after one with that hash.
    fn link(&self, before: &Digest) -> Digest {
        let texts = [
            Some(&self.via),
            self.person.as_ref(),
            self.email.as_ref(),
            self.room.as_ref(),
            self.place.as_ref(),
            Some(&self.action),
            Some(&self.verdict),
            Some(&self.reason),
        ];
        let fields = texts.into_iter().map(|text| text.map(|text| text.as_bytes()));
        let mut form = Vec::with_capacity(512);
        form.push(VERSION);
        form.extend_from_slice(before);
        form.extend_from_slice(&self.seq.to_be_bytes());
        form.extend_from_slice(&self.at.to_be_bytes());
        for field in fields.chain([self.event.as_ref().map(|event| event.as_bytes().as_slice())]) {
            // Nothing that was written is longer than a field may be; a row with more is not one of ours.
            let length = field.map_or(u32::MAX, |field| u32::try_from(field.len()).unwrap_or(u32::MAX));
            form.extend_from_slice(&length.to_be_bytes());
            form.extend_from_slice(field.unwrap_or_default());
        }
        signature::digest(&form)
    }
}

impl Store {
    /// Removes rows older than that from the beginning of the audit, in small steps; returns how many.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn prune_audit(&self, retention: Duration) -> Result<u64, StoreError> {
        self.ask(|answer| Op::PruneAudit(retention, answer)).await
    }

    /// Rows of the audit since then, in milliseconds since 1970, newest first, as far as they are wanted.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn audited(
        &self,
        since: i64,
        most: usize,
        wanted: impl Fn(&AuditRow) -> bool,
    ) -> Result<Vec<AuditRow>, StoreError> {
        verify::list(self.0.reader.pool(), since, most, wanted).await
    }

    /// The audit's rows of one event, oldest first.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn audit_of(&self, event: Uuid) -> Result<Vec<AuditRow>, StoreError> {
        verify::of(self.0.reader.pool(), event).await
    }

    /// Reads the whole audit, as it is at this moment, and says whether it is unbroken.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn verify_audit(&self) -> Result<Verification, StoreError> {
        verify::verify(self.0.reader.pool(), &self.0.keys).await
    }
}

/// A text as it is kept: SQLite's JSON ends a text at a NUL.
fn clean(text: &str) -> String {
    text[..text.floor_char_boundary(LONGEST_FIELD)].replace('\0', "\u{fffd}")
}

fn in_hex<S: Serializer>(digest: &Digest, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex::encode(digest))
}

fn digest(row: &SqliteRow, column: &str) -> Result<Digest, sqlx::Error> {
    let bytes: Vec<u8> = row.try_get(column)?;
    bytes.try_into().map_err(|_| sqlx::Error::Decode("not the 32 bytes of a hash".into()))
}

#[cfg(test)]
mod tests;
