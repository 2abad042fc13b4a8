//! Forgets what is old, in small steps.

use std::time::Duration;

use sqlx::Row as _;

use super::database::{PRUNE_STEP, Sqlite, millis};
use crate::store::writer::Op;
use crate::store::{Store, StoreError};

impl Store {
    /// Empties rows settled longer than `retention` ago, and forgets the ids of those accepted longer than
    /// `retention` and `dedupe` ago. Works in small steps; returns how many rows this one changed.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn prune(&self, retention: Duration, dedupe: Duration) -> Result<u64, StoreError> {
        self.ask(|answer| Op::Prune { retention, dedupe, answer }).await
    }

    /// Forgets lanes that nobody has worked on for so long, with their marks. Works in small steps; returns how many lanes
    /// this one has forgotten.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn prune_lanes(&self, idle: Duration) -> Result<u64, StoreError> {
        self.ask(|answer| Op::PruneLanes(idle, answer)).await
    }
}

impl Sqlite {
    pub(in crate::store) async fn prune(&mut self, retention: Duration, dedupe: Duration) -> Result<u64, sqlx::Error> {
        let unhandled = self.prune_unhandled(retention).await?;
        let emptied = sqlx::query(
            "UPDATE ledger SET state = 3, settled_at = NULL, verdict = NULL, subject = NULL, label = NULL, note = NULL, body = NULL
             WHERE seq IN (SELECT seq FROM ledger WHERE settled_at IS NOT NULL AND settled_at <= ?1 LIMIT ?2)",
        ).bind(self.clock.wall_ms() - millis(retention)).bind(PRUNE_STEP).execute(&mut self.connection).await?;
        if emptied.rows_affected() > 0 {
            self.prune_files().await?;
        }
        self.prune_used(dedupe).await?;
        self.prune_pairings(retention).await?;
        let asked = self.prune_conversations(retention).await?;
        self.prune_approvals(retention).await?;
        let forgotten = sqlx::query(
            "DELETE FROM ledger WHERE seq IN (SELECT seq FROM ledger ORDER BY seq LIMIT ?2) AND state = 3 AND accepted_at <= ?1",
        ).bind(self.clock.wall_ms() - millis(retention) - millis(dedupe)).bind(PRUNE_STEP).execute(&mut self.connection).await?;
        Ok(unhandled + emptied.rows_affected() + forgotten.rows_affected() + asked)
    }

    /// Looks at some lanes after those it looked at before, and forgets the idle ones. When a lane was claimed is known by
    /// the other side's clock; where it is not, its time begins now.
    pub(in crate::store) async fn prune_lanes(&mut self, idle: Duration) -> Result<u64, sqlx::Error> {
        let looked_at = sqlx::query("SELECT id FROM lane WHERE id > ?1 ORDER BY id LIMIT ?2")
            .bind(&self.last_lane)
            .bind(PRUNE_STEP)
            .fetch_all(&mut self.connection)
            .await?;
        let Some(last) = looked_at.last() else {
            self.last_lane.clear();
            return Ok(0);
        };
        let (first, last): (_, Vec<u8>) = (std::mem::take(&mut self.last_lane), last.try_get("id")?);
        let now = self.clock.wall_ms();
        sqlx::query(
            "UPDATE lane SET claimed_at = ?3
             WHERE id > ?1 AND id <= ?2 AND due_at IS NULL AND leased = 0 AND claimed_at IS NULL",
        )
        .bind(&first)
        .bind(&last)
        .bind(now)
        .execute(&mut self.connection)
        .await?;
        let forgotten = sqlx::query(
            "DELETE FROM lane WHERE id > ?1 AND id <= ?2 AND due_at IS NULL AND leased = 0 AND claimed_at <= ?3
                 AND NOT EXISTS (SELECT 1 FROM ledger WHERE queue = lane.queue AND lane = lane.id AND state = 0)",
        )
        .bind(&first)
        .bind(&last)
        .bind(now - millis(idle))
        .execute(&mut self.connection)
        .await?;
        self.last_lane = last;
        Ok(forgotten.rows_affected())
    }
}
