//! The chain on SQLite: its head, rows added at its end in the transaction of what they tell, rows pruned at its
//! beginning.

use std::time::Duration;

use secrecy::SecretString;
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::{ABOUT_ITSELF, AuditEntry, AuditRow, BROKEN, GENESIS, UNSEALED, Via, digest};
use crate::clock;
use crate::config;
use crate::signature::{AuditKey, Digest};
use crate::store::sqlite::database::{PRUNE_STEP, Sqlite, json, millis};

/// A number so high is no row's that this program wrote: with one each millisecond it takes 285,000 years. It keeps a row
/// or a head that somebody put at the end of all numbers from leaving none for ours.
const LAST: i64 = 1 << 53;

/// Rows that somebody put behind the end are passed over within so many numbers, a stretch at a time; none is looked for
/// further away than that from the last.
const STRETCH: i64 = 1_000_000;

/// The keys of the head's seal.
#[derive(Clone)]
pub(in crate::store) struct Keys {
    key: Option<AuditKey>,
    old: Option<AuditKey>,
}

impl Keys {
    pub(in crate::store) fn new(settings: &config::Audit) -> Keys {
        let key = |secret: &Option<SecretString>| secret.as_ref().map(AuditKey::new);
        Keys { key: key(&settings.key), old: key(&settings.old_key) }
    }

    /// How the head's seal and these keys go together.
    pub(super) fn look_at(&self, head: &Head) -> Fit {
        let fits = |key: &Option<AuditKey>, seal: &[u8]| key.as_ref().is_some_and(|key| key.verify(&head.form(), seal));
        match (&head.seal, &self.key) {
            (None, None) => Fit::Open,
            (None, Some(_)) => Fit::Unsealed,
            (Some(seal), _) if fits(&self.key, seal) => Fit::Sealed,
            (Some(seal), _) if fits(&self.old, seal) => Fit::ByOldKey,
            (Some(_), None) => Fit::NoKey,
            (Some(_), Some(_)) => Fit::Wrong,
        }
    }
}

/// How a head's seal and the keys go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// Neither is there.
    Open,
    /// A key, and no seal yet.
    Unsealed,
    /// The seal is the key's.
    Sealed,
    /// The seal is the key's that was there before.
    ByOldKey,
    /// A seal, and no key to look at it with.
    NoKey,
    /// The seal is no key's.
    Wrong,
}

/// What the writer keeps of the chain between two commits.
pub(in crate::store) struct Chain {
    keys: Keys,
    /// Whether this is the daemon, which goes on whatever it finds, or a verb, which may refuse.
    is_daemon: bool,
    /// As this process left it. Another may have moved it since: then no row is added to it, and it is read again.
    head: Option<Head>,
    /// The last row, and its hash, of a chain that was on disk and in order. What is there later has to go on from it.
    kept: Option<(i64, Digest)>,
    /// Whether the head had a seal, or an operator puts one there: without that, none is put there by itself.
    sealed: bool,
}

impl Chain {
    pub(in crate::store) fn new(keys: Keys, is_daemon: bool) -> Chain {
        Chain { keys, is_daemon, head: None, kept: None, sealed: false }
    }

    fn seal(&self, head: &Head) -> Option<Vec<u8>> {
        self.keys.key.as_ref().filter(|_| self.sealed).map(|key| key.sign(&head.form()))
    }

    /// What was written is on disk.
    pub(in crate::store) fn committed(&mut self) {
        self.kept = self.head.as_ref().map(|head| (head.seq, head.hash)).or(self.kept);
    }

    /// What was written since the last commit is not there.
    pub(in crate::store) fn rolled_back(&mut self) {
        self.head = None;
    }
}

/// The chain's two ends.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) anchor_seq: i64,
    pub(super) anchor_hash: Digest,
    pub(super) pruned_at: Option<i64>,
    pub(super) seq: i64,
    pub(super) hash: Digest,
    pub(super) seal: Option<Vec<u8>>,
}

impl Head {
    /// The head as it is; `None` when it is missing or makes no sense.
    pub(super) async fn read(connection: &mut SqliteConnection) -> Result<Option<Head>, sqlx::Error> {
        let row =
            sqlx::query("SELECT anchor_seq, anchor_hash, pruned_at, seq, hash, seal FROM audit_head WHERE id = 1");
        Ok(row.fetch_optional(connection).await?.and_then(|row| Head::of(&row).ok()))
    }

    fn of(row: &SqliteRow) -> Result<Head, sqlx::Error> {
        let seq = row.try_get("seq")?;
        if seq > LAST {
            return Err(sqlx::Error::Decode("not the number of a row".into()));
        }
        Ok(Head {
            anchor_seq: row.try_get("anchor_seq")?,
            anchor_hash: digest(row, "anchor_hash")?,
            pruned_at: row.try_get("pruned_at")?,
            seq,
            hash: digest(row, "hash")?,
            seal: row.try_get("seal")?,
        })
    }

    /// What is sealed: all of it, each field in its own number of bytes.
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

impl Sqlite {
    /// Sees, when the daemon begins and when it ends, whether the chain's end is as the keys say and as it was left, and
    /// writes down where it is not. A verb only reads, or writes what it did.
    pub(in crate::store) async fn look_at_audit(&mut self) -> Result<(), sqlx::Error> {
        if !self.chain.is_daemon {
            return Ok(());
        }
        self.begin().await?;
        self.find_sound_head().await?;
        self.commit().await
    }

    /// Seals the head of a ledger that was just made, so that one without a seal is never taken for a new one.
    pub(in crate::store) async fn seal_new_audit(&mut self) -> Result<(), sqlx::Error> {
        let Some(head) = Head::read(&mut self.connection).await? else { return Ok(()) };
        self.chain.sealed = true;
        let seal = "UPDATE audit_head SET seal = ?1 WHERE id = 1";
        sqlx::query(seal).bind(self.chain.seal(&head)).execute(&mut self.connection).await.map(drop)
    }

    /// Whether there is no seal yet, and the key for one: then the next row seals it.
    pub(in crate::store) async fn seal_audit(&mut self) -> Result<bool, sqlx::Error> {
        let head = Head::read(&mut self.connection).await?;
        self.chain.sealed = head.is_none_or(|head| self.chain.keys.look_at(&head) == Fit::Unsealed);
        Ok(self.chain.sealed)
    }

    /// Adds rows at the end of the chain: two statements, however many there are.
    pub(in crate::store) async fn audit(&mut self, entries: &[&AuditEntry]) -> Result<(), sqlx::Error> {
        if entries.is_empty() {
            return Ok(());
        }
        if let Some(head) = self.chain.head.take()
            && self.append(End { next: head.seq + 1, head }, entries).await?
        {
            return Ok(());
        }
        // The first time, or after a verb of an operator has moved it, or somebody who should not have.
        let (end, remark) = self.find_head().await?;
        let entries: Vec<_> = remark.iter().chain(entries.iter().copied()).collect();
        self.append(end, &entries).await.map(drop)
    }

    /// `false` when the chain's end is not where it was thought to be, or rows of somebody else are there: nothing was
    /// written.
    async fn append(&mut self, end: End, entries: &[&AuditEntry]) -> Result<bool, sqlx::Error> {
        let End { head: left, next } = end;
        let (now, mut head) = (clock::wall_ms(), left.clone());
        let mut rows = Vec::with_capacity(entries.len());
        for (entry, seq) in entries.iter().zip(next..) {
            let mut row = AuditRow::new(seq, now, entry);
            row.hash = row.link(&head.hash);
            (head.seq, head.hash) = (seq, row.hash);
            rows.push(row);
        }
        head.seal = self.chain.seal(&head);
        let moved = sqlx::query(
            "UPDATE audit_head SET seq = ?1, hash = ?2, seal = ?3
             WHERE id = 1 AND seq = ?4 AND hash = ?5 AND seal IS ?6
                 AND NOT EXISTS (SELECT 1 FROM audit WHERE seq BETWEEN ?7 AND ?1)",
        )
        .bind(head.seq)
        .bind(head.hash.as_slice())
        .bind(head.seal.as_deref())
        .bind(left.seq)
        .bind(left.hash.as_slice())
        .bind(left.seal.as_deref())
        .bind(next)
        .execute(&mut self.connection)
        .await?;
        if moved.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query(
            "INSERT INTO audit (seq, at, via, person, email, room, place, action, verdict, reason, event, hash)
             SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, value->>7, value->>8,
                 value->>9, unhex(value->>10), unhex(value->>11)
             FROM json_each(?1)",
        )
        .bind(json(&rows.iter().map(AuditRow::columns).collect::<Vec<_>>())?)
        .execute(&mut self.connection)
        .await?;
        self.chain.head = Some(head);
        Ok(true)
    }

    /// The chain's end as it is on disk, if there is nothing to be said of it; else that is written down.
    async fn find_sound_head(&mut self) -> Result<Option<Head>, sqlx::Error> {
        let (end, remark) = self.find_head().await?;
        match remark {
            Some(remark) => self.append(end, &[&remark]).await.map(|_| None),
            None => Ok(Some(end.head)),
        }
    }

    /// The chain's end as it is on disk, and what is to be written down of it first.
    async fn find_head(&mut self) -> Result<(End, Option<AuditEntry>), sqlx::Error> {
        let (head, remark) = match Head::read(&mut self.connection).await? {
            Some(head) => {
                let remark = self.remark(&head).await?;
                (head, remark)
            }
            None => (self.make_head().await?, Some(about_itself(BROKEN, "the record of the chain's ends was missing"))),
        };
        let next = self.next(&head).await?;
        match &remark {
            None => self.chain.kept = Some((head.seq, head.hash)),
            Some(AuditEntry { verdict, reason, .. }) if *verdict == BROKEN => {
                tracing::error!("the audit is broken: {reason}; `switchboard audit verify` tells more");
            }
            Some(AuditEntry { reason, .. }) => tracing::warn!("the audit: {reason}"),
        }
        Ok((End { head, next }, remark))
    }

    /// The number of the next row. Rows beyond the end are not ours, and rows that were ours may be gone: ours go on
    /// behind them, so that no number is used twice and `verify` finds both. What stands far away is not reached.
    async fn next(&mut self, head: &Head) -> Result<i64, sqlx::Error> {
        let mut end = self.chain.kept.map_or(0, |(seq, _)| seq).max(head.seq);
        let beyond = "SELECT max(seq) FROM audit WHERE seq > ?1 AND seq <= ?1 + ?2";
        while let Some(last) =
            sqlx::query_scalar(beyond).bind(end).bind(STRETCH).fetch_one(&mut self.connection).await?
        {
            end = last;
        }
        Ok(end + 1)
    }

    /// What the daemon writes down about the head it finds; a verb that has not the daemon's key writes nothing.
    async fn remark(&mut self, head: &Head) -> Result<Option<AuditEntry>, sqlx::Error> {
        let (fit, was_sealed) = (self.chain.keys.look_at(head), self.chain.sealed);
        match fit {
            Fit::NoKey | Fit::ByOldKey | Fit::Wrong if !self.chain.is_daemon => {
                return Err(sqlx::Error::Configuration(refusal(fit).into()));
            }
            Fit::Open | Fit::Unsealed | Fit::NoKey => {}
            Fit::Sealed | Fit::ByOldKey | Fit::Wrong => self.chain.sealed = true,
        }
        if let Some((left, hash)) = self.chain.kept {
            // No verb has changed the seal: it refuses to, with another key than the daemon's.
            let replaced = match fit {
                Fit::Open | Fit::Sealed | Fit::NoKey => false,
                Fit::Unsealed => was_sealed,
                Fit::ByOldKey | Fit::Wrong => true,
            };
            let broken = if replaced {
                Some(format!("the seal was taken away or replaced; the chain had reached row {left}"))
            } else if self.hash_of(left, head).await? != Some(hash) {
                let end = head.seq;
                Some(format!("the chain was cut or made anew; it had reached row {left}, and now ended at {end}"))
            } else {
                None
            };
            if let Some(broken) = broken {
                return Ok(Some(about_itself(BROKEN, &format!("under the running daemon {broken}"))));
            }
        }
        Ok(match fit {
            Fit::Unsealed if self.chain.is_daemon && self.chain.kept.is_none() => {
                tracing::warn!("the audit is not sealed, though audit.key is set: {UNSEALED}");
                None
            }
            Fit::Open | Fit::Sealed | Fit::Unsealed => None,
            Fit::ByOldKey => {
                Some(about_itself("resealed", "audit.key was changed; the seal of audit.old_key was right"))
            }
            Fit::NoKey => {
                Some(about_itself("unsealed", "audit.key is not set for the daemon: not sealed from here on"))
            }
            Fit::Wrong => Some(about_itself(BROKEN, "the seal before this row is of no key that was set")),
        })
    }

    /// The hash of a row in the chain that ends there; none when it is not in it.
    async fn hash_of(&mut self, seq: i64, head: &Head) -> Result<Option<Digest>, sqlx::Error> {
        if seq == head.anchor_seq {
            return Ok(Some(head.anchor_hash));
        }
        let row = sqlx::query("SELECT hash FROM audit WHERE seq = ?1 AND seq <= ?2").bind(seq).bind(head.seq);
        let row = row.fetch_optional(&mut self.connection).await?;
        Ok(row.and_then(|row| digest(&row, "hash").ok()))
    }

    async fn make_head(&mut self) -> Result<Head, sqlx::Error> {
        let ends = "SELECT coalesce(min(seq), 1), coalesce(max(seq), 0) FROM audit WHERE seq BETWEEN 1 AND ?1";
        let (first, seq): (i64, i64) = sqlx::query_as(ends).bind(LAST).fetch_one(&mut self.connection).await?;
        let last = sqlx::query("SELECT hash FROM audit WHERE seq = ?1").bind(seq);
        let last = last.fetch_optional(&mut self.connection).await?;
        let hash = last.and_then(|row| digest(&row, "hash").ok()).unwrap_or(GENESIS);
        let head = Head { anchor_seq: first - 1, anchor_hash: GENESIS, pruned_at: None, seq, hash, seal: None };
        sqlx::query(
            "INSERT OR REPLACE INTO audit_head (id, anchor_seq, anchor_hash, seq, hash) VALUES (1, ?1, ?2, ?3, ?4)",
        )
        .bind(head.anchor_seq)
        .bind(head.anchor_hash.as_slice())
        .bind(head.seq)
        .bind(head.hash.as_slice())
        .execute(&mut self.connection)
        .await?;
        Ok(head)
    }

    /// Removes the oldest rows past their time. A chain whose end is in doubt is left as it is, for whoever looks.
    pub(in crate::store) async fn prune_audit(&mut self, retention: Duration) -> Result<u64, sqlx::Error> {
        let Some(mut head) = self.find_sound_head().await? else { return Ok(0) };
        let Some((seq, hash)) =
            self.past(clock::wall_ms() - millis(retention)).await?.filter(|(seq, _)| *seq <= head.seq)
        else {
            return Ok(0);
        };
        (head.anchor_seq, head.anchor_hash, head.pruned_at) = (seq, hash, Some(clock::wall_ms()));
        head.seal = self.chain.seal(&head);
        sqlx::query("UPDATE audit_head SET anchor_seq = ?1, anchor_hash = ?2, pruned_at = ?3, seal = ?4 WHERE id = 1")
            .bind(head.anchor_seq)
            .bind(head.anchor_hash.as_slice())
            .bind(head.pruned_at)
            .bind(head.seal.as_deref())
            .execute(&mut self.connection)
            .await?;
        let removed = sqlx::query("DELETE FROM audit WHERE seq <= ?1").bind(seq).execute(&mut self.connection).await?;
        // Read again, whether or not this is committed: its beginning is not looked at when a row is added.
        self.chain.head = None;
        Ok(removed.rows_affected())
    }

    /// The last row of the beginning, as far as one step goes, that was written before then. A row from the future, of a
    /// clock that was wrong, goes with the first one behind it that is not.
    async fn past(&mut self, until: i64) -> Result<Option<(i64, Digest)>, sqlx::Error> {
        let now = clock::wall_ms();
        let oldest = sqlx::query("SELECT seq, at, hash FROM audit ORDER BY seq LIMIT ?1").bind(PRUNE_STEP);
        let (mut last, mut doubtful) = (None, None);
        let rows = oldest.fetch_all(&mut self.connection).await?;
        for row in &rows {
            let at: i64 = row.try_get("at")?;
            // On what is no hash, no chain can be built.
            let Some(hash) = digest(row, "hash").ok().filter(|_| at <= until || at > now) else { return Ok(last) };
            let reached = Some((row.try_get::<i64, _>("seq")?, hash));
            if at <= until {
                last = reached;
            } else {
                doubtful = reached;
            }
        }
        let (None, Some((seq, _))) = (last, doubtful) else { return Ok(last) };
        // All of the step are from the future; what is behind them decides.
        let behind = sqlx::query_scalar("SELECT at FROM audit WHERE seq > ?1 AND at <= ?2 ORDER BY seq LIMIT 1");
        let behind: Option<i64> = behind.bind(seq).bind(now).fetch_optional(&mut self.connection).await?;
        Ok(doubtful.filter(|_| behind.is_some_and(|at| at <= until)))
    }
}

/// Where the next row goes: after this head, with that number.
struct End {
    head: Head,
    next: i64,
}

fn about_itself(verdict: &'static str, reason: &str) -> AuditEntry {
    let (action, reason) = (ABOUT_ITSELF.to_owned(), reason.to_owned());
    AuditEntry { via: Via::Daemon, action, verdict, reason, ..AuditEntry::default() }
}

fn refusal(fit: Fit) -> &'static str {
    match fit {
        Fit::Open | Fit::Sealed | Fit::Unsealed => "",
        Fit::NoKey => "the audit is sealed: set audit.key as it is set for the daemon, so that this can be audited",
        Fit::ByOldKey | Fit::Wrong => {
            "the audit is not sealed with this audit.key: set the one the daemon has, or restart the daemon with this one"
        }
    }
}
