//! Audit entries, and rows of the audit: their canonical form and their link to the row before.

use serde::{Serialize, Serializer};
use uuid::Uuid;

use crate::signature::{self, Digest};
use crate::verdict::Verdict;

/// The hash that the first row links to.
pub const GENESIS: Digest = [0; 32];

/// The version of the canonical form.
const VERSION: u8 = 1;

/// The most bytes of a field. Longer ones are cut, so that the size of a row is bounded. No id and no address comes
/// near it.
pub const LONGEST_FIELD: usize = 1024;

/// The action in rows that the daemon writes about the audit.
pub(super) const ABOUT_ITSELF: &str = "audit";

/// The action in the row of an operator's verb that seals the audit.
pub(super) const SEALING: &str = "audit seal";

/// Why a ledger with a key may be without a seal, and what to do.
pub(super) const UNSEALED: &str = "if the key is new, `switchboard audit seal` seals it from there on; if it is not, somebody took \
     the seal away, and may have made all rows anew";

/// How something was requested.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Via {
    /// Somebody wrote to the bot.
    #[default]
    Message,
    /// Somebody clicked on a card.
    Click,
    /// An operator's verb.
    Cli,
    /// A script, by the bearer API.
    Api,
    /// The daemon on its own.
    Daemon,
}

impl Via {
    pub const ALL: [Via; 5] = [Via::Message, Via::Click, Via::Cli, Via::Api, Via::Daemon];

    pub fn as_str(self) -> &'static str {
        match self {
            Via::Message => "message",
            Via::Click => "click",
            Via::Cli => "cli",
            Via::Api => "api",
            Via::Daemon => "daemon",
        }
    }
}

/// An entry for the audit. It goes along with the write that it records, in [`crate::store::Closing::audit`] or with an
/// operation such as [`crate::store::Store::reopen`], and its row is written in the same transaction.
#[derive(Clone, Debug, Default)]
pub struct AuditEntry {
    /// How it was requested.
    pub via: Via,
    /// Who did it: Webex's id, or which operator.
    pub person: Option<String>,
    /// Their address, by which people know them.
    pub email: Option<String>,
    /// Webex's id of the space where it was done.
    pub room: Option<String>,
    /// The type of that space: `direct` or `group`.
    pub place: Option<&'static str>,
    /// What was done: a command, an operator's act, or none. Never a text that somebody typed.
    pub action: String,
    /// What came of it, in one word.
    pub verdict: Verdict,
    /// The rule, or the other reason, that decided it.
    pub reason: String,
    /// The event it is about. A `Closing` may leave it out; then it is the row that is closed.
    pub event: Option<Uuid>,
}

/// A row of the audit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct AuditRow {
    #[serde(rename = "row")]
    pub seq: i64,
    /// When it was written, in milliseconds since 1970.
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
    /// Whether a field could not be read, or holds a value that is never written.
    pub damaged: bool,
}

impl AuditRow {
    /// Whether somebody was refused.
    pub fn is_refusal(&self) -> bool {
        Verdict::of(&self.verdict).is_some_and(Verdict::is_refusal)
    }

    /// The row of an entry, not yet linked to the one before it.
    pub(super) fn new(seq: i64, at: i64, entry: &AuditEntry) -> AuditRow {
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
            verdict: clean(entry.verdict.word()),
            reason: clean(&entry.reason),
            event: entry.event,
            hash: GENESIS,
            damaged: false,
        }
    }

    /// The hash of this row, if it follows a row with the hash `before`.
    pub fn link(&self, before: &Digest) -> Digest {
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
            // Fields that we write are far shorter than this number allows. A row with a longer one is not ours.
            let length = field.map_or(u32::MAX, |field| u32::try_from(field.len()).unwrap_or(u32::MAX));
            form.extend_from_slice(&length.to_be_bytes());
            form.extend_from_slice(field.unwrap_or_default());
        }
        signature::digest(&form)
    }
}

/// The audit entry of an operator's verb that seals the audit.
pub fn seal_by(operator: AuditEntry) -> AuditEntry {
    let reason = "audit.key was set: sealed from here on".to_owned();
    AuditEntry { action: SEALING.to_owned(), verdict: Verdict::Sealed, reason, ..operator }
}

/// The text, cut to the longest field and without NUL. SQLite's JSON ends a text there, and PostgreSQL accepts none.
fn clean(text: &str) -> String {
    text[..text.floor_char_boundary(LONGEST_FIELD)].replace('\0', "\u{fffd}")
}

fn in_hex<S: Serializer>(digest: &Digest, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex::encode(digest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::audit::entry;

    #[test]
    fn the_canonical_form_is_as_documented() {
        let entry = AuditEntry { email: None, event: Some(Uuid::from_u128(5)), ..entry(1) };
        let row = AuditRow::new(7, 1_700_000_000_000, &entry);
        let before = signature::digest(b"before");
        let mut form = vec![1];
        form.extend(before);
        form.extend(7_i64.to_be_bytes());
        form.extend(1_700_000_000_000_i64.to_be_bytes());
        for field in ["message", "person 1", "", "room", "direct", "help", "answered", "listed"] {
            if field.is_empty() {
                form.extend([0xff; 4]);
            } else {
                form.extend(u32::try_from(field.len()).unwrap().to_be_bytes());
                form.extend(field.bytes());
            }
        }
        form.extend(16_u32.to_be_bytes());
        form.extend(5_u128.to_be_bytes());
        assert_eq!(row.link(&before), signature::digest(&form));
        // An absent field differs from an empty one, and no text can move from one field to the next unnoticed.
        let other = AuditRow { email: Some(String::new()), ..row.clone() };
        assert_ne!(row.link(&before), other.link(&before));
        let moved = AuditRow { action: "hel".to_owned(), verdict: "panswered".to_owned(), ..row.clone() };
        assert_ne!(row.link(&before), moved.link(&before));
    }
}
