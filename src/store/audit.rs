//! The audit: who did what, where, allowed or not and by which rule, in rows that show when one was altered or removed.
//!
//! # What has a row
//!
//! No message and no click of a person is closed without its row, answered or not, judged or not, dead letters included;
//! nothing is reopened or dropped by an operator, and nobody let in or kept out, without one. The row is written in the
//! transaction that does it, so there is none of what was not done. An event that is tried again is not closed yet; one
//! that an operator opens again has one more row when it is closed again.
//!
//! What has none: what the bot wrote or pressed itself; that somebody, or the bot, was put into a space, unless that was
//! given up; deliveries that become no event, such as those with a wrong signature and repeats, which are counted; what
//! became of a reply on its way to Webex, which stands in the outbox; rows forgotten after `store.retention`; and verbs
//! that only read, or that speak to Webex and not to the ledger.
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
//! A seal does not say that it is the latest. So the daemon keeps in memory how far the chain had come, and when what it
//! finds does not go on from there, it says so in a row, which `verify` finds. It looks when it writes its next row, at
//! the latest within a minute (when it prunes), and when it stops.
//!
//! # What `verify` cannot find
//!
//! - Without a key: a chain that was made anew to its end, or whose beginning was taken away as if pruned. The daemon
//!   notices only what touches the row at which it left the chain.
//! - With a key: an end put back to what it was earlier, with the seal it had then, the whole file or these two tables,
//!   while the daemon was stopped or by whoever kills it before it looks; the whole file taken away, in place of which
//!   the daemon makes a new one; rows that a verb wrote last, cut off before the daemon looked; and what somebody does
//!   who has the key.
//! - What was done before the row in which an operator had the audit sealed that was not from the first row on.
//!
//! A ledger that is made while there is a key is sealed before its first row, and one without a seal is sealed by an
//! operator alone ([`Store::seal_audit`]): so a seal that was taken away is never put back by itself, and missed until
//! somebody has looked.
//!
//! `verify` tells how many rows there are, since when they are sealed and the last one's hash, to be compared with what
//! it told before, or with a copy of the ledger. Rows that were pruned are vouched for no more.

mod chain;
mod verify;

use std::time::Duration;

use serde::{Serialize, Serializer};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

pub(super) use chain::{Chain, Keys};
pub use verify::{Finding, Seal, Verification};

use super::sqlite::database as sqlite;
use super::writer::Op;
use super::{Store, StoreError};
use crate::signature::{self, Digest};

/// What stands before the first row.
const GENESIS: Digest = [0; 32];

/// The version of the canonical form.
const VERSION: u8 = 1;

/// A longer field is cut to so many bytes, so that a row has a bound; no id or address is near it.
const LONGEST_FIELD: usize = 1024;

/// What the daemon writes into the audit about the audit.
const ABOUT_ITSELF: &str = "audit";

/// What an operator's verb writes who has it sealed.
const SEALING: &str = "audit seal";

/// Why a ledger with a key may be without a seal, and what to do.
const UNSEALED: &str = "if the key is new, `switchboard audit seal` seals it from there on; if it is not, somebody took \
     the seal away, and may have made all rows anew";

/// Its verdict where something is wrong.
const BROKEN: &str = "broken";

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
    const ALL: [Via; 4] = [Via::Message, Via::Click, Via::Cli, Via::Daemon];

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
    /// Whether something of it could not be read, or is nothing that is ever written.
    pub damaged: bool,
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
            damaged: false,
        }
    }

    /// As much of it as there is: one damaged row must not hide the others.
    fn read(row: &SqliteRow) -> AuditRow {
        let mut damaged = false;
        let mut read = AuditRow {
            seq: whole(row.try_get("seq"), &mut damaged),
            at: whole(row.try_get("at"), &mut damaged),
            via: whole(row.try_get("via"), &mut damaged),
            person: whole(row.try_get("person"), &mut damaged),
            email: whole(row.try_get("email"), &mut damaged),
            room: whole(row.try_get("room"), &mut damaged),
            place: whole(row.try_get("place"), &mut damaged),
            action: whole(row.try_get("action"), &mut damaged),
            verdict: whole(row.try_get("verdict"), &mut damaged),
            reason: whole(row.try_get("reason"), &mut damaged),
            event: whole(row.try_get("event"), &mut damaged),
            hash: whole(digest(row, "hash"), &mut damaged),
            damaged: false,
        };
        read.damaged = damaged || Via::ALL.iter().all(|via| via.as_str() != read.via);
        read
    }

    /// In the order of the table's columns, for one statement over many rows.
    fn columns(&self) -> impl Serialize {
        let AuditRow { seq, at, via, person, email, room, place, action, verdict, reason, event, hash, damaged: _ } =
            self;
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

    /// Rows of the audit since then, in milliseconds since 1970, newest first, as far as they are wanted. Of a damaged
    /// row nobody can say, so it is always among them.
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

    /// Seals an audit that has no seal, in a row that says so. `false` when it has one, or there is no key for it.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn seal_audit(&self, by: AuditEntry) -> Result<bool, StoreError> {
        let reason = "audit.key was set: sealed from here on".to_owned();
        let by = AuditEntry { action: SEALING.to_owned(), verdict: "sealed", reason, ..by };
        self.ask(|answer| Op::SealAudit(by, answer)).await
    }

    /// What the audit's seal says, without a look at the rows.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn audit_seal(&self) -> Result<Seal, StoreError> {
        verify::seal(self.0.reader.pool(), &self.0.keys).await
    }

    /// Reads the whole audit, as it is at this moment, and says whether it is unbroken.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn verify_audit(&self) -> Result<Verification, StoreError> {
        verify::verify(self.0.reader.pool(), &self.0.keys).await
    }
}

/// What could be read of a field, or nothing.
fn whole<T: Default>(field: Result<T, sqlx::Error>, damaged: &mut bool) -> T {
    *damaged |= field.is_err();
    field.unwrap_or_default()
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
