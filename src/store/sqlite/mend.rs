//! What an operator does to a row by hand: try it again, or drop it. Each is audited in the transaction that does it.

use sqlx::Row as _;
use uuid::Uuid;

use super::database::{Due, Sqlite};
use crate::store::writer::Op;
use crate::store::{AuditEntry, Store, StoreError};

impl Store {
    /// Opens a dead letter again, or makes an open row due now. `false` when there is no such row.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn reopen(&self, id: Uuid, audit: AuditEntry) -> Result<bool, StoreError> {
        self.ask(|answer| Op::Reopen(id, audit, answer)).await
    }

    /// Closes an open row or a dead letter without doing it. `false` when there is no such row.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn discard(&self, id: Uuid, audit: AuditEntry) -> Result<bool, StoreError> {
        self.ask(|answer| Op::Discard(id, audit, answer)).await
    }
}

impl Store {
    /// Makes everything due now that waits for a pause to end: it was asked for by somebody who takes it back.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn hurry(&self) -> Result<(), StoreError> {
        self.ask(Op::Hurry).await
    }
}

impl Sqlite {
    pub(in crate::store) async fn hurry(&mut self, due: &mut Due) -> Result<(), sqlx::Error> {
        *due = Due::all();
        sqlx::query("UPDATE lane SET due_at = ?1 WHERE leased = 0 AND due_at > ?1")
            .bind(self.at_once())
            .execute(&mut self.connection)
            .await
            .map(drop)
    }

    /// A dead letter is open again, or an open row due now, with all its tries before it. Whether one of the earlier
    /// ones had its effect stays uncertain.
    pub(in crate::store) async fn reopen(&mut self, id: Uuid, due: &mut Due) -> Result<bool, sqlx::Error> {
        let row = sqlx::query(
            "UPDATE ledger SET state = 0, attempts = 0, deaths = 0, failing_at = NULL, settled_at = NULL, verdict = NULL
             WHERE id = ?1 AND state IN (0, 2) RETURNING lane",
        ).bind(id).fetch_optional(&mut self.connection).await?;
        let Some(row) = row else { return Ok(false) };
        sqlx::query("UPDATE lane SET due_at = ?2 WHERE id = ?1 AND leased = 0")
            .bind(row.try_get::<Uuid, _>("lane")?)
            .bind(self.at_once())
            .execute(&mut self.connection)
            .await?;
        *due = Due::all();
        Ok(true)
    }

    /// Closes a row unfinished. If its lane is at this very row, the fence moves on, so that whoever works on it settles
    /// nothing; work on another row of the space is left in peace.
    pub(in crate::store) async fn discard(&mut self, id: Uuid, due: &mut Due) -> Result<bool, sqlx::Error> {
        let row = sqlx::query(
            "UPDATE ledger SET state = 1, settled_at = ?2, verdict = 'dropped'
             WHERE id = ?1 AND state IN (0, 2) RETURNING lane, seq",
        )
        .bind(id)
        .bind(self.clock.wall_ms())
        .fetch_optional(&mut self.connection)
        .await?;
        let Some(row) = row else { return Ok(false) };
        sqlx::query("UPDATE lane SET fence = fence + 1, leased = 0, due_at = ?3 WHERE id = ?1 AND head = ?2 AND due_at IS NOT NULL")
            .bind(row.try_get::<Uuid, _>("lane")?).bind(row.try_get::<i64, _>("seq")?).bind(self.at_once())
            .execute(&mut self.connection).await?;
        self.drop_files(&[row.try_get("seq")?]).await?;
        *due = Due::all();
        Ok(true)
    }
}
