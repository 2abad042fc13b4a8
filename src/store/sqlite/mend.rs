//! Changes a row by an operator's hand: has it tried again, or drops it.

use sqlx::Row as _;
use uuid::Uuid;

use super::database::Sqlite;
use crate::store::{Due, StoreError};

impl Sqlite {
    pub async fn make_all_due(&mut self, due: &mut Due) -> Result<u64, StoreError> {
        *due = Due::all();
        self.run(sqlx::query("UPDATE lane SET due_at = ?1 WHERE leased = 0 AND due_at > ?1").bind(self.at_once())).await
    }

    /// Opens a dead letter again, or makes an open row due now. The row gets all its tries again. If an earlier try may
    /// have had its effect, that stays uncertain.
    pub async fn reopen(&mut self, id: Uuid, due: &mut Due) -> Result<bool, StoreError> {
        let sql = "UPDATE ledger SET state = 0, attempts = 0, deaths = 0, failing_at = NULL, settled_at = NULL, verdict = NULL
             WHERE id = ?1 AND state IN (0, 2) RETURNING lane";
        let row = sqlx::query(sql).bind(id).fetch_optional(&mut self.connection).await?;
        let Some(row) = row else { return Ok(false) };
        let sql = "UPDATE lane SET due_at = ?2 WHERE id = ?1 AND leased = 0";
        self.run(sqlx::query(sql).bind(row.try_get::<Uuid, _>("lane")?).bind(self.at_once())).await?;
        *due = Due::all();
        Ok(true)
    }

    /// Closes a row unfinished. If its lane is working on this row, the fence moves on, so that the worker can settle
    /// nothing. Work on another row of the lane is not disturbed.
    pub async fn discard(&mut self, id: Uuid, due: &mut Due) -> Result<bool, StoreError> {
        let sql = "UPDATE ledger SET state = 1, settled_at = ?2, verdict = 'dropped'
             WHERE id = ?1 AND state IN (0, 2) RETURNING lane, seq";
        let row = sqlx::query(sql).bind(id).bind(self.clock.wall_ms()).fetch_optional(&mut self.connection).await?;
        let Some(row) = row else { return Ok(false) };
        let sql = "UPDATE lane SET fence = fence + 1, leased = 0, due_at = ?3 WHERE id = ?1 AND head = ?2 AND due_at IS NOT NULL";
        self.run(
            sqlx::query(sql)
                .bind(row.try_get::<Uuid, _>("lane")?)
                .bind(row.try_get::<i64, _>("seq")?)
                .bind(self.at_once()),
        )
        .await?;
        self.drop_files(&[row.try_get("seq")?]).await?;
        *due = Due::all();
        Ok(true)
    }
}
