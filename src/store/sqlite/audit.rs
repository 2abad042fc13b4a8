//! Stores the audit's rows and its head. Their meaning is the business of the chain.

use futures_util::StreamExt;
use serde::Serialize;
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use uuid::Uuid;

use super::database::Sqlite;
use super::read::Reader;
use super::values::{PRUNE_STEP, hex, json};
use crate::signature::Digest;
use crate::store::{AuditHead, AuditRow, StoreError, Via};

/// Adding to the chain.
impl Sqlite {
    /// The head as it is stored. `None` if it is missing or makes no sense.
    pub async fn audit_head(&mut self) -> Result<Option<AuditHead>, StoreError> {
        read_head(&mut self.connection).await
    }

    pub async fn seal_audit_head(&mut self, seal: Option<Vec<u8>>) -> Result<(), StoreError> {
        self.run(sqlx::query("UPDATE audit_head SET seal = ?1 WHERE id = 1").bind(seal)).await.map(drop)
    }

    /// Moves the end of the chain from `left` to `head`. `false` if the end is not at `left`, or if there are rows from
    /// `next` on.
    pub async fn move_audit_head(&mut self, left: &AuditHead, head: &AuditHead, next: i64) -> Result<bool, StoreError> {
        let sql = "UPDATE audit_head SET seq = ?1, hash = ?2, seal = ?3
             WHERE id = 1 AND seq = ?4 AND hash = ?5 AND seal IS ?6
                 AND NOT EXISTS (SELECT 1 FROM audit WHERE seq BETWEEN ?7 AND ?1)";
        let moved = sqlx::query(sql)
            .bind(head.seq)
            .bind(head.hash.as_slice())
            .bind(head.seal.as_deref())
            .bind(left.seq)
            .bind(left.hash.as_slice())
            .bind(left.seal.as_deref())
            .bind(next);
        Ok(self.run(moved).await? > 0)
    }

    pub async fn add_audit_rows(&mut self, rows: &[AuditRow]) -> Result<(), StoreError> {
        let sql = "INSERT INTO audit (seq, at, via, person, email, room, place, action, verdict, reason, event, hash)
             SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, value->>7, value->>8,
                 value->>9, unhex(value->>10), unhex(value->>11)
             FROM json_each(?1)";
        let rows = json(&rows.iter().map(columns).collect::<Vec<_>>())?;
        self.run(sqlx::query(sql).bind(rows)).await.map(drop)
    }

    /// The last row after `end`, if it is no further away than `stretch`.
    pub async fn last_audit_row(&mut self, end: i64, stretch: i64) -> Result<Option<i64>, StoreError> {
        let last = sqlx::query_scalar("SELECT max(seq) FROM audit WHERE seq > ?1 AND seq <= ?1 + ?2");
        Ok(last.bind(end).bind(stretch).fetch_one(&mut self.connection).await?)
    }

    /// The hash of a row up to `end`. None if there is no such row, or if it has no hash.
    pub async fn audit_hash(&mut self, seq: i64, end: i64) -> Result<Option<Digest>, StoreError> {
        let row = sqlx::query("SELECT hash FROM audit WHERE seq = ?1 AND seq <= ?2").bind(seq).bind(end);
        let row = row.fetch_optional(&mut self.connection).await?;
        Ok(row.and_then(|row| digest(&row, "hash").ok()))
    }

    /// The first and the last row up to the number `most`.
    pub async fn audit_ends(&mut self, most: i64) -> Result<(i64, i64), StoreError> {
        let ends = "SELECT coalesce(min(seq), 1), coalesce(max(seq), 0) FROM audit WHERE seq BETWEEN 1 AND ?1";
        Ok(sqlx::query_as(ends).bind(most).fetch_one(&mut self.connection).await?)
    }

    /// Stores a head without a seal in place of one that is missing or makes no sense.
    pub async fn put_audit_head(&mut self, head: &AuditHead) -> Result<(), StoreError> {
        let sql =
            "INSERT OR REPLACE INTO audit_head (id, anchor_seq, anchor_hash, seq, hash) VALUES (1, ?1, ?2, ?3, ?4)";
        let putting = sqlx::query(sql)
            .bind(head.anchor_seq)
            .bind(head.anchor_hash.as_slice())
            .bind(head.seq)
            .bind(head.hash.as_slice());
        self.run(putting).await.map(drop)
    }
}

/// Pruning at the chain's beginning.
impl Sqlite {
    /// Makes the chain begin where this head says, and removes the rows before. Gives their number.
    pub async fn prune_audit(&mut self, head: &AuditHead) -> Result<u64, StoreError> {
        let sql = "UPDATE audit_head SET anchor_seq = ?1, anchor_hash = ?2, pruned_at = ?3, seal = ?4 WHERE id = 1";
        let moved = sqlx::query(sql)
            .bind(head.anchor_seq)
            .bind(head.anchor_hash.as_slice())
            .bind(head.pruned_at)
            .bind(head.seal.as_deref());
        self.run(moved).await?;
        self.run(sqlx::query("DELETE FROM audit WHERE seq <= ?1").bind(head.anchor_seq)).await
    }

    /// The oldest rows, as many as one step of pruning takes: the number, the time of writing, and the hash if it is
    /// one.
    pub async fn oldest_audit_rows(&mut self) -> Result<Vec<(i64, i64, Option<Digest>)>, StoreError> {
        let oldest = sqlx::query("SELECT seq, at, hash FROM audit ORDER BY seq LIMIT ?1").bind(PRUNE_STEP);
        let rows = oldest.fetch_all(&mut self.connection).await?;
        rows.iter().map(|row| Ok((row.try_get("seq")?, row.try_get("at")?, digest(row, "hash").ok()))).collect()
    }

    /// The time of the first row behind `seq` that is not from the future.
    pub async fn audit_time_behind(&mut self, seq: i64, now: i64) -> Result<Option<i64>, StoreError> {
        let behind = sqlx::query_scalar("SELECT at FROM audit WHERE seq > ?1 AND at <= ?2 ORDER BY seq LIMIT 1");
        Ok(behind.bind(seq).bind(now).fetch_optional(&mut self.connection).await?)
    }
}

impl Reader {
    pub async fn audit_head(&self) -> Result<Option<AuditHead>, StoreError> {
        read_head(&mut *self.pool.acquire().await?).await
    }

    /// Reads the head and every row in order, in one transaction, so that it sees all or nothing of a write meanwhile.
    /// Each row comes with its hash, if that is one.
    pub async fn whole_audit<T>(
        &self,
        begin: impl FnOnce(Option<AuditHead>) -> T,
        read: impl Fn(&mut T, &AuditRow, Option<Digest>),
    ) -> Result<T, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let mut reading = begin(read_head(&mut transaction).await?);
        let mut rows = sqlx::query("SELECT * FROM audit ORDER BY seq").fetch(&mut *transaction);
        while let Some(row) = rows.next().await {
            let row = row?;
            read(&mut reading, &audit_row(&row), digest(&row, "hash").ok());
        }
        Ok(reading)
    }

    pub async fn audited(
        &self,
        since: i64,
        most: usize,
        wanted: impl Fn(&AuditRow) -> bool,
    ) -> Result<Vec<AuditRow>, StoreError> {
        let rows = sqlx::query("SELECT * FROM audit WHERE at >= ?1 ORDER BY seq DESC").bind(since);
        let (mut rows, mut found) = (rows.fetch(&self.pool), Vec::new());
        while found.len() < most
            && let Some(row) = rows.next().await
        {
            found.extend(Some(audit_row(&row?)).filter(&wanted));
        }
        Ok(found)
    }

    pub async fn audit_of(&self, event: Uuid) -> Result<Vec<AuditRow>, StoreError> {
        let rows = sqlx::query("SELECT * FROM audit WHERE event = ?1 ORDER BY seq LIMIT 100").bind(event);
        Ok(rows.fetch_all(&self.pool).await?.iter().map(audit_row).collect())
    }
}

async fn read_head(connection: &mut SqliteConnection) -> Result<Option<AuditHead>, StoreError> {
    let row = sqlx::query("SELECT anchor_seq, anchor_hash, pruned_at, seq, hash, seal FROM audit_head WHERE id = 1");
    Ok(row.fetch_optional(connection).await?.and_then(|row| head(&row).ok()?.sound()))
}

fn head(row: &SqliteRow) -> Result<AuditHead, sqlx::Error> {
    Ok(AuditHead {
        anchor_seq: row.try_get("anchor_seq")?,
        anchor_hash: digest(row, "anchor_hash")?,
        pruned_at: row.try_get("pruned_at")?,
        seq: row.try_get("seq")?,
        hash: digest(row, "hash")?,
        seal: row.try_get("seal")?,
    })
}

/// A row, as far as it can be read: one damaged row must not hide the others.
pub(super) fn audit_row(row: &SqliteRow) -> AuditRow {
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

/// The field, or an empty value if it could not be read.
fn whole<T: Default>(field: Result<T, sqlx::Error>, damaged: &mut bool) -> T {
    *damaged |= field.is_err();
    field.unwrap_or_default()
}

/// The values of a row in the order of the table's columns, for one statement over many rows.
fn columns(row: &AuditRow) -> impl Serialize + '_ {
    let AuditRow { seq, at, via, person, email, room, place, action, verdict, reason, event, hash, damaged: _ } = row;
    let (event, hash) = (event.map(hex), hex::encode(hash));
    (seq, at, via, person, email, room, place, action, verdict, reason, event, hash)
}

fn digest(row: &SqliteRow, column: &str) -> Result<Digest, sqlx::Error> {
    let bytes: Vec<u8> = row.try_get(column)?;
    bytes.try_into().map_err(|_| sqlx::Error::Decode("not the 32 bytes of a hash".into()))
}
