//! Stores the audit's rows and its head. Their meaning is the business of the chain.

use rusqlite::{Connection, Row};
use uuid::Uuid;

use super::database::Sqlite;
use super::reader::Reader;
use super::statements::{PRUNE_STEP, Statements, column};
use crate::signature::Digest;
use crate::store::{AuditHead, AuditRow, StoreError, Via};

/// Adding to the chain.
impl Sqlite {
    /// The head as it is stored. `None` if it is missing or makes no sense.
    pub fn audit_head(&mut self) -> Result<Option<AuditHead>, StoreError> {
        Ok(read_head(&self.connection)?)
    }

    pub fn seal_audit_head(&mut self, seal: Option<Vec<u8>>) -> Result<(), StoreError> {
        self.run("UPDATE audit_head SET seal = ?1 WHERE id = 1", [seal]).map(drop)
    }

    /// Moves the end of the chain from `left` to `head`. `false` if the end is not at `left`, or if there are rows from
    /// `next` on.
    pub fn move_audit_head(&mut self, left: &AuditHead, head: &AuditHead, next: i64) -> Result<bool, StoreError> {
        let sql = "UPDATE audit_head SET seq = ?1, hash = ?2, seal = ?3
             WHERE id = 1 AND seq = ?4 AND hash = ?5 AND seal IS ?6
                 AND NOT EXISTS (SELECT 1 FROM audit WHERE seq BETWEEN ?7 AND ?1)";
        let values = (head.seq, head.hash, &head.seal, left.seq, left.hash, &left.seal, next);
        Ok(self.run(sql, values)? > 0)
    }

    pub fn add_audit_row(&mut self, row: &AuditRow) -> Result<(), StoreError> {
        let sql = "INSERT INTO audit (seq, at, via, person, email, room, place, action, verdict, reason, event, hash)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
        let AuditRow { seq, at, via, person, email, room, place, action, verdict, reason, event, hash, damaged: _ } =
            row;
        self.run(sql, (seq, at, via, person, email, room, place, action, verdict, reason, event, hash)).map(drop)
    }

    /// The last row after `end`, if it is no further away than `stretch`.
    pub fn last_audit_row(&mut self, end: i64, stretch: i64) -> Result<Option<i64>, StoreError> {
        Ok(self.connection.value("SELECT max(seq) FROM audit WHERE seq > ?1 AND seq <= ?1 + ?2", (end, stretch))?)
    }

    /// The hash of a row up to `end`. None if there is no such row, or if it has no hash.
    pub fn audit_hash(&mut self, seq: i64, end: i64) -> Result<Option<Digest>, StoreError> {
        let sql = "SELECT hash FROM audit WHERE seq = ?1 AND seq <= ?2";
        Ok(self.connection.first(sql, (seq, end), |row| Ok(row.get("hash").ok()))?.flatten())
    }

    /// The first and the last row up to the number `most`.
    pub fn audit_ends(&mut self, most: i64) -> Result<(i64, i64), StoreError> {
        let ends = "SELECT coalesce(min(seq), 1), coalesce(max(seq), 0) FROM audit WHERE seq BETWEEN 1 AND ?1";
        Ok(self.connection.query_row(ends, [most], |row| Ok((row.get(0)?, row.get(1)?)))?)
    }

    /// Stores a head without a seal in place of one that is missing or makes no sense.
    pub fn put_audit_head(&mut self, head: &AuditHead) -> Result<(), StoreError> {
        let sql =
            "INSERT OR REPLACE INTO audit_head (id, anchor_seq, anchor_hash, seq, hash) VALUES (1, ?1, ?2, ?3, ?4)";
        self.run(sql, (head.anchor_seq, head.anchor_hash, head.seq, head.hash)).map(drop)
    }
}

/// Pruning at the chain's beginning.
impl Sqlite {
    /// Makes the chain begin where this head says, and removes the rows before. Gives their number.
    pub fn prune_audit(&mut self, head: &AuditHead) -> Result<u64, StoreError> {
        let sql = "UPDATE audit_head SET anchor_seq = ?1, anchor_hash = ?2, pruned_at = ?3, seal = ?4 WHERE id = 1";
        self.run(sql, (head.anchor_seq, head.anchor_hash, head.pruned_at, &head.seal))?;
        self.run("DELETE FROM audit WHERE seq <= ?1", [head.anchor_seq])
    }

    /// The oldest rows, as many as one step of pruning takes: the number, the time of writing, and the hash if it is
    /// one.
    pub fn oldest_audit_rows(&mut self) -> Result<Vec<(i64, i64, Option<Digest>)>, StoreError> {
        let sql = "SELECT seq, at, hash FROM audit ORDER BY seq LIMIT ?1";
        let oldest = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2).ok()));
        Ok(self.connection.all(sql, [PRUNE_STEP], oldest)?)
    }

    /// The time of the first row behind `seq` that is not from the future.
    pub fn audit_time_behind(&mut self, seq: i64, now: i64) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT at FROM audit WHERE seq > ?1 AND at <= ?2 ORDER BY seq LIMIT 1";
        Ok(self.connection.first(sql, (seq, now), column)?)
    }
}

impl Reader {
    pub async fn audit_head(&self) -> Result<Option<AuditHead>, StoreError> {
        self.read(read_head).await
    }

    /// Reads the head and every row in order, and sees all or nothing of a write meanwhile.
    /// Each row comes with its hash, if that is one.
    pub async fn whole_audit<T: Send + 'static>(
        &self,
        begin: impl FnOnce(Option<AuditHead>) -> T + Send + 'static,
        read: impl Fn(&mut T, &AuditRow, Option<Digest>) + Send + 'static,
    ) -> Result<T, StoreError> {
        self.read(move |ledger| {
            let mut reading = begin(read_head(ledger)?);
            let mut statement = ledger.prepare("SELECT * FROM audit ORDER BY seq")?;
            let mut rows = statement.query(())?;
            while let Some(row) = rows.next()? {
                read(&mut reading, &audit_row(row), row.get("hash").ok());
            }
            Ok(reading)
        })
        .await
    }

    pub async fn audited(
        &self,
        since: i64,
        most: usize,
        wanted: impl Fn(&AuditRow) -> bool + Send + 'static,
    ) -> Result<Vec<AuditRow>, StoreError> {
        self.read(move |ledger| {
            let mut statement = ledger.prepare("SELECT * FROM audit WHERE at >= ?1 ORDER BY seq DESC")?;
            let (mut rows, mut found) = (statement.query([since])?, Vec::new());
            while found.len() < most
                && let Some(row) = rows.next()?
            {
                found.extend(Some(audit_row(row)).filter(&wanted));
            }
            Ok(found)
        })
        .await
    }

    pub async fn audit_of(&self, event: Uuid) -> Result<Vec<AuditRow>, StoreError> {
        let sql = "SELECT * FROM audit WHERE event = ?1 ORDER BY seq LIMIT 100";
        self.read(move |ledger| ledger.all(sql, [event], |row| Ok(audit_row(row)))).await
    }
}

/// The head, unless it is missing or makes no sense.
fn read_head(connection: &Connection) -> rusqlite::Result<Option<AuditHead>> {
    let sql = "SELECT anchor_seq, anchor_hash, pruned_at, seq, hash, seal FROM audit_head WHERE id = 1";
    Ok(connection.first(sql, (), |row| Ok(head(row).ok()))?.flatten().and_then(AuditHead::sound))
}

fn head(row: &Row<'_>) -> rusqlite::Result<AuditHead> {
    Ok(AuditHead {
        anchor_seq: row.get(0)?,
        anchor_hash: row.get(1)?,
        pruned_at: row.get(2)?,
        seq: row.get(3)?,
        hash: row.get(4)?,
        seal: row.get(5)?,
    })
}

/// A row, as far as it can be read: one damaged row must not hide the others.
pub(super) fn audit_row(row: &Row<'_>) -> AuditRow {
    let mut damaged = false;
    let mut read = AuditRow {
        seq: whole(row.get("seq"), &mut damaged),
        at: whole(row.get("at"), &mut damaged),
        via: whole(row.get("via"), &mut damaged),
        person: whole(row.get("person"), &mut damaged),
        email: whole(row.get("email"), &mut damaged),
        room: whole(row.get("room"), &mut damaged),
        place: whole(row.get("place"), &mut damaged),
        action: whole(row.get("action"), &mut damaged),
        verdict: whole(row.get("verdict"), &mut damaged),
        reason: whole(row.get("reason"), &mut damaged),
        event: whole(row.get("event"), &mut damaged),
        hash: whole(row.get("hash"), &mut damaged),
        damaged: false,
    };
    read.damaged = damaged || Via::ALL.iter().all(|via| via.as_str() != read.via);
    read
}

/// The field, or an empty value if it could not be read.
fn whole<T: Default>(field: rusqlite::Result<T>, damaged: &mut bool) -> T {
    *damaged |= field.is_err();
    field.unwrap_or_default()
}
