//! Stores rows for deliveries that nobody works on. They are closed when they are made, never claimed, few, and soon
//! gone.

use std::time::Duration;

use super::database::Sqlite;
use super::values::{PRUNE_STEP, hex};
use crate::clock::millis;
use crate::store::{Entry, StoreError, lane_id};
use crate::verdict::Verdict;

/// The most such rows that are kept. Beyond it the oldest are removed, which bounds what a flood of such deliveries
/// takes on disk.
const MOST_ROWS: i64 = 1000;

/// How long such a row is kept, unless `store.retention` is shorter.
const KEPT_FOR: Duration = Duration::from_secs(24 * 3600);

impl Sqlite {
    pub async fn note_unhandled(&mut self, entry: &Entry, reason: &str) -> Result<u64, StoreError> {
        let sql =
            "INSERT INTO ledger (id, queue, lane, state, accepted_at, happened_at, settled_at, verdict, note, body)
             VALUES (unhex(?1), ?2, unhex(?3), 1, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (id) DO NOTHING RETURNING seq";
        let added: Option<i64> = sqlx::query_scalar(sql)
            .bind(hex(entry.id))
            .bind(entry.queue.number())
            .bind(hex(lane_id(entry.queue, &entry.lane)))
            .bind(entry.accepted_at)
            .bind(entry.happened_at)
            .bind(self.clock.wall_ms())
            .bind(Verdict::Unhandled.word())
            .bind(reason)
            .bind(&entry.body)
            .fetch_optional(&mut self.connection)
            .await?;
        let raw: Vec<_> = added.zip(entry.raw.as_deref()).into_iter().collect();
        self.keep_raw(&raw).await?;
        Ok(u64::from(added.is_some()))
    }

    /// Removes the oldest of these rows if there are too many.
    pub async fn bound_unhandled(&mut self) -> Result<(), StoreError> {
        let sql = "DELETE FROM ledger WHERE seq IN
             (SELECT seq FROM ledger WHERE verdict = 'unhandled' ORDER BY seq DESC LIMIT -1 OFFSET ?1)
             RETURNING seq";
        self.drop_raw(sqlx::query_scalar(sql).bind(MOST_ROWS)).await.map(drop)
    }

    pub(super) async fn prune_unhandled(&mut self, retention: Duration) -> Result<u64, StoreError> {
        let sql =
            "DELETE FROM ledger WHERE seq IN (SELECT seq FROM ledger WHERE verdict = 'unhandled' ORDER BY seq LIMIT ?2)
             AND settled_at <= ?1 RETURNING seq";
        let until = self.clock.wall_ms() - millis(retention.min(KEPT_FOR));
        self.drop_raw(sqlx::query_scalar(sql).bind(until).bind(PRUNE_STEP)).await
    }
}
