//! Rows for deliveries of kinds that nobody works on: closed when they are made, never claimed, few, and soon gone. They are
//! there for whoever asks what became of one.

use std::time::Duration;

use super::database::{PRUNE_STEP, Sqlite, hex, lane_id, millis};
use crate::store::read::{COLUMNS, shown};
use crate::store::writer::Op;
use crate::store::{Entry, Row, Store, StoreError};

/// The verdict of such a row. The index of them names it, too.
pub const UNHANDLED: &str = "unhandled";

/// The most such rows that are kept; the oldest go first. It bounds what a flood of such deliveries takes on disk.
const MOST_ROWS: i64 = 1000;

/// How long such a row is kept, or for `store.retention` where that is shorter.
const KEPT_FOR: Duration = Duration::from_secs(24 * 3600);

impl Store {
    /// Adds a row that is closed at once, with this reason. `false` when its id was known.
    ///
    /// # Errors
    /// As [`Store::put`].
    pub async fn note_unhandled(&self, entry: Entry, reason: String) -> Result<bool, StoreError> {
        self.take(|answer| Op::Note(entry, reason, answer)).await
    }

    /// Every such row, oldest first.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn unhandled(&self) -> Result<Vec<Row>, StoreError> {
        let sql = format!("{COLUMNS} WHERE verdict = '{UNHANDLED}' ORDER BY seq");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(self.0.reader.pool()).await?;
        rows.iter().map(shown).collect()
    }
}

impl Sqlite {
    pub(in crate::store) async fn note_unhandled(&mut self, entry: &Entry, reason: &str) -> Result<bool, sqlx::Error> {
        let added = sqlx::query(
            "INSERT INTO ledger (id, queue, lane, state, accepted_at, happened_at, settled_at, verdict, note, body)
             VALUES (unhex(?1), ?2, unhex(?3), 1, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (id) DO NOTHING",
        )
        .bind(hex(entry.id))
        .bind(entry.queue.number())
        .bind(hex(lane_id(entry.queue, &entry.lane)))
        .bind(entry.accepted_at)
        .bind(entry.happened_at)
        .bind(self.clock.wall_ms())
        .bind(UNHANDLED)
        .bind(reason)
        .bind(&entry.body)
        .execute(&mut self.connection)
        .await?;
        Ok(added.rows_affected() > 0)
    }

    /// Takes away the oldest of them where there are too many.
    pub(in crate::store) async fn bound_unhandled(&mut self) -> Result<(), sqlx::Error> {
        sqlx::query(
            "DELETE FROM ledger WHERE seq IN
                 (SELECT seq FROM ledger WHERE verdict = 'unhandled' ORDER BY seq DESC LIMIT -1 OFFSET ?1)",
        )
        .bind(MOST_ROWS)
        .execute(&mut self.connection)
        .await
        .map(drop)
    }

    pub(in crate::store) async fn prune_unhandled(&mut self, retention: Duration) -> Result<u64, sqlx::Error> {
        let pruned = sqlx::query(
            "DELETE FROM ledger WHERE seq IN (SELECT seq FROM ledger WHERE verdict = 'unhandled' ORDER BY seq LIMIT ?2)
                 AND settled_at <= ?1",
        )
        .bind(self.clock.wall_ms() - millis(retention.min(KEPT_FOR)))
        .bind(PRUNE_STEP)
        .execute(&mut self.connection)
        .await?;
        Ok(pruned.rows_affected())
    }
}
