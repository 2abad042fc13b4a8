//! Forgets what is old, in small steps.

use std::time::Duration;

use sqlx::Row as _;

use super::database::Sqlite;
use super::values::PRUNE_STEP;
use crate::clock::millis;
use crate::store::error::StoreError;

impl Sqlite {
    pub async fn prune(&mut self, retention: Duration, dedupe: Duration) -> Result<u64, StoreError> {
        let unhandled = self.prune_unhandled(retention).await?;
        let sql =
            "UPDATE ledger SET state = 3, settled_at = NULL, verdict = NULL, subject = NULL, label = NULL, note = NULL,
                 body = NULL, sent_as = NULL, without_card = NULL, without_thread = NULL, target = NULL
             WHERE seq IN (SELECT seq FROM ledger WHERE settled_at IS NOT NULL AND settled_at <= ?1 LIMIT ?2)
             RETURNING seq";
        let until = self.clock.wall_ms() - millis(retention);
        let emptied = self.drop_raw(sqlx::query_scalar(sql).bind(until).bind(PRUNE_STEP)).await?;
        if emptied > 0 {
            self.prune_files().await?;
        }
        self.prune_used(dedupe).await?;
        self.prune_pairings(retention).await?;
        let asked = self.prune_conversations(retention).await?;
        // Threads are kept as long as the id of a letter is known.
        let threads = self.prune_threads(retention.saturating_add(dedupe)).await?;
        self.prune_approvals(retention).await?;
        let sql = "DELETE FROM ledger WHERE seq IN (SELECT seq FROM ledger ORDER BY seq LIMIT ?2) AND state = 3 AND accepted_at <= ?1";
        let forgotten = self
            .run(sqlx::query(sql).bind(self.clock.wall_ms() - millis(retention) - millis(dedupe)).bind(PRUNE_STEP))
            .await?;
        Ok(unhandled + emptied + forgotten + asked + threads)
    }

    /// Checks some lanes after those of the last step, and forgets the idle ones. The other side's clock says when a
    /// lane was last claimed. If that is not known, the lane counts as claimed now.
    pub async fn prune_lanes(&mut self, idle: Duration) -> Result<u64, StoreError> {
        let sql = "SELECT id FROM lane WHERE id > ?1 ORDER BY id LIMIT ?2";
        let looked_at = sqlx::query(sql).bind(&self.last_lane).bind(PRUNE_STEP).fetch_all(&mut self.connection).await?;
        let Some(last) = looked_at.last() else {
            self.last_lane.clear();
            return Ok(0);
        };
        let (first, last): (_, Vec<u8>) = (std::mem::take(&mut self.last_lane), last.try_get("id")?);
        let now = self.clock.wall_ms();
        let sql = "UPDATE lane SET claimed_at = ?3
             WHERE id > ?1 AND id <= ?2 AND due_at IS NULL AND leased = 0 AND claimed_at IS NULL";
        self.run(sqlx::query(sql).bind(&first).bind(&last).bind(now)).await?;
        let sql = "DELETE FROM lane WHERE id > ?1 AND id <= ?2 AND due_at IS NULL AND leased = 0 AND claimed_at <= ?3
             AND NOT EXISTS (SELECT 1 FROM ledger WHERE queue = lane.queue AND lane = lane.id AND state = 0)";
        let forgotten = self.run(sqlx::query(sql).bind(&first).bind(&last).bind(now - millis(idle))).await?;
        self.last_lane = last;
        Ok(forgotten)
    }
}
